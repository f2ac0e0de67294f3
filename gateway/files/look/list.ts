import type { BigIntStats, Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { type Entry, entryOf, type Kind, kindOf, unknownEntry } from '../walk/entry.ts';
import { fileError } from '../walk/errors.ts';
import type { HeldFolder } from '../walk/held-folder.ts';
import { type Name, textOf } from '../walk/names.ts';
import { createPace, namesIn } from '../walk/tree.ts';

export type SortKey = 'name' | 'size' | 'modified';

export type ListQuery = {
  sort: SortKey;
  isDescending: boolean;
  offset: number;
  limit: number;
  /** Not shown. */
  isHidden?: (name: Name) => boolean;
};

export type Listing = { entries: Entry[]; total: number };

/** Numbers in names by their value; the same everywhere, whatever language the machine speaks. */
const { compare: compareNames } = new Intl.Collator('en', { numeric: true });

/** `raw`: the bytes of the name, one character each: a tenth of what a buffer for each name costs. */
/** `key`: what is sorted by, besides the name; of each of many entries nothing else is kept. */
type Row = { raw: string; text: string; kind: Kind; key: number };

const nameIn = (row: Row): Name => Buffer.from(row.raw, 'latin1');
const ascii = /^[\0-\x7f]*$/;

/**
 * One page of a folder, folders first. No file is opened; by name only those of the page are even looked at, and of a large folder only
 * what can be on the page is sorted.
 */
export async function list(folder: HeldFolder, query: ListQuery): Promise<Listing> {
  const { sort, isDescending, offset, limit, isHidden } = query;
  const rows = await rowsIn(folder, isHidden);
  if (sort !== 'name') {
    const pace = createPace();
    for (const row of rows) {
      await pace();
      const stats = lookSafely(folder, nameIn(row));
      row.key = Number((sort === 'size' ? stats?.size : stats?.mtimeMs) ?? 0);
    }
  }
  const compare = comparison(isDescending);
  const page = smallest(rows, offset + limit, compare).slice(offset);
  return { entries: page.map((row) => describe(folder, row)), total: rows.length };
}

/** Everything in a folder in the order of the disk, looked at while it is drawn; the folder is closed at the end, whenever that is. */
export async function* each(folder: HeldFolder, isHidden?: ListQuery['isHidden']): AsyncGenerator<Entry> {
  try {
    const pace = createPace();
    for (const name of await namesIn(folder)) {
      await pace();
      const stats = isHidden?.(name) ? undefined : lookSafely(folder, name);
      if (stats !== undefined) yield entryOf(name, stats);
    }
  } catch (error) {
    throw fileError(error);
  } finally {
    folder.close();
  }
}

async function rowsIn(folder: HeldFolder, isHidden: ListQuery['isHidden']): Promise<Row[]> {
  let dirents: Dirent[];
  try {
    dirents = await readdir(folder.self(), { encoding: 'latin1', withFileTypes: true });
  } catch (error) {
    throw fileError(error);
  }
  const rows: Row[] = [];
  for (const dirent of dirents) {
    const raw = dirent.name;
    const text = ascii.test(raw) ? raw : textOf(Buffer.from(raw, 'latin1'));
    const row: Row = { raw, text, kind: kindOf(dirent), key: 0 };
    if (!isHidden?.(nameIn(row))) rows.push(row);
  }
  return rows;
}

function describe(folder: HeldFolder, row: Row): Entry {
  const name = nameIn(row);
  const present = lookSafely(folder, name);
  return present === undefined ? unknownEntry(name) : entryOf(name, present);
}

function lookSafely(folder: HeldFolder, name: Name): BigIntStats | undefined {
  try {
    return folder.look(name);
  } catch {
    return undefined; // A damaged disk, or one that is away.
  }
}

function comparison(isDescending: boolean): (a: Row, b: Row) => number {
  const sign = isDescending ? -1 : 1;
  return (a, b) => {
    if ((a.kind === 'folder') !== (b.kind === 'folder')) return a.kind === 'folder' ? -1 : 1;
    // Names that only look alike have an order too, so that no page shows one twice.
    return sign * (a.key - b.key || compareNames(a.text, b.text) || (a.raw < b.raw ? -1 : 1));
  };
}

/** The first `count` in order, with about one comparison for each of many rows. */
export function smallest<T>(rows: readonly T[], count: number, compare: (a: T, b: T) => number): T[] {
  if (count * 4 > rows.length) return rows.toSorted(compare).slice(0, count);
  let kept: T[] = [];
  let worst: T | undefined;
  for (const row of rows) {
    if (worst !== undefined && compare(row, worst) >= 0) continue;
    kept.push(row);
    if (kept.length < count * 2) continue;
    kept = kept.sort(compare).slice(0, count);
    worst = kept.at(-1);
  }
  return kept.sort(compare).slice(0, count);
}
