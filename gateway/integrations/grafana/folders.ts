import type { Ask } from '../ask.ts';

/** Who may do what in a folder: everybody of a role, one person, or one team. */
export type Grant = { role?: 'Viewer' | 'Editor'; userId?: number; teamId?: number; permission: number };

/** View, of view (1), edit (2) and admin (4). Grafana, "Folder permissions API". */
export const views = 1;
export const edits = 2;

/** Whether nobody but administrators and those of `grants` may come into the folder, and each of them as is written there. */
export async function holds(ask: Ask, uid: string, grants: readonly Grant[]): Promise<boolean> {
  const { body } = await ask<Told[]>('GET', `/api/folders/${uid}/permissions`);
  const told = body.filter(({ inherited, role }) => inherited !== true && role !== 'Admin').map(wordOf);
  const wanted = grants.map(wordOf);
  return told.length === wanted.length && wanted.every((one) => told.includes(one));
}

type Told = Omit<Grant, 'role'> & { role?: string; inherited?: boolean };

const wordOf = ({ userId, teamId, role, permission }: Omit<Told, 'inherited'>): string =>
  [userId || 0, teamId || 0, role ?? '', permission].join();

/**
 * Makes a folder, or gives it the title and the rights that it should have. A folder is everybody's until its rights are set
 * (community.grafana#213): a new one whose rights do not hold is taken away again.
 */
export async function provideFolder(
  ask: Ask,
  { uid, title, grants }: { uid: string; title: string; grants: readonly Grant[] },
): Promise<void> {
  const before = await ask<{ title: string }>('GET', `/api/folders/${uid}`, { also: [404] });
  const isNew = before.status === 404;
  if (isNew) await ask('POST', '/api/folders', { body: { uid, title }, also: [409, 412] });
  else if (before.body.title !== title) await ask('PUT', `/api/folders/${uid}`, { body: { title, overwrite: true } });
  try {
    if (!isNew && (await holds(ask, uid, grants))) return;
    await ask('POST', `/api/folders/${uid}/permissions`, { body: { items: grants } });
    if (!(await holds(ask, uid, grants))) throw new Error(`the rights of the folder ${uid} were set and do not hold`);
  } catch (error) {
    if (isNew) await ask('DELETE', `/api/folders/${uid}`, { also: [404] }).catch(() => undefined);
    throw error;
  }
}
