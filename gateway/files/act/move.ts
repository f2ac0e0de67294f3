import { knotError } from '../../lib/index.ts';
import { type AreaFolders, keyOf } from '../walk/areas.ts';
import { type Entry, entryOf } from '../walk/entry.ts';
import { codeOf, fileError, notAFile } from '../walk/errors.ts';
import { adoptTree, copyTree, measure, type Measure, removeTree } from '../walk/tree.ts';
import { checkCondition, checkVersion, type Condition } from './condition.ts';
import { doom, type Journal, type Place, type Spot, spotOf, thingAt } from './journal.ts';
import { place } from './place.ts';
import type { Runs } from './runs.ts';
import { discard, type Staged, stagedFor } from './staged.ts';

export type Acts = { areas: AreaFolders; runs: Runs; journal: Journal };

export type Moved = {
  entry: Entry;
  /** What a file that was replaced took. */
  replaced: number;
  /** What could not be copied: pipes, sockets and devices, by name. */
  skipped: string[];
};

export type MoveOptions = Condition & {
  /** Versions that what is moved or copied may have; without them any. */
  source?: readonly string[] | undefined;
  /** Asked with the size before anything is written to a target of another area, or copied. */
  reserve?: (size: Measure) => Promise<void>;
  signal?: AbortSignal;
};

/** Rename and move, also to another area or disk: there is never a partial target, and never none of the two. */
export async function move(acts: Acts, from: Place, to: Place, options: MoveOptions): Promise<Moved> {
  return withSpots(acts.areas, from, to, async (source, target) => {
    refuseInto(source, from, to);
    checkVersion(source.folder.look(source.name), options.source);
    const before = target.folder.look(target.name);
    checkTarget(before, options);
    const isOtherArea = keyOf(from.area) !== keyOf(to.area);
    if (isOtherArea) await options.reserve?.(await measure(source.folder, source.name));
    try {
      moveOnDisk(acts, { source, from, target, to }, before !== undefined);
      if (isOtherArea) await adoptTree(target.folder, target.name);
    } catch (error) {
      if (codeOf(error) !== 'EXDEV') throw error;
      await moveByCopy(acts, { source, from, target, to }, options);
    }
    return movedTo(target, Number(before?.size ?? 0n), []);
  });
}

type Way = { source: Spot; from: Place; target: Spot; to: Place };

function moveOnDisk({ journal }: Acts, { source, from, target, to }: Way, isReplacing: boolean): void {
  if (!isReplacing) return place(source, target, { journal, from, to });
  source.folder.rename(source.name, target.folder, target.name);
  source.folder.sync();
  target.folder.sync();
}

/** Copied into staging of the target's disk, renamed in, then the original removed. */
async function moveByCopy(acts: Acts, { source, from, target, to }: Way, options: MoveOptions): Promise<void> {
  const { areas, runs, journal } = acts;
  const original = thingAt(source)!;
  const copied = await copyToStaging(acts, source, target, to, {
    isSynced: true,
    // Nothing that would be lost is left behind in silence.
    onSpecial: () => {
      throw notAFile();
    },
    ...(options.signal && { signal: options.signal }),
  });
  try {
    checkTarget(target.folder.look(target.name), options);
    const done = journal.note({ kind: 'move', from, to, original, moved: thingAt(copied)! });
    try {
      settle(copied, target);
      await removeMoved({ areas, runs }, source, from);
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

async function removeMoved({ areas, runs }: Pick<Acts, 'areas' | 'runs'>, source: Spot, from: Place): Promise<void> {
  const doomed = doom(areas, runs, from.area, source);
  if (doomed === undefined) return void (await removeTree(source.folder, source.name));
  try {
    await removeTree(doomed.folder, doomed.name);
  } finally {
    doomed.folder.close();
  }
}

/** A copy, also in another area or on another disk; it appears at its name when it is complete. */
export async function copy(acts: Acts, from: Place, to: Place, options: MoveOptions): Promise<Moved> {
  return withSpots(acts.areas, from, to, async (source, target) => {
    refuseInto(source, from, to);
    checkVersion(source.folder.look(source.name), options.source);
    const before = target.folder.look(target.name);
    checkTarget(before, options);
    await options.reserve?.(await measure(source.folder, source.name));
    const skipped: string[] = [];
    const copied = await copyToStaging(acts, source, target, to, {
      isSynced: true,
      onSpecial: (name) => void skipped.push(name.toString()),
      ...(options.signal && { signal: options.signal }),
    });
    try {
      if (copied.folder.look(copied.name) === undefined) throw notAFile();
      checkTarget(target.folder.look(target.name), options);
      settle(copied, target);
    } catch (error) {
      await discard(copied);
      throw error;
    } finally {
      copied.release();
    }
    return movedTo(target, Number(before?.size ?? 0n), skipped);
  });
}

async function copyToStaging(
  acts: Acts,
  source: Spot,
  target: Spot,
  to: Place,
  options: Parameters<typeof copyTree>[4],
): Promise<Staged> {
  const copied = stagedFor(acts, target, to);
  try {
    await copyTree(source.folder, source.name, copied.folder, copied.name, options);
    await adoptAs(target, copied);
    return copied;
  } catch (error) {
    await discard(copied);
    copied.release();
    throw error;
  }
}

/** What is made in staging belongs to whom staging belongs until it is told whose folder it goes to. */
async function adoptAs(target: Spot, copied: Spot): Promise<void> {
  const { uid, gid } = target.folder.stats();
  const staged = copied.folder.stats();
  if (uid === staged.uid && gid === staged.gid) return;
  await adoptTree(copied.folder, copied.name, undefined, { uid, gid });
}

function settle(copied: Spot, target: Spot): void {
  if (target.folder.look(target.name) === undefined) return place(copied, target);
  copied.folder.rename(copied.name, target.folder, target.name);
  target.folder.sync();
}

/** Without a condition nothing is replaced; with one, only a file of the version that it names. */
function checkTarget(there: ReturnType<Spot['folder']['look']>, { ifMatch }: Condition): void {
  checkCondition(there, ifMatch === undefined ? { isNew: true } : { ifMatch });
}

function refuseInto(source: Spot, from: Place, to: Place): void {
  const isInside =
    keyOf(from.area) === keyOf(to.area) &&
    from.room === to.room &&
    from.path.length <= to.path.length &&
    from.path.every((name, index) => name.equals(to.path[index]!));
  if (source.folder.look(source.name) === undefined) throw fileError(Object.assign(new Error(), { code: 'ENOENT' }));
  if (isInside) {
    throw knotError('KNOT_FILES_INTO_ITSELF', 409, 'Something cannot be moved or copied into itself.', {
      remedy: 'Choose another place.',
    });
  }
}

const movedTo = ({ folder, name }: Spot, replaced: number, skipped: string[]): Moved => ({
  entry: entryOf(name, folder.look(name)!),
  replaced,
  skipped,
});

async function withSpots<T>(
  areas: AreaFolders,
  from: Place,
  to: Place,
  work: (source: Spot, target: Spot) => Promise<T>,
): Promise<T> {
  const source = spotOf(areas, from);
  let target: Spot | undefined;
  try {
    target = spotOf(areas, to);
    return await work(source, target);
  } catch (error) {
    throw fileError(error);
  } finally {
    source.folder.close();
    target?.folder.close();
  }
}
