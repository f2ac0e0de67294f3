import { setImmediate as turn } from 'node:timers/promises';
import { KnotError } from '../../lib/index.ts';
import type { Area, AreaFolders } from '../walk/areas.ts';
import { codeOf, fileError } from '../walk/errors.ts';
import { type HeldFolder, withFolder } from '../walk/held-folder.ts';
import type { Name, Path } from '../walk/names.ts';
import { numbered } from '../walk/tree.ts';
import { isSame, type Thing, thingAt } from './journal.ts';

/** A folder that was made for an act, and which one it is: another of its name is not ours to remove. */
export type MadeFolder = { path: Path; thing: Thing };

/** How often folders are made once more that others removed before anything was put into them. */
const mostTries = 3;

/**
 * Does `work` in a folder for somebody who does not see what is there: what is missing of the way is made, and beside what has a name and
 * is no folder, the first numbered one that is free or a folder. So they learn nothing of what stands there, and what they put into one
 * folder lands in one. The first `known` folders have to stand. What was made goes again when the work fails, unless somebody has put
 * something into it.
 * @throws KNOT_FILES_NOT_FOUND, KNOT_FILES_NOT_A_FOLDER, and what `work` throws
 */
export async function onWay<T>(
  areas: AreaFolders,
  area: Area,
  path: Path,
  known: number,
  work: (way: Path, isMade: boolean) => T | Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    const way = path.slice(0, known);
    const made: MadeFolder[] = [];
    try {
      await makeWay(areas, area, path.slice(known), way, made);
      return await work(way, made.length > 0);
    } catch (error) {
      // Another act that failed may have taken its folders back, while this one was about to use them.
      const isAgain = tries < mostTries && isMissing(error) && !isThere(areas, area, way);
      takeBack(areas, area, made);
      if (!isAgain) throw fileError(error);
    }
  }
}

/** Removes what was made, the deepest first, as far as it is empty and still what was made. */
export function takeBack(areas: AreaFolders, area: Area, made: readonly MadeFolder[]): void {
  for (const { path, thing } of made.toReversed()) {
    try {
      withFolder(areas.folder(area, path.slice(0, -1)), (parent) => {
        const name = path.at(-1)!;
        if (isSame(thingAt({ folder: parent, name }), thing)) parent.removeFolder(name);
      });
    } catch {
      // Used by others, or gone already: why the act failed is what is told.
      return;
    }
  }
}

/** Adds the parts to `way`, as they are named in the end, and those that were missing to `made`. */
async function makeWay(areas: AreaFolders, area: Area, parts: Path, way: Name[], made: MadeFolder[]): Promise<void> {
  let folder = areas.folder(area, way);
  try {
    for (const wanted of parts) {
      const step = nextStep(folder, wanted);
      way.push(step.name);
      if (step.thing !== undefined) made.push({ path: [...way], thing: step.thing });
      folder.close();
      folder = step.folder;
      // Each is synced: others are answered in between.
      if (step.thing !== undefined) await turn();
    }
  } finally {
    folder.close();
  }
}

function nextStep(parent: HeldFolder, wanted: Name): { name: Name; folder: HeldFolder; thing: Thing | undefined } {
  for (let number = 1; ; number++) {
    const name = number === 1 ? wanted : numbered(wanted, number);
    const isMade = makeFolder(parent, name);
    const thing = isMade ? thingAt({ folder: parent, name }) : undefined;
    try {
      return { name, folder: parent.folder(name), thing };
    } catch (error) {
      // A file, a link, or what somebody took away at this moment.
      if (!['ENOTDIR', 'ELOOP', 'ENOENT'].includes(codeOf(error) ?? '')) throw error;
    }
  }
}

/** False when something has the name already. */
function makeFolder(parent: HeldFolder, name: Name): boolean {
  try {
    newFolder(parent, name);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** A folder of people: who may write to the one that it is in may write to it together. */
export function newFolder(parent: HeldFolder, name: Name): void {
  parent.makeFolder(name, 0o755 | (Number(parent.stats().mode) & 0o2020));
  parent.adopt(name);
  parent.sync();
}

const isMissing = (error: unknown): boolean => {
  const told = fileError(error);
  return told instanceof KnotError && told.code === 'KNOT_FILES_NOT_FOUND';
};

function isThere(areas: AreaFolders, area: Area, path: Path): boolean {
  try {
    areas.folder(area, path).close();
    return true;
  } catch {
    return false;
  }
}
