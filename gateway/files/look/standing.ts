import type { BigIntStats } from 'node:fs';
import { KnotError, type Standing } from '../../lib/index.ts';
import type { Area, AreaFolders } from '../walk/areas.ts';
import { walk, withFolder } from '../walk/held-folder.ts';
import type { Path } from '../walk/names.ts';

/**
 * What stands at a path beside what was there before.
 *
 * - A folder is the same as long as it has its number and the time it was made: saving something in it changes neither. A file is saved by
 *   putting another in its place, by Knot and by editors, so a file is another one only after there was none: that was seen when
 *   somebody looked in between.
 * - Where the root of the area is another one, it was brought from elsewhere, with new numbers for everything, or its disk is not there:
 *   what stands there is known anew, and what does not is not noted.
 */
export function standing(
  areas: Pick<AreaFolders, 'folderIfThere'>,
  area: Area,
  path: Path,
  before: string | null,
): Standing {
  const { root, own } = statsAt(areas, area, path);
  const [kind, , rootBefore] = before?.split(' ') ?? [];
  const isSameRoot = rootBefore === root;
  if (own === null) return { state: 'gone', mark: before };
  if (own === undefined) return { state: 'gone', mark: kind === 'file' && isSameRoot ? `file gone ${root}` : before };
  const now = own.isDirectory() ? `folder ${numberOf(own)} ${root}` : own.isFile() ? `file there ${root}` : 'neither';
  if (now === 'neither') return { state: before === null ? 'gone' : 'other', mark: before };
  if (before === null || !isSameRoot) return { state: 'same', mark: now };
  return { state: now === before ? 'same' : 'other', mark: before };
}

/** `own`: undefined when there is nothing, null when it cannot be told. `root` is empty when it cannot be told of the area either. */
function statsAt(
  areas: Pick<AreaFolders, 'folderIfThere'>,
  area: Area,
  path: Path,
): { root: string; own: BigIntStats | null | undefined } {
  let root = '';
  try {
    const held = areas.folderIfThere(area, []);
    if (held === undefined) return { root, own: null };
    return withFolder(held, () => {
      const stats = held.stats();
      root = numberOf(stats);
      const name = path.at(-1);
      if (name === undefined) return { root, own: stats };
      if (path.length === 1) return { root, own: held.look(name) };
      return { root, own: withFolder(walk(held, path.slice(0, -1)), (parent) => parent.look(name)) };
    });
  } catch (error) {
    const isNothing = error instanceof KnotError && nothingThere.has(error.code);
    return { root, own: isNothing && root !== '' ? undefined : null };
  }
}

const nothingThere: ReadonlySet<string> = new Set(['KNOT_FILES_NOT_FOUND', 'KNOT_FILES_NOT_A_FOLDER']);

/** The number alone is given to the next one on most disks as soon as it is free. 0 where the disk knows no time. */
const numberOf = ({ ino, birthtimeNs }: BigIntStats): string => `${ino.toString(36)}.${birthtimeNs.toString(36)}`;
