import { randomUUID } from 'node:crypto';
import { type Clock, knotError } from '../../lib/index.ts';
import type { Row, Store } from '../../store/index.ts';
import { lockUsage } from '../quota/records.ts';
import { type Area, keyOf } from '../walk/areas.ts';
import { type Path, textOfPath } from '../walk/names.ts';
import { countLocks, deleteExpiredLocks, deleteLocks, extendLock, insertLock, locksIn } from './records.ts';

/** A write lock that a client took (RFC 4918 section 6): of a file or folder, or of all that is below as well. */
export type Lock = {
  /** `urn:uuid:…`: random, so that nobody guesses it, and of no use to anybody but its owner. */
  token: string;
  /** As text; '' is the area itself. */
  path: string;
  isDeep: boolean;
  isShared: boolean;
  userId: string;
  /** What the client wants others to see, as XML of our own making. */
  owner: string;
  expiresAt: number;
};

export type NewLock = Pick<Lock, 'isDeep' | 'isShared' | 'userId' | 'owner'> & { seconds: number };

export type Locks = {
  /** @throws KNOT_FILES_LOCKED (423) with the path that is, KNOT_FILES_LOCKS when somebody has too many */
  take(area: Area, path: Path, lock: NewLock): Promise<Lock>;
  /** Those that hold now, in the whole area. */
  in(area: Area): Promise<Lock[]>;
  extend(lock: Lock, seconds: number): Promise<Lock>;
  release(lock: Lock): Promise<void>;
  /** Of what is not there any more, and of all that was in it (RFC 4918 section 9.6.1). */
  forget(area: Area, path: Path): Promise<void>;
  expire(): Promise<void>;
};

const mostLocks = 1000;
const longestSeconds = 3600;

/** Whether a lock holds for a path. */
export const covers = ({ path, isDeep }: Pick<Lock, 'path' | 'isDeep'>, other: string): boolean =>
  path === other || (isDeep && isBelow(other, path));

/** Whether a path lies in a folder; everything lies in the area. */
export const isBelow = (path: string, folder: string): boolean =>
  path !== folder && (folder === '' || path.startsWith(`${folder}/`));

export function createLocks({ store, clock }: { store: Store; clock: Clock }): Locks {
  const until = (seconds: number) => clock.now() + Math.min(Math.max(1, seconds), longestSeconds) * 1000;

  return {
    take: (area, path, { isDeep, isShared, userId, owner, seconds }) =>
      store.transaction(async ({ db }) => {
        const key = keyOf(area);
        const now = clock.now();
        // Holds the area until the transaction ends, so that two never take what excludes one another.
        await lockUsage(db, key);
        await deleteExpiredLocks(db, now);
        const wanted = { path: textOfPath(path), isDeep };
        const held = (await locksIn(db, key, now)).map(toLock);
        const other = held.find(
          (lock) => (covers(lock, wanted.path) || covers(wanted, lock.path)) && !(isShared && lock.isShared),
        );
        if (other) throw locked(other.path);
        if ((await countLocks(db, userId)) >= mostLocks) {
          throw knotError('KNOT_FILES_LOCKS', 507, `Nobody holds more than ${mostLocks} locks.`, {
            remedy: 'Close files that are open in other programs; a lock ends by itself within an hour.',
          });
        }
        const lock: Lock = {
          ...wanted,
          token: `urn:uuid:${randomUUID()}`,
          isShared,
          userId,
          owner,
          expiresAt: until(seconds),
        };
        await insertLock(db, {
          token: lock.token,
          area: key,
          path: lock.path,
          is_deep: isDeep ? 1 : 0,
          is_shared: isShared ? 1 : 0,
          user_id: userId,
          owner,
          expires_at: lock.expiresAt,
        });
        return lock;
      }),
    in: async (area) => (await locksIn(store.db, keyOf(area), clock.now())).map(toLock),
    async extend(lock, seconds) {
      const expiresAt = until(seconds);
      await extendLock(store.db, lock.token, expiresAt);
      return { ...lock, expiresAt };
    },
    release: ({ token }) => deleteLocks(store.db, [token]),
    async forget(area, path) {
      const gone = textOfPath(path);
      const rows = await locksIn(store.db, keyOf(area), clock.now());
      const tokens = rows.filter((row) => row.path === gone || isBelow(row.path, gone)).map(({ token }) => token);
      await deleteLocks(store.db, tokens);
    },
    expire: () => deleteExpiredLocks(store.db, clock.now()),
  };
}

export const locked = (path: string) =>
  knotError('KNOT_FILES_LOCKED', 423, 'Another program has locked it.', {
    remedy: 'Close it there, or wait: a lock ends by itself within an hour.',
    details: { path },
  });

const toLock = (row: Row<'file_locks'>): Lock => ({
  token: row.token,
  path: row.path,
  isDeep: row.is_deep === 1,
  isShared: row.is_shared === 1,
  userId: row.user_id,
  owner: row.owner,
  expiresAt: row.expires_at,
});
