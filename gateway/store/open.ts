import { chmodSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Kysely, PostgresDialect, type Transaction as KyselyTransaction } from 'kysely';
import { type Clock, KnotError, type Log, newId } from '../lib/index.ts';
import { type Change, type ChangeTopic, createChangeFeed } from './changes.ts';
import { describeDatabaseError } from './errors.ts';
import { migrate } from './migrate.ts';
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
   * All or nothing; `work` runs again when the database undid it to resolve a deadlock, so it must do nothing but query. Serialised against other writers (SQLite: `begin immediate`). Do not nest and do not use `store.db`
   * inside: SQLite has one connection and would wait for itself.
   */
  transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>;
  /** Hears announced changes of this and of every other process on the store; returns the way to stop. */
  onChange(topic: ChangeTopic, listener: (key: string) => void): () => void;
  /** A trivial query; rejects when the database does not answer. */
  ping(): Promise<void>;
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
  let db: Kysely<Tables> | undefined;
  try {
    db = new Kysely<Tables>({
      dialect: kind === 'sqlite' ? openSqlite(url.slice('sqlite:'.length)) : await openPostgres(url, log),
    });
    await migrate(db, kind);
  } catch (error) {
    await db?.destroy().catch(() => log.debug({}, 'closing a database that did not open failed'));
    throw error instanceof KnotError ? error : describeDatabaseError(error, url);
  }
  return wrap(db, kind, url, clock, log);
}

function openSqlite(file: string) {
  return sqliteDialect(() => {
    if (file !== ':memory:') mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const database = new DatabaseSync(file, { timeout: 0, enableForeignKeyConstraints: true });
    // FULL: an acknowledged write is on disk before the answer leaves, so that neither kill -9 nor a power cut loses it.
    database.exec('pragma journal_mode = wal; pragma synchronous = full');
    if (file !== ':memory:') chmodSync(file, 0o600);
    return database;
  });
}

async function openPostgres(url: string, log: Log) {
  // Loaded only when used: 27 ms and 9 MB that the embedded start does not need to pay.
  const { default: pg } = await import('pg');
  const int8 = 20;
  const pool = new pg.Pool({
    connectionString: url,
    max: 10,
    connectionTimeoutMillis: 5000,
    types: {
      getTypeParser: (oid: number, format?: 'text' | 'binary') =>
        oid === int8 ? Number : (pg.types.getTypeParser(oid, format) as (value: string) => unknown),
    },
  });
  pool.on('error', (error) => log.warn({ err: error }, 'an idle database connection failed'));
  return new PostgresDialect({ pool });
}

async function wrap(db: Kysely<Tables>, kind: Store['kind'], url: string, clock: Clock, log: Log): Promise<Store> {
  const feed = createChangeFeed({ db, clock, log, origin: newId() });
  await feed.start();
  return {
    kind,
    db,
    async transaction(work) {
      for (let attempt = 1; ; attempt++) {
        const announced: Change[] = [];
        try {
          const result = await db.transaction().execute(async (transaction: KyselyTransaction<Tables>) => {
            const value = await work({ db: transaction, announce: (change) => void announced.push(change) });
            for (const change of announced) await feed.append(transaction, change);
            return value;
          });
          feed.deliver(announced);
          return result;
        } catch (error) {
          if (isLostRace(error) && attempt < maxAttempts) continue;
          throw error instanceof KnotError ? error : describeDatabaseError(error, url);
        }
      }
    },
    onChange: feed.listen,
    async ping() {
      await db.selectFrom('settings').select('key').limit(1).execute();
    },
    async close() {
      feed.stop();
      await db.destroy();
    },
  };
}

const maxAttempts = 4;

/** Deadlock detected, serialization failure (PostgreSQL appendix A, class 40): nothing happened, and trying again is right. */
function isLostRace(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === '40P01' || code === '40001';
}
