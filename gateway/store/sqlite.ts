import { setTimeout } from 'node:timers/promises';
import type { SQLInputValue, StatementSync } from 'node:sqlite';
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import type { SqliteFile } from './sqlite-file.ts';
import { createTurns } from './turns.ts';

export type SqliteOptions = {
  open: () => SqliteFile;
  /** Says what callers are told of an error of SQLite. */
  describe: (error: unknown) => unknown;
};

/**
 * Kysely over the built-in SQLite. One connection, transactions in turn, a cache of prepared statements (Kysely's own dialect
 * prepares each query anew), and `begin immediate`: a deferred transaction that reads first and writes later fails with
 * "database is locked" whatever the busy timeout when another process wrote in between. Whatever wrote is acknowledged when it
 * is on disk.
 */
export function sqliteDialect(options: SqliteOptions): Dialect {
  return {
    createDriver: () => new SqliteDriver(options),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createAdapter: () => new TransactionalSqliteAdapter(),
    createIntrospector: (db: Kysely<unknown>) => new SqliteIntrospector(db),
  };
}

const maxStatements = 500;
/**
 * How long a write waits for another process and for its turn. SQLite's own busy timeout sleeps inside the call and would stop the whole
 * event loop, so it is kept at zero and the waiting is done here.
 */
const busyMs = 5000;
const busyPauseMs = 15;

/** SQLite can undo DDL; told so, the migrator applies a migration wholly or not at all, also when the process is killed. */
class TransactionalSqliteAdapter extends SqliteAdapter {
  /** Else Kysely lets one in at a time, and a read waits for every transaction that waits for another program. */
  override get supportsMultipleConnections(): boolean {
    return true;
  }

  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class SqliteDriver implements Driver {
  readonly #options: SqliteOptions;
  #file: SqliteFile | undefined;
  #shared: Shared | undefined;

  constructor(options: SqliteOptions) {
    this.#options = options;
  }

  async init(): Promise<void> {
    this.#file = await whenFree(() => this.#options.open(), deadlineFromNow());
    this.#shared = { file: this.#file, turns: createTurns(), statements: new Map(), describe: this.#options.describe };
  }

  async acquireConnection(): Promise<SqliteConnection> {
    return new SqliteConnection(this.#shared!);
  }

  /** A transaction that nobody ended would keep everybody else out. */
  releaseConnection(connection: SqliteConnection): Promise<void> {
    return connection.rollback();
  }

  beginTransaction(connection: SqliteConnection): Promise<void> {
    return connection.begin();
  }

  commitTransaction(connection: SqliteConnection): Promise<void> {
    return connection.commit();
  }

  rollbackTransaction(connection: SqliteConnection): Promise<void> {
    return connection.rollback();
  }

  async destroy(): Promise<void> {
    this.#file?.close();
  }
}

/** What all who use the file have in common. */
type Shared = {
  file: SqliteFile;
  turns: ReturnType<typeof createTurns>;
  statements: Map<string, StatementSync>;
  describe: SqliteOptions['describe'];
};

/** One user of the file: a transaction, or statements on their own that run between the transactions of others. */
class SqliteConnection implements DatabaseConnection {
  readonly #shared: Shared;
  #isInTransaction = false;

  constructor(shared: Shared) {
    this.#shared = shared;
  }

  async begin(): Promise<void> {
    const deadline = deadlineFromNow();
    await this.#shared.turns.take(deadline);
    try {
      await whenFree(() => this.#run(CompiledQuery.raw('begin immediate')), deadline);
      this.#isInTransaction = true;
    } catch (error) {
      this.#shared.turns.give();
      throw this.#shared.describe(error);
    }
  }

  async commit(): Promise<void> {
    try {
      // The lock is ours; what can fail here is the disk, and then Kysely rolls back, which gives the turn away.
      this.#run(CompiledQuery.raw('commit'));
    } catch (error) {
      throw this.#shared.describe(error);
    }
    // Others may go on while this is synced: they are acknowledged after a sync of their own.
    this.#end();
    await this.#flush();
  }

  async rollback(): Promise<void> {
    if (!this.#isInTransaction) return;
    try {
      // A full disk or an I/O error has already rolled back; a second rollback would hide the first error.
      if (this.#shared.file.database.isTransaction) this.#run(CompiledQuery.raw('rollback'));
    } finally {
      this.#end();
    }
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    try {
      // Inside a transaction the lock is ours already; a busy answer there is final.
      if (this.#isInTransaction) return this.#run<R>(query);
      const result = await this.#runAlone<R>(query);
      if (!isRead(query)) await this.#shared.file.flush();
      return result;
    } catch (error) {
      throw this.#shared.describe(error);
    }
  }

  /** Between the transactions of others: what they have not committed must not be seen, and not be part of what they undo. */
  async #runAlone<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const { turns, file } = this.#shared;
    const deadline = deadlineFromNow();
    if (!file.database.isTransaction) {
      try {
        return this.#run<R>(query);
      } catch (error) {
        if (!isBusy(error)) throw error;
      }
    }
    await turns.take(deadline);
    try {
      return await whenFree(() => this.#run<R>(query), deadline);
    } finally {
      turns.give();
    }
  }

  #run<R>(query: CompiledQuery): QueryResult<R> {
    const statement = this.#prepare(query.sql);
    const parameters = query.parameters as SQLInputValue[];
    if (statement.columns().length > 0) return { rows: statement.all(...parameters) as R[] };
    const { changes, lastInsertRowid } = statement.run(...parameters);
    return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
  }

  // eslint-disable-next-line require-yield -- Kysely's interface; nothing in Knot streams rows.
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('streaming queries are not offered by the SQLite dialect');
  }

  #prepare(sql: string): StatementSync {
    const { statements, file } = this.#shared;
    let statement = statements.get(sql);
    if (!statement) {
      if (statements.size >= maxStatements) statements.clear();
      statement = file.database.prepare(sql);
      statements.set(sql, statement);
    }
    return statement;
  }

  #end(): void {
    this.#isInTransaction = false;
    this.#shared.turns.give();
  }

  async #flush(): Promise<void> {
    try {
      await this.#shared.file.flush();
    } catch (error) {
      throw this.#shared.describe(error);
    }
  }
}

/** A read needs no sync; whatever is not certainly one gets it, which costs little when there is nothing to write. */
function isRead({ sql }: CompiledQuery): boolean {
  return /^\s*(select|pragma)\b/i.test(sql);
}

function deadlineFromNow(): number {
  return performance.now() + busyMs;
}

/** Tries again while another process holds the file, without stopping the event loop. */
async function whenFree<T>(attempt: () => T, deadline: number): Promise<T> {
  for (;;) {
    try {
      return attempt();
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw error;
      await setTimeout(busyPauseMs);
    }
  }
}

/** SQLITE_BUSY and its extended codes (https://sqlite.org/rescode.html#busy). */
function isBusy(error: unknown): boolean {
  const { errcode } = error as { errcode?: number };
  return typeof errcode === 'number' && (errcode & 0xff) === 5;
}
