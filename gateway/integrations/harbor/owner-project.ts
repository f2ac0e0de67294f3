import { knotError } from '../../lib/index.ts';
import type { ToolOwner } from '../integration.ts';
import type { AskHarbor } from './ask.ts';
import { everyPage } from './pages.ts';

/** Roles of Harbor: what a member may do in a project. */
const roles = { developer: 2, maintainer: 4 } as const;

type Project = {
  project_id: number;
  name: string;
  owner_name?: string;
  metadata?: { public?: string };
  repo_count?: number;
};
type Member = { id: number; entity_name: string; entity_type: string; role_id: number };
type Quota = { id: number; hard?: { storage?: number }; used?: { storage?: number }; ref?: { id?: number } };

const v2 = '/api/v2.0';

/** Names that Harbor or Knot keeps for something else. */
const kept: ReadonlySet<string> = new Set(['library']);

/**
 * The project of a person or team, which has their name: private, its members by the groups in Knot's tokens, its quota from the plan.
 * Nobody is an administrator of it: robots and members that they added would outlive what Knot decides.
 */
export async function provideProject(ask: AskHarbor, owner: ToolOwner): Promise<{ projectId: number }> {
  if (kept.has(owner.name)) throw taken(owner.name);
  const limit = owner.storage ?? -1;
  const made = await ask('POST', `${v2}/projects`, {
    body: { project_name: owner.name, metadata: { public: 'false' }, storage_limit: limit },
    also: [409],
  });
  const project = (await ask<Project>('GET', projectPath(owner.name))).body;
  if (made.status === 409 && project.owner_name !== undefined && !(await isOfKnot(ask, project.owner_name))) {
    throw taken(owner.name);
  }
  if (project.metadata?.public === 'true') {
    await ask('PUT', projectPath(owner.name), { body: { metadata: { public: 'false' } } });
  }
  await provideMembers(ask, owner);
  await provideQuota(ask, project.project_id, limit);
  return { projectId: project.project_id };
}

export const projectPath = (name: string): string => `${v2}/projects/${encodeURIComponent(name)}`;

/** Whoever made it is an administrator, or a robot: people may not make any. One of before is somebody's own. */
async function isOfKnot(ask: AskHarbor, maker: string): Promise<boolean> {
  if (maker === 'admin' || maker.includes('$')) return true;
  const found = await everyPage<{ username: string; sysadmin_flag?: boolean }>(
    ask,
    `${v2}/users?username=${encodeURIComponent(maker)}`,
    ({ username }) => username,
  );
  const user = found.found.find(({ username }) => username === maker);
  return user === undefined || user.sysadmin_flag === true;
}

/** Groups of Knot that are members and should not be are taken out; whom an administrator added by hand stays. */
async function provideMembers(ask: AskHarbor, owner: ToolOwner): Promise<void> {
  const wanted = new Map<string, number>();
  if (owner.isGone !== true) {
    const role = owner.kind === 'user' ? roles.maintainer : roles.developer;
    wanted.set(`knot:${owner.kind}:${owner.name}`, role);
    for (const name of owner.managers ?? []) wanted.set(`knot:user:${name}`, roles.maintainer);
  }
  const path = `${projectPath(owner.name)}/members`;
  const { found } = await everyPage<Member>(ask, path, ({ id }) => id);
  for (const { id, entity_name, entity_type, role_id } of found) {
    if (entity_type !== 'g' || !entity_name.startsWith('knot:')) continue;
    const role = wanted.get(entity_name);
    wanted.delete(entity_name);
    if (role === undefined) await ask('DELETE', `${path}/${id}`, { also: [404] });
    else if (role !== role_id) await ask('PUT', `${path}/${id}`, { body: { role_id: role } });
  }
  for (const [group_name, role_id] of wanted) {
    await ask('POST', path, { body: { role_id, member_group: { group_name, group_type: 3 } }, also: [409] });
  }
}

/** Bytes; -1 is no bound. */
async function provideQuota(ask: AskHarbor, projectId: number, limit: number): Promise<void> {
  const quota = await quotaOf(ask, projectId);
  if (quota === undefined || quota.hard?.storage === limit) return;
  await ask('PUT', `${v2}/quotas/${quota.id}`, { body: { hard: { storage: limit } } });
}

/** How much a project holds and may hold; undefined where Harbor keeps no quotas. */
export async function quotaOf(ask: AskHarbor, projectId: number): Promise<Quota | undefined> {
  const { body } = await ask<Quota[]>('GET', `${v2}/quotas?reference=project&reference_id=${projectId}`);
  return (Array.isArray(body) ? body : []).find(({ ref }) => ref?.id === undefined || ref.id === projectId);
}

/** The project of a name; undefined when there is none. */
export async function findProject(ask: AskHarbor, name: string): Promise<Project | undefined> {
  const { status, body } = await ask<Project>('GET', projectPath(name), { also: [403, 404] });
  return status === 200 ? body : undefined;
}

/**
 * Of somebody who is gone: nobody of Knot's gets in any more, and the project goes when there is nothing in it. Images stay until an
 * administrator removes them: other people's services may run from them, and nobody gets the name again.
 */
export async function retireProject(ask: AskHarbor, owner: ToolOwner): Promise<void> {
  if (kept.has(owner.name) || (await findProject(ask, owner.name)) === undefined) return;
  await provideMembers(ask, { ...owner, isGone: true });
  // 412: it holds something.
  await ask('DELETE', projectPath(owner.name), { also: [404, 412] });
}

/** Everybody may read it, with and without a sign-in: it is where a house keeps what all its people use. */
export async function provideLibrary(ask: AskHarbor): Promise<void> {
  const library = await findProject(ask, 'library');
  if (library === undefined) {
    const body = { project_name: 'library', metadata: { public: 'true' }, storage_limit: -1 };
    await ask('POST', `${v2}/projects`, { body, also: [409] });
  } else if (library.metadata?.public !== 'true') {
    await ask('PUT', projectPath('library'), { body: { metadata: { public: 'true' } } });
  }
}

const taken = (name: string) =>
  knotError('KNOT_INTEGRATIONS_HARBOR_TAKEN', 409, `Harbor has a project ${name} that is not Knot’s.`, {
    remedy: 'Rename or remove that project in Harbor; Knot makes its own within an hour.',
  });
