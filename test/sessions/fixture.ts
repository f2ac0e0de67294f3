import type { Test } from 'tap';
import { type AuditEntry, createManualClock, newId, type Session, silentLog } from '../../gateway/lib/index.ts';
import { type AccountGuard, createSessions, type Sessions } from '../../gateway/sessions/index.ts';
import { openStore, type Store } from '../../gateway/store/index.ts';

export const idleSeconds = 3600;
export const absoluteSeconds = 24 * 3600;
export const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';

/** Accounts that never change: what these tests are about is the life of sessions (test/app/people.test.ts has the rest). */
export const everybody: AccountGuard = { admit: async () => true, holdActive: async () => true };
export const unrecorded = async (): Promise<void> => undefined;

export type Fixture = {
  clock: ReturnType<typeof createManualClock>;
  store: Store;
  sessions: Sessions;
  audited: AuditEntry[];
  ended: string[];
  endedHostSessions: string[];
  userId: string;
  /** The service as another process on the same store would have it. */
  openAgain(): Sessions;
  signIn(userId?: string): Promise<{ header: string; id: string; session: Session }>;
};

/** Sessions over a real store with one person in it. */
export async function createFixture(t: Test, given?: { store: Store; clock: Fixture['clock'] }): Promise<Fixture> {
  const clock = given?.clock ?? createManualClock();
  const store = given?.store ?? (await openStore({ url: 'sqlite::memory:', clock, log: silentLog }));
  if (!given) t.teardown(() => store.close());
  const audited: AuditEntry[] = [];
  const userId = await addUser(store, 'ann');
  const open = () => {
    const sessions = createSessions({
      store,
      clock,
      config: { idleSeconds, absoluteSeconds },
      record: async (_transaction, entry) => void audited.push(entry),
      account: everybody,
      log: silentLog,
    });
    t.teardown(() => sessions.close());
    return sessions;
  };
  const sessions = open();
  const ended: string[] = [];
  sessions.onEnded((centralId) => void ended.push(centralId));
  const endedHostSessions: string[] = [];
  sessions.onHostSessionEnded((id) => void endedHostSessions.push(id));
  return {
    clock,
    store,
    sessions,
    audited,
    ended,
    endedHostSessions,
    userId,
    openAgain: open,
    async signIn(who = userId) {
      const user = { id: who, username: 'ann', credentialVersion: 1 };
      const { secret, session } = (await sessions.start({ user, device: firefox, address: '192.0.2.1' }))!;
      return { header: `__Host-knot=${secret}`, id: session.id, session };
    },
  };
}

export async function addUser(store: Store, username: string): Promise<string> {
  const id = newId();
  await store.db
    .insertInto('users')
    .values({
      id,
      username,
      email: `${username}@example.org`,
      email_key: `${username}@example.org`,
      is_admin: 0,
      state: 'active',
      password_hash: null,
      version: 1,
      created_at: 0,
      last_sign_in_at: null,
    })
    .execute();
  return id;
}
