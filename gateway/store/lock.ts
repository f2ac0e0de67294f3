import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { knotError } from '../lib/index.ts';

export type DataFolderLock = { release(): void };

/**
 * Makes this process the only gateway on a data folder. The lock is an exclusive SQLite transaction on a file of its own:
 * the operating system drops it when the process ends in whatever way, so no stale lock survives `kill -9`.
 * @throws KNOT_STORE_FOLDER_IN_USE when another gateway holds it; KNOT_STORE_FOLDER_UNUSABLE when the folder cannot be written.
 */
export function lockDataFolder(folder: string): DataFolderLock {
  let database: DatabaseSync;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    database = new DatabaseSync(join(folder, 'gateway.lock'));
  } catch (error) {
    throw knotError('KNOT_STORE_FOLDER_UNUSABLE', 500, `The data folder ${folder} cannot be written.`, {
      cause: error,
      remedy: 'Choose another folder with --data, or give this account write access to it.',
    });
  }
  try {
    database.exec('pragma busy_timeout = 0; pragma locking_mode = exclusive; begin exclusive');
  } catch (error) {
    database.close();
    throw knotError('KNOT_STORE_FOLDER_IN_USE', 500, `Another gateway is running on the data folder ${folder}.`, {
      cause: error,
      remedy: 'Stop it first, or start this one with another folder: --data DIR.',
    });
  }
  return { release: () => database.close() };
}
