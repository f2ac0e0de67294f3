import { chmodSync, closeSync, fdatasync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { rememberInPlace } from './in-place.ts';

/** An open database and what makes its writes last. */
export type SqliteFile = {
  database: DatabaseSync;
  /**
   * Resolves when every commit made before the call is on disk, and the disk's file is still the one at the path.
   * @throws KNOT_STORE_MOVED, or the error of the disk
   */
  flush(): Promise<void>;
  /** @throws KNOT_STORE_MOVED when the file that is open is not the one at its path any more */
  check(): Promise<void>;
  close(): void;
};

/**
 * Opens a database in WAL mode. With `synchronous = normal` a commit only writes to the log, which outlives the process in the
 * page cache of the system; `flush` then syncs the log on the thread pool, one sync for all that committed meanwhile, before
 * anything is acknowledged. So neither kill -9 nor a power cut loses an acknowledged write, and no disk stops the event loop,
 * as `synchronous = full` did (https://www.sqlite.org/pragma.html#pragma_synchronous; decision 0013).
 */
export function openSqliteFile(path: string): SqliteFile {
  const isInMemory = path === ':memory:';
  if (!isInMemory) mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const database = new DatabaseSync(path, { timeout: 0, enableForeignKeyConstraints: true });
  try {
    database.exec('pragma journal_mode = wal; pragma synchronous = normal');
    if (isInMemory) return { database, flush: nothing, check: nothing, close: () => database.close() };
    chmodSync(path, 0o600);
    // The first read in WAL mode makes the log, which is there from now on for as long as the connection.
    database.prepare('select count(*) from sqlite_schema').get();
    return { database, ...durable(database, path) };
  } catch (error) {
    database.close();
    throw error;
  }
}

async function nothing(): Promise<void> {
  return undefined;
}

const sync = promisify(fdatasync);

/** Nothing here opens the database file itself: closing a second descriptor of it would drop SQLite's locks (POSIX). */
function durable(database: DatabaseSync, path: string): Omit<SqliteFile, 'database'> {
  // No lock of SQLite is on the log, so a second descriptor of it takes none away when it is closed.
  const log = openSync(`${path}-wal`, 'r+');
  syncFolder(dirname(path));
  const check = rememberInPlace([path, `${path}-wal`]);
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;

  async function write(): Promise<void> {
    await sync(log);
    await check();
  }

  function start(): Promise<void> {
    const work = write().finally(() => {
      if (running === work) running = undefined;
    });
    running = work;
    return work;
  }

  return {
    check,
    // A sync that runs already may have begun before the commit: what comes meanwhile shares the one after it.
    flush() {
      if (running === undefined) return start();
      next ??= running
        .catch(() => undefined)
        .then(() => {
          next = undefined;
          return start();
        });
      return next;
    },
    close() {
      database.close();
      closeSync(log);
    },
  };
}

/** The name of a new file is on disk only with its folder. */
function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
