import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { knotError } from '../lib/index.ts';

/** Whole file or nothing, on disk before it counts: a kill at any moment leaves the old or the new content. */
export function keepFile(file: string, content: string, mode: 0o600 | 0o644): void {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const temporary = `${file}.new`;
    const handle = openSync(temporary, 'w', mode);
    try {
      // The mode of open counts only for a new file, and one left behind by a crash may be there.
      chmodSync(temporary, mode);
      writeSync(handle, content);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(temporary, file);
  } catch (error) {
    throw knotError('KNOT_TLS_FOLDER_UNUSABLE', 500, `The certificate file ${file} cannot be written.`, {
      cause: error,
      remedy: 'Give this account write access to the data folder, or free some space.',
    });
  }
}

/** Content of a file, or undefined when there is none. */
export function readKept(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw knotError('KNOT_TLS_FOLDER_UNUSABLE', 500, `The certificate file ${file} cannot be read.`, {
      cause: error,
      remedy: 'Let the account that runs Knot own the data folder.',
    });
  }
}
