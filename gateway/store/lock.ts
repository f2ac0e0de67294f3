import { chmodSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { every, knotError, type Log } from '../lib/index.ts';
import { rememberInPlace } from './in-place.ts';

export type DataFolderLock = {
  /** @throws KNOT_STORE_MOVED when the folder was deleted, moved or replaced since */
  check(): Promise<void>;
  release(): void;
};

const lookAgainMs = 5_000;
const tryAgainMs = 300;

/**
 * Makes this process the only gateway on a data folder. The lock is an exclusive SQLite transaction on a file of its own:
 * the operating system drops it when the process ends in whatever way, so no stale lock survives `kill -9`.
 * @throws KNOT_STORE_FOLDER_IN_USE when another gateway holds it; KNOT_STORE_FOLDER_UNUSABLE when the folder cannot be written.
 */
export function lockDataFolder(folder: string, log: Log): DataFolderLock {
  const database = takeLock(folder, log);
  const check = rememberInPlace([lockFile(folder)]);
  const stopWatching = tellWhenMoved(check, folder, log);
  return {
    check,
    release() {
      stopWatching();
      database.close();
    },
  };
}

/**
 * The same lock for a piece of work in a folder, as soon as nobody else holds it.
 * @throws KNOT_STORE_FOLDER_UNUSABLE when the folder cannot be written; an `AbortError` when `signal` ended the wait.
 */
export async function lockWhenFree(
  folder: string,
  { log, signal, onWait }: { log: Log; signal: AbortSignal; onWait(): void },
): Promise<{ release(): void }> {
  for (;;) {
    signal.throwIfAborted();
    try {
      const database = takeLock(folder, log);
      return { release: () => database.close() };
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'KNOT_STORE_FOLDER_IN_USE') throw error;
    }
    onWait();
    await delay(tryAgainMs, undefined, { signal });
  }
}

const lockFile = (folder: string): string => join(folder, 'gateway.lock');

function takeLock(folder: string, log: Log): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    closeToOthers(folder, log);
    database = new DatabaseSync(lockFile(folder));
    database.exec('pragma busy_timeout = 0; pragma locking_mode = exclusive; begin exclusive');
    return database;
  } catch (error) {
    database?.close();
    const { errcode = 0 } = error as { errcode?: number };
    if ((errcode & 0xff) === sqliteBusy)
      throw knotError('KNOT_STORE_FOLDER_IN_USE', 500, `Another gateway is running on the data folder ${folder}.`, {
        cause: error,
        remedy: 'Stop it first, or start this one with another folder: --data DIR.',
      });
    throw knotError('KNOT_STORE_FOLDER_UNUSABLE', 500, `The data folder ${folder} cannot be written.`, {
      cause: error,
      remedy: 'Choose another folder with --data, or give this account write access to it.',
    });
  }
}

/** SQLITE_BUSY (sqlite.org/rescode.html), the last byte of it and its kinds: another connection holds the lock. */
const sqliteBusy = 5;

/** One line when the folder is gone and one when it is back, whether or not anybody writes or asks. */
function tellWhenMoved(check: () => Promise<void>, folder: string, log: Log): () => void {
  let isGone = false;
  const look = async (): Promise<void> => {
    const wasGone = isGone;
    isGone = await check().then(
      () => false,
      () => true,
    );
    if (isGone && !wasGone) {
      log.error(
        { folder },
        'the data folder was moved, replaced or deleted: nothing is saved until it is back; put it back, or start Knot again',
      );
    }
    if (!isGone && wasGone) log.warn({ folder }, 'the data folder is back');
  };
  const looking = every(lookAgainMs, look, { log, complaint: 'looking at the data folder failed' });
  return () => void looking.stop();
}

/** A folder somebody else made may be open to every account of the machine: nobody else passes it from now on. */
function closeToOthers(folder: string, log: Log): void {
  if ((statSync(folder).mode & 0o077) === 0) return;
  try {
    chmodSync(folder, 0o700);
  } catch {
    // A mounted volume belongs to whoever mounts it; the files in it are closed one by one.
    log.warn({ folder }, 'you SHOULD close the data folder to other accounts (mode 0700), because Knot may not do it');
  }
}
