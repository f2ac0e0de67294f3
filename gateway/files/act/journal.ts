import { type Area, areaOfKey, type AreaFolders, keyOf, type Room } from '../walk/areas.ts';
import { codeOf } from '../walk/errors.ts';
import { type HeldFolder, walk } from '../walk/held-folder.ts';
import { type Name, nameOf, type Path, textOf } from '../walk/names.ts';
import { removeTree } from '../walk/tree.ts';
import { readRecord, writeRecord } from './records.ts';
import type { Runs } from './runs.ts';

/** Where something is: a path in an area, or a name in one of its rooms. */
export type Place = { area: Area; room?: Room; path: Path };

/** The folder something is in, held, and its name there. */
export type Spot = { folder: HeldFolder; name: Name };

/** Which thing it is, whatever its name is now. */
export type Thing = { dev: string; ino: string };

type PlaceRecord = { area: string; room?: Room; path: string[] };

/**
 * What stands on the disk while an act is between two states. `move`: the copy of what is moved lies in staging; as soon as it is at
 * its target, the original goes. `link`: a file has its old and its new name for a moment, and then only the new one.
 */
type ActRecord = { kind: 'move' | 'link'; from: PlaceRecord; to: PlaceRecord; original: Thing; moved: Thing };
/** Something is being written outside of the rooms, on a disk that is mounted inside an area: beside its target. */
type BesideRecord = { kind: 'beside'; at: PlaceRecord };
type JournalRecord = ActRecord | BesideRecord;

export function spotOf(areas: AreaFolders, place: Place): Spot {
  const { area, room, path } = place;
  const name = path.at(-1);
  if (name === undefined) throw new Error('the root of an area has no name');
  const above = path.slice(0, -1);
  if (room === undefined) return { folder: areas.folder(area, above), name };
  const start = areas.room(area, room);
  try {
    return { folder: walk(start, above), name };
  } finally {
    start.close();
  }
}

export function thingAt({ folder, name }: Spot): Thing | undefined {
  const stats = folder.look(name);
  return stats && { dev: String(stats.dev), ino: String(stats.ino) };
}

export const isSame = (a: Thing | undefined, b: Thing): boolean =>
  a !== undefined && a.dev === b.dev && a.ino === b.ino;

export type Journal = {
  /** Notes an act that is between two states; the result takes the note away when it is done. */
  note(act: { kind: 'move' | 'link'; from: Place; to: Place; original: Thing; moved: Thing }): () => void;
  /** Notes a name on another disk under which something is being written; the result takes the note away when it is at its target, or gone. */
  noteBeside(at: Place): () => void;
  /** Ends what gateways that are gone left between two states: each act becomes as if it had been finished, or never begun. */
  recover(area: Area): Promise<void>;
};

export function createJournal({ areas, runs }: { areas: AreaFolders; runs: Runs }): Journal {
  /** Whether nothing is left to do. */
  const recoverOne = (record: JournalRecord): Promise<boolean> =>
    record.kind === 'beside' ? recoverBeside(record) : recoverAct(record);

  async function recoverBeside(record: BesideRecord): Promise<boolean> {
    const place = placeOf(record.at);
    if (place === undefined) return true;
    // A disk that is away, or can only be read, is asked again.
    try {
      return (await at(place, async ({ folder, name }) => (await removeTree(folder, name), true))) ?? false;
    } catch {
      return false;
    }
  }

  async function recoverAct({ from, to, original, moved }: ActRecord): Promise<boolean> {
    const [source, target] = [placeOf(from), placeOf(to)];
    if (source === undefined || target === undefined) return true;
    // Arrived: the other name goes. Not arrived: what lies in staging is removed with the rest there.
    if (!isSame(await at(target, async (spot) => thingAt(spot)), moved)) return true;
    const isDone = await at(source, async (spot) => {
      if (!isSame(thingAt(spot), original)) return true;
      const doomed = doom(areas, runs, source.area, spot);
      try {
        await removeTree((doomed ?? spot).folder, (doomed ?? spot).name);
      } finally {
        doomed?.folder.close();
      }
      return true;
    });
    return isDone ?? true;
  }

  /** Undefined when the way there is gone. */
  async function at<T>(place: Place, work: (spot: Spot) => Promise<T>): Promise<T | undefined> {
    let spot: Spot;
    try {
      spot = spotOf(areas, place);
    } catch {
      return undefined;
    }
    try {
      return await work(spot);
    } finally {
      spot.folder.close();
    }
  }

  function write(area: Area, record: JournalRecord): () => void {
    const folder = areas.room(area, 'journal');
    const name = nameOf(runs.newName());
    try {
      writeRecord(folder, name, record);
    } catch (error) {
      folder.close();
      throw error;
    }
    return () => {
      try {
        folder.remove(name);
      } finally {
        folder.close();
      }
    };
  }

  return {
    note: ({ kind, from, to, original, moved }) =>
      write(to.area, { kind, from: recordOf(from), to: recordOf(to), original, moved }),
    noteBeside: (place) => write(place.area, { kind: 'beside', at: recordOf(place) }),
    async recover(area) {
      const folder = areas.roomIfThere(area, 'journal');
      if (folder === undefined) return;
      try {
        for (const name of folder.names()) {
          if (!runs.isLeftOver(textOf(name))) continue;
          const record = readRecord<JournalRecord>(folder, name);
          if (record === undefined || (await recoverOne(record))) folder.remove(name);
        }
      } finally {
        folder.close();
      }
    },
  };
}

const recordOf = ({ area, room, path }: Place): PlaceRecord => ({
  area: keyOf(area),
  ...(room !== undefined && { room }),
  path: path.map(textOf),
});

function placeOf({ area: key, room, path }: PlaceRecord): Place | undefined {
  const area = areaOfKey(key);
  return area && { area, ...(room !== undefined && { room }), path: path.map(nameOf) };
}

/**
 * Takes something out of sight in one step; its content is removed afterwards. Where that is not possible (no room for one more name,
 * a disk mounted inside an area) it stays where it is, and the answer is undefined.
 */
export function doom(areas: AreaFolders, runs: Runs, area: Area, { folder, name }: Spot): Spot | undefined {
  const doomed = areas.room(area, 'doomed');
  const newName = nameOf(runs.newName());
  try {
    folder.rename(name, doomed, newName);
    return { folder: doomed, name: newName };
  } catch (error) {
    doomed.close();
    if (!['EXDEV', 'ENOSPC', 'EDQUOT'].includes(codeOf(error) ?? '')) throw error;
    return undefined;
  }
}
