import type { Dir, Dirent } from 'node:fs';
import { opendir } from 'node:fs/promises';
import { type Kind, kindOf } from './entry.ts';
import { codeOf } from './errors.ts';
import type { HeldFolder } from './held-folder.ts';
import { type Name, textOf } from './names.ts';

/** `raw`: the bytes of the name, one character each: a buffer for each of many names has memory of its own. */
export type Seen = { raw: string; kind: Kind };

/** Between two batches others are answered, and whoever reads may stop. */
const batchSize = 1024;
const mostAttempts = 5;

const ascii = /^[\0-\x7f]*$/;

export const nameIn = ({ raw }: Seen): Name => Buffer.from(raw, 'latin1');
export const textIn = (seen: Seen): string => (ascii.test(seen.raw) ? seen.raw : textOf(nameIn(seen)));

/**
 * What is in a folder in the order of the disk, some at a time: however large the folder is, only those are in memory. The folder stays open.
 * Only for what changes nothing in it: what a disk tells of entries that are removed or renamed meanwhile is its own affair (readdir(3)).
 */
export async function* entriesIn(folder: HeldFolder): AsyncGenerator<Seen[]> {
  let told = 0;
  for (let attempt = 1; ; attempt++) {
    // Where the disk does not tell kinds, Node asks for them by the name as it has it: by bytes it is always right.
    const encoding = attempt === 1 ? 'latin1' : 'buffer';
    const directory = await opendir(folder.self(), { encoding: encoding as BufferEncoding, bufferSize: batchSize });
    let skipped = 0;
    try {
      for (let isAtEnd = false; !isAtEnd;) {
        const batch: Seen[] = [];
        isAtEnd = await fill(batch, directory, () => skipped++ < told);
        told += batch.length;
        if (batch.length > 0) yield batch;
      }
      return;
    } catch (error) {
      // An entry of unknown kind that is not found by that name, or is gone: what was told is passed over.
      if (codeOf(error) !== 'ENOENT' || attempt === mostAttempts) throw error;
    } finally {
      await directory.close();
    }
  }
}

/** True at the end of the folder. */
async function fill(batch: Seen[], directory: Dir, isTold: () => boolean): Promise<boolean> {
  // The first is read by another thread and brings those with it that are taken after it.
  let dirent: Dirent<string | Buffer> | null = await directory.read();
  for (let taken = 1; dirent !== null; taken++) {
    const { name } = dirent;
    if (!isTold()) batch.push({ raw: typeof name === 'string' ? name : name.toString('latin1'), kind: kindOf(dirent) });
    if (taken === batchSize) return false;
    dirent = directory.readSync();
  }
  return true;
}
