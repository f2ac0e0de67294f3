import { createHash, type Hash } from 'node:crypto';
import { type BigIntStats, closeSync, constants, fchmodSync, fchownSync, futimesSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { Area, AreaFolders } from '../walk/areas.ts';
import { type Entry, entryOf } from '../walk/entry.ts';
import { codeOf, fileError, isTaken, notAFile, notWhatWasSent } from '../walk/errors.ts';
import type { HeldFolder } from '../walk/held-folder.ts';
import { type Name, nameOf, type Path } from '../walk/names.ts';
import { copyTree, numbered } from '../walk/tree.ts';
import { checkCondition, type Condition } from './condition.ts';
import type { Journal, Spot } from './journal.ts';
import { onWay } from './make-way.ts';
import { freeName, place } from './place.ts';
import type { Runs } from './runs.ts';
import { discard, stagedBeside } from './staged.ts';
import { createWriter } from './writer.ts';

type Parts = { areas: AreaFolders; runs: Runs; journal: Journal };

export type Written = {
  entry: Entry;
  /** Bytes more than before; negative when it shrank. */ bytes: number;
  isNew: boolean;
  /** Where it is now. */
  path: Path;
};

export type PutOptions = Condition & {
  /** Sees each piece before it is written, and stops the act by throwing. */
  meter?: (chunk: Buffer) => void | Promise<void>;
  signal?: AbortSignal;
  /** Of the whole content, lower-case hexadecimal: what arrived otherwise is not kept. */
  sha256?: string | undefined;
  /** When its content was changed last, epoch milliseconds; without it, now. */
  modifiedAt?: number | undefined;
  /**
   * For who may only add and does not see what is there: how many folders of the path are known to stand. The others are made as
   * `onWay` does, and what is there already stays.
   */
  knownFolders?: number | undefined;
  /** Nobody but its owner may read it, whatever its folder or the file before says. */
  isSecret?: boolean | undefined;
};

/**
 * Writes a file as a whole: what is there stays readable until the new content is on the disk, and a crash leaves one of the two. Mode
 * and group of a file that is replaced are kept; a new one belongs to whom its folder belongs.
 */
export async function put(
  parts: Parts,
  area: Area,
  path: Path,
  body: Readable,
  { meter, signal, sha256, modifiedAt, knownFolders, isSecret, ...condition }: PutOptions,
): Promise<Written> {
  const { areas, runs } = parts;
  const name = path.at(-1);
  if (name === undefined) throw notAFile();
  const staging = areas.room(area, 'staging');
  const staged: Spot = { folder: staging, name: nameOf(runs.newName()) };
  try {
    // Refused before the body is taken, and judged once more when it is there.
    if (knownFolders === undefined)
      withTarget(areas, area, path, (target) => checkCondition(target.folder.look(target.name), condition));
    const hash = sha256 === undefined ? undefined : createHash('sha256');
    await store(staged, body, { meter, signal, hash });
    if (hash !== undefined && hash.digest('hex') !== sha256) throw notWhatWasSent();
    return await putStaged(parts, area, path, staged, { ...condition, modifiedAt, knownFolders, isSecret });
  } catch (error) {
    if (staging.look(staged.name)) staging.remove(staged.name);
    throw fileError(error);
  } finally {
    staging.close();
  }
}

async function store(
  { folder, name }: Spot,
  body: Readable,
  { meter, signal, hash }: { meter: PutOptions['meter']; signal: AbortSignal | undefined; hash: Hash | undefined },
): Promise<void> {
  closeSync(folder.newFile(name));
  const file = await open(folder.at(name), constants.O_WRONLY | constants.O_NOFOLLOW);
  const writer = createWriter(file);
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      signal?.throwIfAborted();
      await meter?.(chunk);
      hash?.update(chunk);
      await writer.write(chunk);
    }
    await writer.end();
  } finally {
    // What is still being written is not written to a number that another file has got meanwhile: the handle waits for it.
    await file.close();
  }
}

/** Puts a file that is complete in a staging folder to its place; used by uploads too. */
export async function putStaged(
  parts: Parts,
  area: Area,
  path: Path,
  staged: Spot,
  { modifiedAt, knownFolders, ...conditions }: Asked & Pick<PutOptions, 'modifiedAt' | 'knownFolders'>,
): Promise<Written> {
  if (modifiedAt !== undefined) setTime(staged, modifiedAt);
  const above = path.slice(0, -1);
  const into = async (way: Path, condition: Asked): Promise<Written> => {
    const written = await putInto(parts, area, [...way, path.at(-1)!], staged, condition);
    return { ...written, path: [...way, written.name] };
  };
  if (knownFolders === undefined) return into(above, conditions);
  return onWay(parts.areas, area, above, knownFolders, (way) =>
    into(way, { ...secretly(conditions), keepsBoth: true }),
  );
}

type Asked = Condition & Pick<PutOptions, 'isSecret'>;
const secretly = ({ isSecret }: Asked): Pick<PutOptions, 'isSecret'> => ({ isSecret });

type Finished = Omit<Written, 'path'> & { name: Name };

function putInto(parts: Parts, area: Area, path: Path, staged: Spot, condition: Asked): Promise<Finished> {
  return withTarget(parts.areas, area, path, async (target) => {
    try {
      return finish(target, staged, condition);
    } catch (error) {
      if (codeOf(error) !== 'EXDEV') throw error;
      // A disk of its own is mounted inside the area: copied beside the target, and in one step from there.
      const beside = stagedBeside(parts, target, { area, path });
      try {
        await copyTree(staged.folder, staged.name, beside.folder, beside.name, {
          isSynced: true,
          onSpecial: () => undefined,
        });
        const written = finish(target, beside, condition);
        staged.folder.remove(staged.name);
        return written;
      } catch (problem) {
        await discard(beside);
        throw problem;
      } finally {
        beside.release();
      }
    }
  });
}

function finish(target: Spot, staged: Spot, condition: Asked): Finished {
  const { folder, name } = target;
  if (condition.keepsBoth) return finishBeside(target, staged, secretly(condition));
  const before = folder.look(name);
  checkCondition(before, condition);
  dress(staged, folder, before, condition.isSecret);
  if (before === undefined && condition.isNew) place(staged, target);
  else {
    staged.folder.rename(staged.name, folder, name);
    folder.sync();
  }
  const after = folder.look(name)!;
  const bytes = Number(after.size) - Number(before?.size ?? 0n);
  return { entry: entryOf(name, after), bytes, isNew: before === undefined, name };
}

/** Under the first free name; who takes that name at this moment is not replaced either. */
function finishBeside({ folder, name: wanted }: Spot, staged: Spot, asked: Pick<PutOptions, 'isSecret'>): Finished {
  for (;;) {
    const name = freeName(folder, wanted, numbered);
    try {
      return finish({ folder, name }, staged, { ...asked, isNew: true });
    } catch (error) {
      if (!isTaken(error)) throw error;
    }
  }
}

/** Mode and owner: those of the file before, else those that the folder gives to new files. */
function dress(staged: Spot, parent: HeldFolder, before: BigIntStats | undefined, isSecret = false): void {
  const folder = parent.stats();
  const { uid, gid } = before ?? folder;
  // Who may write to the folder together may write to its files together. Never set-user-id.
  const mode = before === undefined ? 0o644 | (Number(folder.mode) & 0o020) : Number(before.mode) & 0o777;
  const descriptor = staged.folder.file(staged.name);
  try {
    try {
      fchownSync(descriptor, Number(uid), Number(gid));
    } catch (error) {
      if (codeOf(error) !== 'EPERM') throw error;
    }
    fchmodSync(descriptor, isSecret ? mode & 0o600 : mode);
  } finally {
    closeSync(descriptor);
  }
}

function setTime({ folder, name }: Spot, modifiedAt: number): void {
  const descriptor = folder.file(name);
  try {
    futimesSync(descriptor, modifiedAt / 1000, modifiedAt / 1000);
  } finally {
    closeSync(descriptor);
  }
}

function withTarget<T>(areas: AreaFolders, area: Area, path: Path, work: (target: Spot) => T): T {
  const folder = areas.folder(area, path.slice(0, -1));
  let isLater = false;
  try {
    const result = work({ folder, name: path.at(-1)! });
    if (result instanceof Promise) {
      isLater = true;
      return result.finally(() => folder.close()) as T;
    }
    return result;
  } finally {
    if (!isLater) folder.close();
  }
}
