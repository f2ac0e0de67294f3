import { type BigIntStats, closeSync, constants } from 'node:fs';
import { copyFile, open, readdir, utimes } from 'node:fs/promises';
import { setImmediate as turn } from 'node:timers/promises';
import { codeOf, fileError } from './errors.ts';
import { type HeldFolder, type Owner, pathOfDescriptor } from './held-folder.ts';
import type { Name } from './names.ts';

/** Other requests are answered in between. */
const entriesPerTurn = 200;

/** Bytes and number of entries of something; a file with several names counts once. */
export type Measure = { bytes: number; entries: number };

export const noMeasure: Measure = { bytes: 0, entries: 0 };

/** Names in a folder, in the order of the disk. */
export async function namesIn(folder: HeldFolder): Promise<Name[]> {
  // As text with a character for each byte: a buffer for each name from the system has memory of its own.
  const names = await readdir(folder.self(), { encoding: 'latin1' });
  return names.map((name) => Buffer.from(name, 'latin1'));
}

/** Gives every `entriesPerTurn`-th caller the event loop's other work first. */
export function createPace(): () => Promise<void> | undefined {
  let count = 0;
  return () => (++count % entriesPerTurn === 0 ? turn() : undefined);
}

/** What something and everything in it takes. What vanishes or cannot be read meanwhile is left out. */
export async function measure(parent: HeldFolder, name: Name, pace = createPace()): Promise<Measure> {
  const counted = new Set<string>();
  const total = { bytes: 0, entries: 0 };
  const add = async (folder: HeldFolder, child: Name): Promise<void> => {
    await pace();
    const stats = folder.look(child);
    if (stats === undefined) return;
    total.entries += 1;
    if (stats.isFile()) total.bytes += uncounted(counted, stats);
    if (!stats.isDirectory()) return;
    const inner = opened(folder, child);
    if (inner === undefined) return;
    try {
      for (const next of await namesIn(inner)) await add(inner, next);
    } catch (error) {
      if (!isGone(error)) throw fileError(error);
    } finally {
      inner.close();
    }
  };
  await add(parent, name);
  return total;
}

function uncounted(counted: Set<string>, { dev, ino, nlink, size }: BigIntStats): number {
  if (nlink < 2n) return Number(size);
  const key = `${dev} ${ino}`;
  if (counted.has(key)) return 0;
  counted.add(key);
  return Number(size);
}

const isGone = (error: unknown) => ['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP'].includes(codeOf(error) ?? '');

function opened(folder: HeldFolder, name: Name): HeldFolder | undefined {
  try {
    return folder.folder(name);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw fileError(error);
  }
}

/** Removes something with everything in it; what it held. What somebody else removes meanwhile is fine. */
export async function removeTree(parent: HeldFolder, name: Name, pace = createPace()): Promise<Measure> {
  await pace();
  const stats = parent.look(name);
  if (stats === undefined) return noMeasure;
  if (!stats.isDirectory()) {
    tolerating(() => parent.remove(name));
    return { bytes: stats.isFile() && stats.nlink < 2n ? Number(stats.size) : 0, entries: 1 };
  }
  const total = { bytes: 0, entries: 1 };
  const inner = parent.folder(name);
  try {
    for (const child of await namesIn(inner)) {
      const { bytes, entries } = await removeTree(inner, child, pace);
      total.bytes += bytes;
      total.entries += entries;
    }
  } finally {
    inner.close();
  }
  tolerating(() => parent.removeFolder(name));
  return total;
}

function tolerating(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw fileError(error);
  }
}

export type CopyOptions = {
  /** Pipes, sockets and devices are nobody's data: left out and told, or refused. */
  onSpecial(name: Name): void;
  /** Waits until everything is on the disk: for what is removed elsewhere afterwards. */
  isSynced: boolean;
  /** Called with each file's bytes before they are written. */
  onBytes?: ((bytes: number) => void | Promise<void>) | undefined;
  signal?: AbortSignal | undefined;
};

/** Copies something with everything in it; links as links. `toName` must not be there; new entries belong to whom `to` belongs. */
export async function copyTree(
  from: HeldFolder,
  name: Name,
  to: HeldFolder,
  toName: Name,
  options: CopyOptions,
  pace = createPace(),
): Promise<Measure> {
  await pace();
  options.signal?.throwIfAborted();
  const stats = from.look(name);
  if (stats === undefined) return noMeasure;
  if (stats.isSymbolicLink()) {
    from.copyLink(name, to, toName);
    to.adopt(toName);
    return { bytes: 0, entries: 1 };
  }
  if (stats.isFile()) return copyOne(from, name, to, toName, stats, options);
  if (!stats.isDirectory()) {
    options.onSpecial(name);
    return noMeasure;
  }
  return copyFolder(from, name, to, toName, stats, options, pace);
}

async function copyOne(
  from: HeldFolder,
  name: Name,
  to: HeldFolder,
  toName: Name,
  stats: BigIntStats,
  { isSynced, onBytes }: CopyOptions,
): Promise<Measure> {
  const source = from.file(name);
  try {
    await onBytes?.(Number(stats.size));
    const target = to.at(toName);
    await copyFile(pathOfDescriptor(source), target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    to.adopt(toName);
    await utimes(target, Number(stats.atimeMs) / 1000, Number(stats.mtimeMs) / 1000);
    if (isSynced) await syncFile(target);
    return { bytes: Number(to.look(toName)?.size ?? 0n), entries: 1 };
  } catch (error) {
    throw fileError(error);
  } finally {
    closeSync(source);
  }
}

async function syncFile(path: string | Buffer): Promise<void> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function copyFolder(
  from: HeldFolder,
  name: Name,
  to: HeldFolder,
  toName: Name,
  stats: BigIntStats,
  options: CopyOptions,
  pace: () => Promise<void> | undefined,
): Promise<Measure> {
  const total = { bytes: 0, entries: 1 };
  const source = from.folder(name);
  try {
    const target = to.folderMade(toName, Number(stats.mode) & 0o2777);
    try {
      to.adopt(toName);
      for (const child of await namesIn(source)) {
        const { bytes, entries } = await copyTree(source, child, target, child, options, pace);
        total.bytes += bytes;
        total.entries += entries;
      }
      if (options.isSynced) target.sync();
    } finally {
      target.close();
    }
    return total;
  } catch (error) {
    throw fileError(error);
  } finally {
    source.close();
  }
}

/** Gives everything to whom `parent` belongs, as new entries are, or to `owner`. */
export async function adoptTree(
  parent: HeldFolder,
  name: Name,
  pace: (() => Promise<void> | undefined) | undefined = createPace(),
  owner: Owner = parent.stats(),
): Promise<void> {
  await pace();
  parent.adopt(name, owner);
  if (!parent.look(name)?.isDirectory()) return;
  const inner = parent.folder(name);
  try {
    for (const child of await namesIn(inner)) await adoptTree(inner, child, pace, owner);
  } finally {
    inner.close();
  }
}

/** `report.tar.gz` → `report.tar (2).gz`, cut so that it stays a name. */
export function numbered(name: Name, number: number): Name {
  const text = name.toString('latin1');
  const dot = text.lastIndexOf('.');
  const cut = dot > 0 && text.length - dot <= 16 ? dot : text.length;
  const mark = Buffer.from(` (${number})`);
  let stem = name.subarray(0, Math.min(cut, 255 - mark.length - (text.length - cut)));
  // Not in the middle of a character: a continuation byte of UTF-8 begins with the bits 10.
  if (stem.length < cut) while (stem.length > 0 && (name[stem.length]! & 0xc0) === 0x80) stem = stem.subarray(0, -1);
  return Buffer.concat([stem, mark, name.subarray(cut)]);
}
