import { entriesIn, nameIn, textIn } from '../walk/entries.ts';
import { type Entry, entryOf } from '../walk/entry.ts';
import { type HeldFolder, walk } from '../walk/held-folder.ts';
import type { Name, Path } from '../walk/names.ts';
import { compareNames } from './list.ts';
import { createPace } from '../walk/tree.ts';

export type Found = Entry & { /** The folder it is in, from where the search began. */ folder: Path };

export type SearchBounds = {
  mostFound: number;
  mostSeen: number;
  signal?: AbortSignal;
  isHidden?: (name: Name) => boolean;
};

export type SearchResult = {
  found: Found[];
  /** False when there is more than was looked for. */
  isComplete: boolean;
};

/** Letters that look the same are the same here: case, and accents as one character or two. */
const folded = (text: string): string => text.normalize('NFC').toLowerCase();

/**
 * Names in a folder and below that contain a text; those nearest to the top first, those of one folder by name. Bounded in time and memory: one folder's names at a
 * time and the paths of folders still to be seen.
 */
export async function search(top: HeldFolder, text: string, bounds: SearchBounds): Promise<SearchResult> {
  const { mostFound, mostSeen, signal, isHidden } = bounds;
  const wanted = folded(text);
  const found: Found[] = [];
  const waiting: Path[] = [[]];
  const pace = createPace();
  let count = 0;
  const cut = (from: number): SearchResult => {
    putInOrder(found, from);
    return { found, isComplete: false };
  };
  for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
    signal?.throwIfAborted();
    const before = found.length;
    let folder: HeldFolder;
    try {
      folder = walk(top, path);
    } catch {
      continue; // Removed or swapped meanwhile, or not ours to read.
    }
    try {
      for await (const batch of entriesIn(folder)) {
        signal?.throwIfAborted();
        for (const seen of batch) {
          await pace();
          if (path.length === 0 && isHidden?.(nameIn(seen))) continue;
          if (++count > mostSeen) return cut(before);
          if (seen.kind === 'folder') waiting.push([...path, nameIn(seen)]);
          if (!folded(textIn(seen)).includes(wanted)) continue;
          if (found.length === mostFound) return cut(before);
          const stats = folder.look(nameIn(seen));
          if (stats) found.push({ ...entryOf(nameIn(seen), stats), folder: path });
        }
      }
    } catch {
      // As above: what cannot be read has nothing to find. But whoever ended the search ended all of it.
      signal?.throwIfAborted();
    } finally {
      folder.close();
    }
    putInOrder(found, before);
  }
  return { found, isComplete: true };
}

/** What was found in one folder, from `from` on: disks tell names in no order. */
function putInOrder(found: Found[], from: number): void {
  found.push(...found.splice(from).sort((a, b) => compareNames(a.name, b.name) || (a.name < b.name ? -1 : 1)));
}
