import { type Dialect, PostgresDialect, type PostgresPoolClient } from 'kysely';
import type { Pool, PoolClient } from 'pg';
import type { Log } from '../lib/index.ts';
import { ConnectionLost, ConnectionRefused, isConnectionLost } from './errors.ts';
import { busy } from './turns.ts';

/** How long a database is waited for. */
export type Patience = {
  /** For a connection, a new one or one that others use. */
  connectMs: number;
  /** After that the server ends a statement by itself, also one that waits for a lock. */
  statementMs: number;
  /** After that no answer is expected any more, and the connection is given up. Longer than `statementMs`. */
  answerMs: number;
};

/** Of the running gateway: whoever asks gets an answer, and be it "not now", before a browser or a probe gives up. */
export const runningPatience: Patience = { connectMs: 3_000, statementMs: 5_000, answerMs: 6_000 };

/** Of migrations, which may rewrite a table and wait for another replica that does. */
export const migrationPatience: Patience = { connectMs: 10_000, statementMs: 0, answerMs: 0 };

export type PostgresOptions = {
  url: string;
  patience: Patience;
  /** Says what callers are told of an error of the driver. */
  describe: (error: unknown) => unknown;
  log: Log;
};

const mostConnections = 10;
/** Callers who wait for a connection; more of them would wait for longer than `connectMs` anyway. */
const mostWaiting = 500;
/** The server ends a transaction of a process that was stopped (SIGSTOP, a frozen machine) and keeps its locks from nobody. */
const idleInTransactionMs = 30_000;

/**
 * PostgreSQL as Kysely sees it, over a pool that survives whatever happens to its connections: each has a listener for errors of
 * its own from the first moment to the last (pg-pool takes its own off while a connection is used), a statement without an answer
 * is given up and its connection with it, and those who wait are bounded in number and time.
 */
export async function postgresDialect(options: PostgresOptions): Promise<Dialect> {
  const { url, patience, log } = options;
  // Loaded only when used: 27 ms and 9 MB that the embedded start does not need to pay.
  const { default: pg } = await import('pg');
  const int8 = 20;
  const pool = new pg.Pool({
    connectionString: url,
    max: mostConnections,
    connectionTimeoutMillis: patience.connectMs,
    keepAlive: true,
    // By a statement and not as start parameters, which connection poolers (PgBouncer) refuse.
    onConnect: (client) => client.query(sessionSettings(patience)) as unknown as void,
    types: {
      getTypeParser: (oid: number, format?: 'text' | 'binary') =>
        oid === int8 ? Number : (pg.types.getTypeParser(oid, format) as (value: string) => unknown),
    },
  });
  pool.on('connect', (client) => {
    client.on('error', (error) => log.warn({ err: error }, 'a database connection failed'));
  });
  // Of an idle one, which was told above already; unheard, it would end the process.
  pool.on('error', () => undefined);
  return new PostgresDialect({
    pool: {
      // Cursors are the other half of the interface; no cursor is configured.
      connect: async () => (await connect(pool, options)) as unknown as PostgresPoolClient,
      end: () => pool.end(),
      options: pool.options,
    },
  });
}

function sessionSettings({ statementMs }: Patience): string {
  return `set statement_timeout = ${statementMs}; set idle_in_transaction_session_timeout = ${statementMs && idleInTransactionMs}`;
}

async function connect(pool: Pool, { patience, describe }: PostgresOptions): Promise<Connection> {
  if (pool.waitingCount >= mostWaiting) throw busy();
  try {
    return new Connection(await pool.connect(), patience.answerMs, describe);
  } catch (error) {
    if (isConnectionLost(error)) throw describe(new ConnectionLost(error));
    const told = describe(error);
    // What the start says is described by who starts it.
    if (told === error && error instanceof Error && patience === runningPatience)
      throw describe(new ConnectionRefused(error));
    throw told;
  }
}

/** A connection while somebody uses it, in the shape that Kysely's dialect expects of `pg`. */
class Connection {
  readonly #client: PoolClient;
  readonly #answerMs: number;
  readonly #describe: PostgresOptions['describe'];
  /** Why nothing can be asked of it any more. */
  #lost: ConnectionLost | undefined;

  constructor(client: PoolClient, answerMs: number, describe: PostgresOptions['describe']) {
    this.#client = client;
    this.#answerMs = answerMs;
    this.#describe = describe;
  }

  async query(text: string, values: readonly unknown[]): Promise<never> {
    // A rollback on a connection that gives no answer would wait for one just as long again.
    if (this.#lost) throw this.#describe(this.#lost);
    try {
      const query = { text, values: [...values], ...(this.#answerMs > 0 && { query_timeout: this.#answerMs }) };
      return (await this.#client.query(query)) as never;
    } catch (error) {
      if (!isConnectionLost(error)) throw this.#describe(error);
      this.#lost = new ConnectionLost(error);
      throw this.#describe(this.#lost);
    }
  }

  /** A connection whose state is not known is closed, and a statement on it with it. */
  release(isDiscarded = false): void {
    this.#client.release(this.#lost ?? isDiscarded);
  }
}
