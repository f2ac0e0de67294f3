import type { BigIntStats } from 'node:fs';
import { entriesIn, nameIn, type Seen, textIn } from '../walk/entries.ts';
import { type Entry, entryOf, unknownEntry } from '../walk/entry.ts';
import { fileError } from '../walk/errors.ts';
import type { HeldFolder } from '../walk/held-folder.ts';
import type { Name } from '../walk/names.ts';
import { createPace } from '../walk/tree.ts';

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
export const { compare: compareNames } = new Intl.Collator('en', { numeric: true });

/** `key`: what is sorted by, besides the name; of each of many entries nothing else is kept. */
type Row = Seen & { text: string; key: number };

/**
 * One page of a folder, folders first. No file is opened; by name only those of the page are even looked at, and only what can still be on
 * the page is kept in memory.
 */
export async function list(folder: HeldFolder, query: ListQuery): Promise<Listing> {
  const { sort, isDescending, offset, limit, isHidden } = query;
  const page = createSmallest(offset + limit, comparison(isDescending));
  const pace = createPace();
  let total = 0;
  try {
    for await (const batch of entriesIn(folder)) {
      for (const seen of batch) {
        if (isHidden?.(nameIn(seen))) continue;
        total += 1;
        if (sort !== 'name') await pace();
        page.add({ ...seen, text: textIn(seen), key: sort === 'name' ? 0 : keyOf(folder, seen, sort) });
      }
    }
  } catch (error) {
    throw fileError(error);
  }
  const rows = page.inOrder().slice(offset);
  return { entries: rows.map((row) => describe(folder, row)), total };
}

function keyOf(folder: HeldFolder, seen: Seen, sort: 'size' | 'modified'): number {
  const stats = lookSafely(folder, nameIn(seen));
  return Number((sort === 'size' ? stats?.size : stats?.mtimeMs) ?? 0);
}

/** Everything in a folder in the order of the disk, looked at while it is drawn; the folder is closed at the end, whenever that is. */
export async function* each(folder: HeldFolder, isHidden?: ListQuery['isHidden']): AsyncGenerator<Entry> {
  try {
    const pace = createPace();
    for await (const batch of entriesIn(folder)) {
      for (const name of batch.map(nameIn)) {
        await pace();
        const stats = isHidden?.(name) ? undefined : lookSafely(folder, name);
        if (stats !== undefined) yield entryOf(name, stats);
      }
    }
  } catch (error) {
    throw fileError(error);
  } finally {
    folder.close();
  }
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

/** The first `count` in order of many that are added, with about one comparison for each and never more than twice `count` in memory. */
export function createSmallest<T>(count: number, compare: (a: T, b: T) => number) {
  let kept: T[] = [];
  let worst: T | undefined;
  const inOrder = (): T[] => (kept = kept.sort(compare).slice(0, count));
  return {
    add(row: T): void {
      if (worst !== undefined && compare(row, worst) >= 0) return;
      kept.push(row);
      if (kept.length >= count * 2) worst = inOrder().at(-1);
    },
    inOrder,
  };
}
