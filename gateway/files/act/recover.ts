import { type Area, areaOfKey, type AreaFolders } from '../walk/areas.ts';
import { type HeldFolder, withFolder } from '../walk/held-folder.ts';
import { nameOf, textOf } from '../walk/names.ts';
import { namesIn, removeTree } from '../walk/tree.ts';
import type { Acts } from './move.ts';

/** Every area that has a folder. */
export function knownAreas(areas: AreaFolders): Area[] {
  const found: Area[] = [{ kind: 'shared' }, { kind: 'admin' }];
  for (const kind of ['private', 'team'] as const) {
    for (const name of areas.kind(kind).names()) {
      const area = areaOfKey(`${kind}/${textOf(name)}`);
      if (area && areas.kind(kind).look(name)?.isDirectory()) found.push(area);
    }
  }
  return found;
}

/**
 * Ends what gateways that are gone left in an area: acts between two states become one of the two, what they were writing and
 * removing is removed. What a living neighbour is in the middle of is left alone.
 */
export async function recoverArea({ areas, runs, journal }: Acts, area: Area): Promise<void> {
  await journal.recover(area);
  for (const room of ['staging', 'doomed'] as const) {
    const folder = areas.roomIfThere(area, room);
    if (folder) await withFolder(folder, () => removeLeftOvers(folder, runs.isLeftOver));
  }
  const trash = areas.roomIfThere(area, 'trash');
  if (trash) withFolder(trash, removeLoneRecords);
}

/** Nothing was taken out of its folder yet when only the record was written; and it was put back when only the record is left. */
function removeLoneRecords(folder: HeldFolder): void {
  for (const name of folder.names()) {
    const [id, ending] = textOf(name).split('.');
    if (id && ending === 'json' && folder.look(nameOf(id)) === undefined && isOld(folder, name)) folder.remove(name);
  }
}

/** A neighbour writes the record a moment before it moves the thing. */
function isOld(folder: HeldFolder, name: Buffer): boolean {
  const stats = folder.look(name);
  return stats !== undefined && Date.now() - Number(stats.mtimeMs) > 60_000;
}

async function removeLeftOvers(folder: HeldFolder, isLeftOver: (name: string) => boolean): Promise<void> {
  for (const name of await namesIn(folder)) if (isLeftOver(textOf(name))) await removeTree(folder, name);
}
