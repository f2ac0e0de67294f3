import { nameOf } from '../walk/names.ts';
import { removeTree } from '../walk/tree.ts';
import type { AreaFolders } from '../walk/areas.ts';
import type { Journal, Place, Spot } from './journal.ts';
import type { Runs } from './runs.ts';

/** Where something is written before it goes to its target in one step. `release` when it is there, or removed again. */
export type Staged = Spot & { release(): void };

type Parts = { areas: AreaFolders; runs: Runs; journal: Journal };

/** Staging of the target's area; or, when the target lies on a disk that is mounted inside the area, beside it. */
export function stagedFor(parts: Parts, target: Spot, to: Place): Staged {
  const staging = parts.areas.room(to.area, 'staging');
  if (staging.stats().dev === target.folder.stats().dev) {
    return { folder: staging, name: nameOf(parts.runs.newName()), release: () => staging.close() };
  }
  staging.close();
  return stagedBeside(parts, target, to);
}

/** The journal knows of it, because recovery looks at the rooms only. */
export function stagedBeside({ runs, journal }: Omit<Parts, 'areas'>, target: Spot, to: Place): Staged {
  const name = nameOf(`.knot-${runs.newName()}`);
  const done = journal.noteBeside({ ...to, path: [...to.path.slice(0, -1), name] });
  const folder = target.folder.again();
  return {
    folder,
    name,
    release() {
      folder.close();
      done();
    },
  };
}

export async function discard({ folder, name }: Spot): Promise<void> {
  if (folder.look(name) !== undefined) await removeTree(folder, name);
}
