import { fstatSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { type Clock, type ComponentHealth, dayMs, every, knotError, type Log, type Standing } from '../lib/index.ts';
import type { Store } from '../store/index.ts';
import { type Condition } from './act/condition.ts';
import { newFolder, onWay } from './act/make-way.ts';
import { copy, move } from './act/move.ts';
import { openActs } from './act/open.ts';
import { put, type PutOptions, type Written } from './act/put.ts';
import { knownAreas } from './act/recover.ts';
import { createTrash, type TrashItem } from './act/trash.ts';
import { each, list, type ListQuery, type Listing } from './look/list.ts';
import { createLocks, type Locks } from './locks/locks.ts';
import { picture, type Picture } from './look/picture.ts';
import { standing } from './look/standing.ts';
import { search, type SearchResult } from './look/search.ts';
import { zip, type ZipOptions } from './look/zip.ts';
import { type AllowanceOf, createQuota, type Usage } from './quota/quota.ts';
import { bytesInWords } from './quota/words.ts';
import { createRelocate, type Relocated, type RelocateOptions, type Spot } from './relocate.ts';
import { createUploads, type Uploads } from './uploads/uploads.ts';
import { type Area, openAreas } from './walk/areas.ts';
import { type Entry, entryOf } from './walk/entry.ts';
import { fileError, notAFile, taken } from './walk/errors.ts';
import { type HeldFolder, withFolder } from './walk/held-folder.ts';
import type { Name, Path } from './walk/names.ts';
import { createPace, type Measure } from './walk/tree.ts';
import { areaOfFolderKey } from './watch/folder-key.ts';
import { createFolderWatch, type Follower } from './watch/folders.ts';
import { watchHealth } from './watch/health.ts';
import { createRecount } from './watch/recount.ts';
import { createTelling } from './watch/telling.ts';

export type FilesSettings = { folder: string; uploadMaxBytes: number; trashDays: number };

/** Everything that can be done with files. Whether somebody may is asked before (api); each act is whole or did not happen. */
export type Files = {
  /** @throws KNOT_FILES_* as every method does */
  look(area: Area, path: Path): Entry;
  list(area: Area, path: Path, query: Omit<ListQuery, 'isHidden'>): Promise<Listing>;
  /** What stands at a path beside what was there when `before` was told. Never throws for what is not there. */
  standing(area: Area, path: Path, before: string | null): Standing;
  /** The entries of a folder while they are drawn, in no order; for lists that are not held in memory. */
  each(area: Area, path: Path): AsyncGenerator<Entry>;
  search(area: Area, path: Path, text: string, signal?: AbortSignal): Promise<SearchResult>;
  /** Of the root of an area with what its trash takes. */
  picture(area: Area, path: Path, signal?: AbortSignal): Promise<Picture & { trashed?: Measure }>;
  /** An open regular file; the caller closes the descriptor. */
  open(area: Area, path: Path): { entry: Entry; descriptor: number };
  /** Things of one folder as a zip stream. */
  zip(
    area: Area,
    folder: Path,
    names: readonly Name[] | undefined,
    method: 'store' | 'deflate',
    beside?: Pick<ZipOptions, 'first' | 'below'>,
  ): Readable;
  /** `length`: of the body, if it is known before. */
  put(
    area: Area,
    path: Path,
    body: Readable,
    options: Condition &
      Pick<PutOptions, 'sha256' | 'modifiedAt' | 'knownFolders' | 'isSecret'> & {
        length?: number;
        signal?: AbortSignal;
      },
  ): Promise<Written>;
  makeFolder(area: Area, path: Path): Entry;
  /** A folder by somebody who does not see what is there (see `onWay`): where it is, and whether anything was made. */
  makeWay(area: Area, path: Path, known: number): Promise<{ path: Path; isMade: boolean }>;
  move(from: Spot, to: Spot, options: RelocateOptions): Promise<Relocated>;
  copy(from: Spot, to: Spot, options: RelocateOptions): Promise<Relocated>;
  /** `ifMatch`: versions that may be deleted; without them any. */
  trash(area: Area, path: Path, by: string, ifMatch?: readonly string[]): Promise<TrashItem>;
  trashed(area: Area): TrashItem[];
  /** Items of a page of it, with what folders among them hold. */
  sizedTrash(area: Area, items: readonly TrashItem[]): Promise<TrashItem[]>;
  restore(area: Area, id: string, to?: Path): Promise<{ path: Path; entry: Entry }>;
  emptyTrash(area: Area, ids?: readonly string[]): Promise<Measure>;
  usage(area: Area): Promise<Usage>;
  /** The same, counted anew: for who knows that something was written past every act. */
  counted(area: Area): Promise<Usage>;
  /** What each area uses as far as it was counted, by key, in bytes: of all of them without counting one anew. */
  usages(): Promise<ReadonlyMap<string, number>>;
  uploads: Uploads;
  /** Locks of clients of WebDAV. They bind these alone; everybody else is kept from losing a change by the conditions of writes. */
  locks: Locks;
  /** Path of an area for who mounts it elsewhere; the folder is there. */
  pathOf(area: Area): string;
  /** Path of what Knot keeps beside the areas, where no notebook and no pod reaches it: the same for all gateways of an installation. */
  pathBeside(name: 'templates'): string;
  /** Tells of changes in a folder within two seconds, whoever makes them, until the result is called. */
  follow(area: Area, path: Path, follower: Follower): () => void;
  /** Hears of each area in which an act, here or on another gateway, or a count has changed something. */
  onChange(hear: (area: Area) => void): () => void;
  health(): ComponentHealth;
  close(): Promise<void>;
};

const searchBounds = { mostFound: 500, mostSeen: 1_000_000 };
/** A body of unknown length is promised its room in steps. */
const stepBytes = 16 * 1024 * 1024;
const tidyMs = 10 * 60 * 1000;
const countMs = 60 * 60 * 1000;
/** Where the API takes resumable uploads. */
const uploadPath = '/api/v1/uploads';

/**
 * Opens the files: makes the folders, ends what an earlier gateway left half done, begins to tidy up in the background.
 * @throws KNOT_FILES_UNAVAILABLE
 */
export function openFiles(parts: {
  settings: FilesSettings;
  store: Store;
  allowanceOf: AllowanceOf;
  clock: Clock;
  log: Log;
}): Files {
  const { settings, store, allowanceOf, clock, log } = parts;
  const telling = createTelling({ store, log });
  const areas = openAreas({ folder: settings.folder, log });
  const acts = openActs(areas);
  const trash = createTrash(acts, { now: clock.now });
  const quota = createQuota({ store, areas, runs: acts.runs, allowanceOf, clock });
  const recount = createRecount({ count: quota.count, onCounted: telling.usage, log });
  const folders = createFolderWatch({ areas, log, onSeen: recount.soon });
  const stops = [store.onChange('files', folders.tell), store.onGap(folders.tellAll)];
  const isHidden = (name: Name) => areas.isReserved([name]);
  const hiddenIn = (path: Path) => (path.length === 0 ? { isHidden } : {});

  /** What is Knot's own in an area is not there for anybody. */
  function checked(path: Path): Path {
    if (areas.isReserved(path)) throw fileError(Object.assign(new Error(), { code: 'ENOENT' }));
    return path;
  }

  const inParent = <T>(area: Area, path: Path, work: (parent: HeldFolder, name: Name) => T): T => {
    const name = checked(path).at(-1);
    if (name === undefined) throw taken();
    return withFolder(areas.folder(area, path.slice(0, -1)), (parent) => work(parent, name));
  };

  async function write(area: Area, path: Path, body: Readable, options: Parameters<Files['put']>[3]): Promise<Written> {
    const { length, signal, sha256, modifiedAt, knownFolders, isSecret, ...condition } = options;
    const name = checked(path).at(-1);
    if (name === undefined) throw notAFile();
    refuseTooLarge(length ?? 0);
    const replaced = (parent: HeldFolder) => (condition.keepsBoth ? 0 : Number(parent.look(name)?.size ?? 0n));
    const before = knownFolders === undefined ? inParent(area, path, replaced) : 0;
    const reservation = await quota.reserve(area, length === undefined ? 0 : length - before);
    let promised = length ?? before;
    let seen = 0;
    const meter: PutOptions['meter'] = async (chunk) => {
      seen += chunk.length;
      refuseTooLarge(seen);
      if (seen <= promised) return;
      const more = Math.max(stepBytes, seen - promised);
      // The last step may be more than there is room for, while what really came still fits.
      await reservation.grow(more).then(
        () => (promised += more),
        async () => {
          await reservation.grow(seen - promised);
          promised = seen;
        },
      );
    };
    try {
      const written = await put(acts, area, path, body, {
        ...condition,
        meter,
        sha256,
        modifiedAt,
        knownFolders,
        isSecret,
        ...(signal && { signal }),
      });
      await reservation.settle(written.bytes);
      tellOf(area, written.path, knownFolders);
      return written;
    } catch (error) {
      await reservation.release();
      throw error;
    }
  }

  /** The folder that something came into, and those that were made for it below the `known` ones. */
  function tellOf(area: Area, path: Path, known = path.length - 1): void {
    for (let depth = known; depth < path.length; depth++) telling.folders(area, path.slice(0, depth));
  }

  function refuseTooLarge(bytes: number): void {
    const most = settings.uploadMaxBytes;
    if (bytes <= most) return;
    throw knotError('KNOT_FILES_TOO_LARGE', 413, `A file may have ${bytesInWords(most)} at most.`, {
      remedy: 'An administrator can raise `files.uploadMaxBytes`.',
    });
  }

  /** Something is not at its path any more, nor is what lay below. */
  function left({ area, path }: { area: Area; path: Path }, kind: Entry['kind']): void {
    telling.folders(area, path.slice(0, -1));
    if (kind === 'folder') telling.paths(area);
  }

  const relocate = createRelocate({ acts, quota, checked, tellOf, left });

  const uploads = createUploads({
    acts,
    quota,
    store,
    path: uploadPath,
    mostBytes: settings.uploadMaxBytes,
    lifetimeMs: dayMs,
    clock,
    log,
    onWritten: tellOf,
  });

  const locks = createLocks({ store, clock });

  async function tidy(): Promise<void> {
    await locks.expire();
    await quota.forgetLost();
    await uploads.expire();
    await acts.recover();
    for (const area of knownAreas(areas)) {
      const { bytes } = await trash.expire(area, clock.now() - settings.trashDays * dayMs);
      await quota.note(area, -bytes);
    }
  }

  async function countAll(): Promise<void> {
    for (const area of knownAreas(areas)) await quota.count(area);
  }

  const spread = { log, jitter: 0.2 };
  const loops = [
    every(tidyMs, tidy, { ...spread, complaint: 'tidying up the files failed' }),
    every(countMs, countAll, { ...spread, complaint: 'counting the files failed' }),
  ];
  // What was left half done is not waited for: with many areas it takes longer than a start may.
  const recovered = acts
    .recover()
    .catch((error: unknown) => log.error({ err: error }, 'ending what was left half done failed'));

  return {
    look(area, path) {
      if (path.length === 0) return withFolder(areas.root(area), (root) => entryOf(undefined, root.stats()));
      return inParent(area, path, (parent, name) => {
        const stats = parent.look(name);
        if (stats === undefined) throw fileError(Object.assign(new Error(), { code: 'ENOENT' }));
        return entryOf(name, stats);
      });
    },
    standing: (area, path, before) => standing(areas, area, path, before),
    list: (area, path, query) =>
      withFolder(areas.folder(area, checked(path)), (folder) => list(folder, { ...query, ...hiddenIn(path) })),
    each: (area, path) => each(areas.folder(area, checked(path)), path.length === 0 ? isHidden : undefined),
    search: (area, path, text, signal) =>
      withFolder(areas.folder(area, checked(path)), (folder) =>
        search(folder, text, { ...searchBounds, ...hiddenIn(path), ...(signal && { signal }) }),
      ),
    async picture(area, path, signal) {
      const shown = await withFolder(areas.folder(area, checked(path)), (folder) =>
        picture(folder, { most: 30, ...hiddenIn(path), ...(signal && { signal }) }),
      );
      return path.length > 0 ? shown : { ...shown, trashed: await trash.measure(area, createPace()) };
    },
    open: (area, path) =>
      path.length === 0
        ? refuse(notAFile())
        : inParent(area, path, (parent, name) => {
            const descriptor = parent.file(name);
            return { entry: entryOf(name, fstatSync(descriptor, { bigint: true })), descriptor };
          }),
    zip: (area, folder, names, method, beside = {}) =>
      zip(areas.folder(area, checked(folder)), names, {
        ...beside,
        method,
        isHidden: (path) => folder.length === 0 && areas.isReserved(path),
        onError: (error) => log.warn({ err: error }, 'packing files failed'),
      }),
    put: write,
    makeFolder: (area, path) =>
      inParent(area, path, (parent, name) => {
        newFolder(parent, name);
        telling.folders(area, path.slice(0, -1));
        return entryOf(name, parent.look(name)!);
      }),
    async makeWay(area, path, known) {
      return onWay(areas, area, checked(path), known, (way, isMade) => {
        if (isMade) tellOf(area, way, known);
        return { path: way, isMade };
      });
    },
    move: (from, to, options) => relocate(move, from, to, options),
    copy: (from, to, options) => relocate(copy, from, to, options),
    async trash(area, path, by, ifMatch) {
      if (checked(path).length === 0) throw taken();
      const item = await trash.put(area, path, by, ifMatch);
      left({ area, path }, item.kind);
      telling.folders(area, []);
      return item;
    },
    trashed: (area) => trash.list(area),
    sizedTrash: (area, items) => trash.sized(area, items),
    async restore(area, id, to) {
      const restored = await trash.restore(area, id, to && checked(to));
      // Its folders may have been made anew; and a trash is shown with the root of its area.
      telling.folders(area, ...restored.path.map((_, depth) => restored.path.slice(0, depth)));
      return restored;
    },
    async emptyTrash(area, ids) {
      const freed = await trash.empty(area, ids);
      await quota.note(area, -freed.bytes);
      telling.folders(area, []);
      return freed;
    },
    usage: quota.usage,
    async counted(area) {
      await quota.count(area);
      telling.usage(area);
      return quota.usage(area);
    },
    usages: quota.usages,
    uploads,
    locks,
    pathBeside: areas.pathBeside,
    pathOf(area) {
      areas.root(area).close();
      return areas.pathOf(area);
    },
    follow: (area, path, follower) => folders.follow(area, checked(path), follower),
    onChange: (hear) =>
      store.onChange('files', (key) => {
        const area = areaOfFolderKey(key);
        if (area) hear(area);
      }),
    health: () => watchHealth(folders.state()),
    async close() {
      for (const stop of stops) stop();
      await Promise.all([
        recovered,
        folders.close(),
        recount.close(),
        telling.close(),
        ...loops.map((loop) => loop.stop()),
      ]);
      acts.close();
      areas.close();
    },
  };
}

function refuse(error: Error): never {
  throw error;
}
