import type { Kysely } from 'kysely';
import type { Clock, Log } from '../lib/index.ts';
import type { Tables } from './tables.ts';

/** A fact that caches elsewhere must forget: `users` + user id, `sessions` + central session id, `clients` + client id, … */
export type Change = { topic: ChangeTopic; key: string };
export type ChangeTopic = 'users' | 'teams' | 'sessions' | 'clients' | 'keys' | 'routes' | 'links' | 'audit';

export type ChangeFeed = {
  /** Writes the change inside the caller's transaction; local listeners hear it after the commit. */
  append(transaction: Kysely<Tables>, change: Change): Promise<void>;
  /** Tells local listeners at once; called by the store after a commit. */
  deliver(changes: readonly Change[]): void;
  listen(topic: ChangeTopic, listener: (key: string) => void): () => void;
  start(): Promise<void>;
  stop(): void;
};

const pollMs = 400;
/** Sequence numbers are given out before commit on PostgreSQL, so late commits with lower numbers are looked for this long. */
const lookBackMs = 30_000;
const keepMs = 24 * 3600 * 1000;

/**
 * The change feed: one table that every process on the store appends to and polls (400 ms), so that what the command line
 * or another replica changes is in force within a second. Own changes are delivered at commit, without waiting.
 */
export function createChangeFeed(options: { db: Kysely<Tables>; clock: Clock; log: Log; origin: string }): ChangeFeed {
  const { db, clock, log, origin } = options;
  const listeners = new Map<ChangeTopic, Set<(key: string) => void>>();
  /** Those above `lowest` that were delivered. */
  const seen = new Set<number>();
  let lowest = 0;
  let nextAdvanceAt = 0;
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;

  function deliver(changes: readonly Change[]): void {
    for (const { topic, key } of changes) {
      for (const listener of listeners.get(topic) ?? []) {
        try {
          listener(key);
        } catch (error) {
          log.error({ err: error, topic }, 'a listener of the change feed failed');
        }
      }
    }
  }

  /** Own changes were delivered at their commit; reading them back would cost most when there are most. */
  async function poll(): Promise<void> {
    const rows = await db
      .selectFrom('changes')
      .selectAll()
      .where('id', '>', lowest)
      .where('origin', '!=', origin)
      .orderBy('id')
      .execute();
    const fresh = rows.filter((row) => !seen.has(row.id));
    for (const row of fresh) seen.add(row.id);
    deliver(fresh as Change[]);
    if (clock.now() >= nextAdvanceAt) await advance();
  }

  /** Nothing with a lower number than one that old can still come. */
  async function advance(): Promise<void> {
    const now = clock.now();
    nextAdvanceAt = now + lookBackMs / 4;
    const last = await db
      .selectFrom('changes')
      .select('id')
      .where('id', '>', lowest)
      .where('at', '<', now - lookBackMs)
      .orderBy('id', 'desc')
      .limit(1)
      .executeTakeFirst();
    if (last === undefined) return;
    lowest = last.id;
    for (const id of seen) if (id <= lowest) seen.delete(id);
  }

  function schedule(): void {
    if (isStopped) return;
    timer = setTimeout(() => {
      poll()
        .catch((error: unknown) => log.error({ err: error }, 'reading the change feed failed'))
        .finally(schedule);
    }, pollMs);
    timer.unref();
  }

  return {
    async append(transaction, { topic, key }) {
      await transaction.insertInto('changes').values({ topic, key, at: clock.now(), origin }).execute();
    },
    deliver,
    listen(topic, listener) {
      const set = listeners.get(topic) ?? new Set();
      listeners.set(topic, set);
      set.add(listener);
      return () => void set.delete(listener);
    },
    async start() {
      await db
        .deleteFrom('changes')
        .where('at', '<', clock.now() - keepMs)
        .execute();
      const last = await db.selectFrom('changes').select('id').orderBy('id', 'desc').limit(1).executeTakeFirst();
      lowest = last?.id ?? 0;
      schedule();
    },
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
