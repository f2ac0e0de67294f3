import { setImmediate as turn } from 'node:timers/promises';
import type { Area, AreaFolders } from '../walk/areas.ts';
import { codeOf, fileError } from '../walk/errors.ts';
import type { HeldFolder } from '../walk/held-folder.ts';
import type { Name, Path } from '../walk/names.ts';
import { numbered } from '../walk/tree.ts';

/**
 * The folder that something is put into by somebody who does not see what is there: what is missing of the way is made, and beside what
 * has a name and is no folder, the first numbered one that is free or a folder. So they learn nothing of what stands there, and what
 * they put into one folder lands in one. The first `known` folders have to stand. Gives the path of it, and whether anything was made.
 * @throws KNOT_FILES_NOT_FOUND, KNOT_FILES_NOT_A_FOLDER
 */
export async function makeWay(
  areas: AreaFolders,
  area: Area,
  path: Path,
  known: number,
): Promise<{ path: Path; isMade: boolean }> {
  const way = path.slice(0, known);
  let isMade = false;
  let folder = areas.folder(area, way);
  try {
    for (const wanted of path.slice(known)) {
      const step = nextStep(folder, wanted);
      // Each is synced: others are answered in between.
      if (step.isMade) await turn();
      isMade ||= step.isMade;
      way.push(step.name);
      folder.close();
      folder = step.folder;
    }
  } catch (error) {
    throw fileError(error);
  } finally {
    folder.close();
  }
  return { path: way, isMade };
}

function nextStep(parent: HeldFolder, wanted: Name): { name: Name; folder: HeldFolder; isMade: boolean } {
  for (let number = 1; ; number++) {
    const name = number === 1 ? wanted : numbered(wanted, number);
    const isMade = makeFolder(parent, name);
    try {
      return { name, folder: parent.folder(name), isMade };
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
