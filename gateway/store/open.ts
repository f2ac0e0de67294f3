import { Kysely, sql, type Transaction as KyselyTransaction } from 'kysely';
import { type Clock, KnotError, type Log, newId } from '../lib/index.ts';
import { type Change, type ChangeTopic, createChangeFeed } from './changes.ts';
import { describeDatabaseError, isLostRace, whileRunning } from './errors.ts';
import { migrate } from './migrate.ts';
import { migrationPatience, postgresDialect, runningPatience } from './postgres.ts';
import { openSqliteFile, type SqliteFile } from './sqlite-file.ts';
import { sqliteDialect } from './sqlite.ts';
import type { Tables } from './tables.ts';

/** A running transaction: query through `transaction.db`; what `announce` names is told to every process after the commit. */
export type Transaction = {
  db: Kysely<Tables>;
  announce(change: Change): void;
};

export type Store = {
  kind: 'sqlite' | 'postgres';
  /** For reads and single writes that nobody caches. */
  db: Kysely<Tables>;
  /**
   * All or nothing; `work` runs again when the database undid it to resolve a deadlock, so it must do nothing but query. Serialised
   * against other writers (SQLite: `begin immediate`). Do not nest and do not use `store.db` inside: SQLite has one connection and
   * would wait for itself.
   * @throws KNOT_STORE_*, 503 with `Retry-After` while the database is away, full, locked or overloaded; so do queries through `db`
   */
  transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>;
  /** Hears announced changes of this and of every other process on the store; returns the way to stop. */
  onChange(topic: ChangeTopic, listener: (key: string) => void): () => void;
  /** Hears that changes of other processes have not been read for a minute, again and again until they are: caches are not to be believed. */
  onSilence(listener: () => void): () => void;
  /** Hears that changes were removed before this process had read them (it stood still for an hour): whoever caches reads anew. */
  onGap(listener: () => void): () => void;
  /** A trivial query; rejects when the database does not answer, or is not the one at its path any more. */
  ping(): Promise<{ isWritable: boolean }>;
  close(): Promise<void>;
};

export type StoreOptions = {
  /** `sqlite:<file>` (or `sqlite::memory:`), or `postgres://user:password@host/database`. */
  url: string;
  clock: Clock;
  log: Log;
};

/**
 * Opens the database and brings its schema up to date.
 * @throws KNOT_STORE_* naming what is wrong with the database and what to do (see ERRORS.md).
 */
export async function openStore({ url, clock, log }: StoreOptions): Promise<Store> {
  const kind = url.startsWith('sqlite:') ? 'sqlite' : 'postgres';
  let opened: Opened | undefined;
  try {
    opened = kind === 'sqlite' ? await openSqlite(url.slice('sqlite:'.length)) : await openPostgres(url, log);
  } catch (error) {
    throw error instanceof KnotError ? error : describeDatabaseError(error, { url });
  }
  return wrap(opened, kind, { url, clock, log });
}

type Opened = { db: Kysely<Tables>; check(): Promise<void>; isWritable(): Promise<boolean> };

async function openSqlite(path: string): Promise<Opened> {
  let file: SqliteFile | undefined;
  let describe = asItIs;
  const db = new Kysely<Tables>({
    dialect: sqliteDialect({ open: () => (file = openSqliteFile(path)), describe: (error) => describe(error) }),
  });
  await migrateOrClose(db, 'sqlite');
  describe = whileRunning;
  return { db, check: () => file!.check(), isWritable: async () => true };
}

/** Migrations get connections and patience of their own; the start fails with what the driver says, with the address in it. */
async function openPostgres(url: string, log: Log): Promise<Opened> {
  const migrating = { url, patience: migrationPatience, describe: asItIs, log };
  const first = new Kysely<Tables>({ dialect: await postgresDialect(migrating) });
  await migrateOrClose(first, 'postgres');
  await first.destroy();
  const running = { url, patience: runningPatience, describe: whileRunning, log };
  const db = new Kysely<Tables>({ dialect: await postgresDialect(running) });
  return {
    db,
    check: async () => undefined,
    // `on` at a standby, and at a server that a failover or its operator made read-only.
    async isWritable() {
      const { rows } = await sql<{
        setting: string;
      }>`select current_setting('transaction_read_only') as setting`.execute(db);
      return rows[0]?.setting !== 'on';
    },
  };
}

async function migrateOrClose(db: Kysely<Tables>, kind: Store['kind']): Promise<void> {
  try {
    await migrate(db, kind);
  } catch (error) {
    await closeQuietly(db);
    throw error;
  }
}

/** After a failure: what closing says is of no interest beside the reason for it. */
async function closeQuietly(db: Kysely<Tables>): Promise<void> {
  await db.destroy().catch(() => undefined);
}

function asItIs(error: unknown): unknown {
  return error;
}

async function wrap(
  { db, check, isWritable }: Opened,
  kind: Store['kind'],
  { url, clock, log }: StoreOptions,
): Promise<Store> {
  const feed = createChangeFeed({ db, clock, log, origin: newId() });
  try {
    await feed.start();
  } catch (error) {
    await closeQuietly(db);
    throw describeDatabaseError(error, { url });
  }
  return {
    kind,
    db,
    async transaction(work) {
      for (let attempt = 1; ; attempt++) {
        const announced: Change[] = [];
        let isCommitting = false;
        try {
          const result = await db.transaction().execute(async (transaction: KyselyTransaction<Tables>) => {
            const value = await work({ db: transaction, announce: (change) => void announced.push(change) });
            await feed.append(transaction, announced);
            isCommitting = true;
            return value;
          });
          feed.deliver(announced);
          return result;
        } catch (error) {
          if (isLostRace(error) && attempt < maxAttempts) continue;
          // An answer that is lost says nothing about the commit: whoever caches what it would have changed asks anew, now and
          // when it is read back, should the server have been slower than we were patient.
          if (isCommitting && announced.length > 0) {
            feed.doubt();
            feed.deliver(announced);
          }
          throw error instanceof KnotError ? error : describeDatabaseError(error, 'visitor');
        }
      }
    },
    onChange: feed.listen,
    onSilence: feed.onSilence,
    onGap: feed.onGap,
    async ping() {
      await check();
      await db.selectFrom('settings').select('key').limit(1).execute();
      return { isWritable: await isWritable() };
    },
    async close() {
      feed.stop();
      await db.destroy();
    },
  };
}

const maxAttempts = 4;
