import { knotError, newShortId } from '../../lib/index.ts';
import type { Area } from '../walk/areas.ts';
import { type Entry, entryOf, type Kind, kindOf } from '../walk/entry.ts';
import { codeOf, fileError } from '../walk/errors.ts';
import { type HeldFolder, walk, withFolder } from '../walk/held-folder.ts';
import { type Name, nameOf, type Path, textOf } from '../walk/names.ts';
import { copyTree, measure, type Measure, noMeasure, numbered, removeTree } from '../walk/tree.ts';
import { checkVersion } from './condition.ts';
import { doom, type Place, type Spot, spotOf, thingAt } from './journal.ts';
import { type MadeFolder, takeBack } from './make-way.ts';
import type { Acts } from './move.ts';
import { freeName, place } from './place.ts';
import { holdReserve, readRecord, writeRecord } from './records.ts';
import { discard, stagedFor } from './staged.ts';

export type TrashItem = {
  id: string;
  /** Where it was, as `/`-separated text. */
  path: string;
  kind: Kind;
  /** Bytes of a file; of a folder nobody counts them for a list (see `sized`). */
  size: number;
  deletedAt: number;
  deletedBy: string;
};

/** Beside each thing in the trash, which has a short name of its own there: its first name may be as long as a name can be. */
type TrashRecord = { path: string[]; deletedAt: number; deletedBy: string };

const recordOf = (id: string): Name => nameOf(`${id}.json`);
/** Whether a name in the trash is something that was deleted; the others are about it. */
export const isTrashed = (name: Name): boolean => isId(textOf(name));
const isId = (text: string) => /^[0-9a-z]{16}$/.test(text);

/** Entries of one folder in the trash that are counted for a list. */
const mostCounted = 2_000;
const tooMany = new Error('more than is counted for a list');

export type Trash = {
  /** Takes something out of its folder in one step; nothing of it is read or freed. */
  put(area: Area, path: Path, by: string, ifMatch?: readonly string[]): Promise<TrashItem>;
  list(area: Area): TrashItem[];
  /** The same items with the bytes of what folders among them hold; a folder of very many entries keeps 0. */
  sized(area: Area, items: readonly TrashItem[]): Promise<TrashItem[]>;
  /** What all of it takes. */
  measure(area: Area, pace: () => Promise<void> | undefined): Promise<Measure>;
  /**
   * Puts something back: to where it was, its folders made anew if they are gone, under the next free name if its own is taken; or to
   * `to`, where nothing may be.
   */
  restore(area: Area, id: string, to?: Path): Promise<{ path: Path; entry: Entry }>;
  /** Removes for good; what that freed. Everything when no ids are given. */
  empty(area: Area, ids?: readonly string[]): Promise<Measure>;
  /** Removes what was deleted before a time. */
  expire(area: Area, before: number): Promise<Measure>;
};

export function createTrash(acts: Acts, { now }: { now: () => number }): Trash {
  const { areas, runs, journal } = acts;
  const withTrash = <T>(area: Area, work: (folder: HeldFolder) => T): T => withFolder(areas.room(area, 'trash'), work);

  function itemOf(folder: HeldFolder, id: string): TrashItem | undefined {
    const stats = folder.look(nameOf(id));
    const record = readRecord<TrashRecord>(folder, recordOf(id));
    if (stats === undefined || record === undefined) return undefined;
    const { path, deletedAt, deletedBy } = record;
    const size = stats.isFile() ? Number(stats.size) : 0;
    return { id, path: path.join('/'), kind: kindOf(stats), size, deletedAt, deletedBy };
  }

  function find(folder: HeldFolder, id: string): TrashRecord {
    const record = isId(id) && folder.look(nameOf(id)) ? readRecord<TrashRecord>(folder, recordOf(id)) : undefined;
    if (record) return record;
    throw knotError('KNOT_FILES_NOT_IN_TRASH', 404, 'This is not in the trash any more.', {
      remedy: 'It was restored or removed; reload the trash.',
    });
  }

  async function put(area: Area, path: Path, by: string, ifMatch?: readonly string[]): Promise<TrashItem> {
    const source = spotOf(areas, { area, path });
    try {
      const there = source.folder.look(source.name);
      if (there === undefined) throw missing();
      checkVersion(there, ifMatch);
      return await withTrash(area, async (folder) => {
        const id = newShortId();
        holdReserve(folder);
        writeRecord(folder, recordOf(id), {
          path: path.map(textOf),
          deletedAt: now(),
          deletedBy: by,
        } satisfies TrashRecord);
        try {
          await moveIn(area, source, { folder, name: nameOf(id) }, { area, path });
        } catch (error) {
          folder.remove(recordOf(id));
          throw error;
        }
        holdReserve(folder);
        return itemOf(folder, id)!;
      });
    } catch (error) {
      throw fileError(error);
    } finally {
      source.folder.close();
    }
  }

  async function moveIn(area: Area, source: Spot, target: Spot, from: { area: Area; path: Path }): Promise<void> {
    try {
      source.folder.rename(source.name, target.folder, target.name);
      source.folder.sync();
      target.folder.sync();
    } catch (error) {
      if (codeOf(error) !== 'EXDEV') throw error;
      await moveByCopy(source, target, from, { area, room: 'trash', path: [target.name] });
    }
  }

  function restore(area: Area, id: string, to?: Path): Promise<{ path: Path; entry: Entry }> {
    return withTrash(area, async (folder) => {
      const record = find(folder, id);
      const path = to ?? record.path.map(nameOf);
      const [above, wanted] = [path.slice(0, -1), path.at(-1)!];
      const made: MadeFolder[] = [];
      try {
        return await withFolder(
          to === undefined ? foldersMade(area, above, made) : areas.folder(area, above),
          async (parent) => {
            const name = to === undefined ? freeName(parent, wanted, numbered) : wanted;
            const restored = [...above, name];
            const from = { area, room: 'trash', path: [nameOf(id)] } as const;
            await moveOut({ folder, name: nameOf(id) }, { folder: parent, name }, from, { area, path: restored });
            folder.remove(recordOf(id));
            return { path: restored, entry: entryOf(name, parent.look(name)!) };
          },
        );
      } catch (error) {
        takeBack(areas, area, made);
        throw error;
      }
    });
  }

  async function moveOut(source: Spot, target: Spot, from: Place, to: Place): Promise<void> {
    try {
      place(source, target, { journal, from, to });
    } catch (error) {
      if (codeOf(error) !== 'EXDEV') throw error;
      await moveByCopy(source, target, from, to);
    }
  }

  /** From or to a disk that is mounted inside the area. */
  async function moveByCopy(source: Spot, target: Spot, from: Place, to: Place): Promise<void> {
    const original = thingAt(source)!;
    const copied = stagedFor(acts, target, to);
    try {
      const onSpecial = () => undefined;
      await copyTree(source.folder, source.name, copied.folder, copied.name, { isSynced: true, onSpecial });
      const done = journal.note({ kind: 'move', from, to, original, moved: thingAt(copied)! });
      try {
        place(copied, target);
        await removeTree(source.folder, source.name);
      } finally {
        done();
      }
    } catch (error) {
      await discard(copied);
      throw error;
    } finally {
      copied.release();
    }
  }

  function foldersMade(area: Area, path: Path, made: MadeFolder[]): HeldFolder {
    let here = areas.root(area);
    try {
      for (const [depth, name] of path.entries()) {
        const isNew = here.look(name) === undefined;
        const next = here.folderMade(name, 0o755);
        if (isNew) {
          made.push({ path: path.slice(0, depth + 1), thing: thingAt({ folder: here, name })! });
          here.adopt(name);
        }
        here.close();
        here = next;
      }
      return walk(here, []);
    } finally {
      here.close();
    }
  }

  async function removeAll(area: Area, isWanted: (folder: HeldFolder, id: string) => boolean): Promise<Measure> {
    return withTrash(area, async (folder) => {
      const freed = { ...noMeasure };
      for (const name of folder.names()) {
        const id = textOf(name);
        if (!isId(id) || !isWanted(folder, id)) continue;
        // One step, then the work; on a full disk the work alone.
        const doomed = doom(areas, runs, area, { folder, name });
        const { bytes, entries } = await removeTree(doomed?.folder ?? folder, doomed?.name ?? name);
        doomed?.folder.close();
        if (folder.look(recordOf(id))) folder.remove(recordOf(id));
        freed.bytes += bytes;
        freed.entries += entries;
      }
      return freed;
    });
  }

  /** Undefined when there is more than can be counted for a list. */
  async function sizeOf(area: Area, id: string): Promise<number | undefined> {
    let seen = 0;
    const pace = () => (++seen > mostCounted ? Promise.reject(tooMany) : undefined);
    const counting = withFolder(areas.room(area, 'trash'), (folder) => measure(folder, nameOf(id), pace));
    return counting.then(
      ({ bytes }) => bytes,
      (error: unknown) => (error === tooMany ? undefined : Promise.reject(error as Error)),
    );
  }

  return {
    put,
    async sized(area, items) {
      const sized: TrashItem[] = [];
      for (const item of items) {
        const size = item.kind === 'folder' ? await sizeOf(area, item.id) : item.size;
        sized.push({ ...item, size: size ?? 0 });
      }
      return sized;
    },
    measure: (area, pace) =>
      withFolder(areas.room(area, 'trash'), async (folder) => {
        const total = { ...noMeasure };
        for (const name of folder.names().filter(isTrashed)) {
          const { bytes, entries } = await measure(folder, name, pace);
          total.bytes += bytes;
          total.entries += entries;
        }
        return total;
      }),
    list: (area) =>
      withTrash(area, (folder) => {
        const ids = folder.names().map(textOf).filter(isId);
        const items = ids.flatMap((id) => itemOf(folder, id) ?? []);
        return items.sort((a, b) => b.deletedAt - a.deletedAt);
      }),
    restore,
    async empty(area, ids) {
      if (ids) withTrash(area, (folder) => void ids.map((id) => find(folder, id)));
      return removeAll(area, (_, id) => ids === undefined || ids.includes(id));
    },
    expire: async (area, before) => {
      const there = areas.roomIfThere(area, 'trash');
      there?.close();
      if (there === undefined) return noMeasure;
      return removeAll(
        area,
        (folder, id) => (readRecord<TrashRecord>(folder, recordOf(id))?.deletedAt ?? Infinity) < before,
      );
    },
  };
}

const missing = () => fileError(Object.assign(new Error('nothing of this name'), { code: 'ENOENT' }));
