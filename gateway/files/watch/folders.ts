import { type FSWatcher, statfsSync, watch } from 'node:fs';
import { createSlices, every, type Log } from '../../lib/index.ts';
import { type Area, type AreaFolders, keyOf } from '../walk/areas.ts';
import type { HeldFolder } from '../walk/held-folder.ts';
import type { Path } from '../walk/names.ts';
import { folderKey, pathsKey } from './folder-key.ts';

/** Who follows a folder. */
export type Follower = {
  hear(): void;
  /** What answering a change costs, in milliseconds: what changes all the time is told so much less often. */
  costMs: number;
};

export type FolderWatch = {
  /**
   * Tells that something in a folder changed, whoever changed it, until the result is called: the first time at once, what follows
   * together after a pause. A folder that is not there is told of when it is.
   */
  follow(area: Area, path: Path, follower: Follower): () => void;
  /** An act, here or on another gateway, has changed what a key stands for (`folder-key.ts`). */
  tell(key: string): void;
  /** Anything may have changed. */
  tellAll(): void;
  /** How many folders are followed, and why the system watches some of them not, if it does not. */
  state(): { followed: number; refusal: string | undefined };
  close(): Promise<void>;
};

/** Of the system, that is: a folder that is followed beyond these is looked at now and then, like one on a file system of a network. */
const mostWatched = 500;
/** What is written together is told together. */
const soonMs = 50;
const mostRestMs = 30_000;
/** Of one processor, for answering the changes of one folder. */
const shareOfTime = 0.1;
/** What moves a watched folder away from its path is told by nobody: it is looked at once in so many times. */
const looksForWatched = 5;
/** Looking takes no more of the time than this part. */
const shareOfLooking = 0.05;

/** File systems whose changes elsewhere are not told here (statfs(2), `f_type`): NFS, SMB (three), Ceph, 9p, FUSE, AFS, Lustre, GPFS. */
const ofNetworks = new Set([
  0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x00c36400, 0x01021997, 0x65735546, 0x5346414f, 0x0bd00bd0, 0x47504653,
]);

/** inotify_add_watch(2), inotify_init(2): the user's watches or instances, or the descriptors of the process or the system, are used up. */
const refusals = new Set(['ENOSPC', 'EMFILE', 'ENFILE', 'ENOMEM']);

const watchPath = (path: string): FSWatcher => watch(path, { persistent: false });

type Followed = {
  area: Area;
  path: Path;
  key: string;
  followers: Set<Follower>;
  watcher?: FSWatcher | undefined;
  isRemote: boolean;
  /** The folder as it was when it was last looked at. */
  stamp: string;
  lookedAt: number;
  toldAt: number;
  timer?: NodeJS.Timeout | undefined;
};

const gone = 'gone';
const stampOf = (folder: HeldFolder): string => {
  const { dev, ino, mtimeNs, ctimeNs } = folder.stats();
  return [dev, ino, mtimeNs, ctimeNs].join(' ');
};

/**
 * Watches folders as long as somebody follows them, by the walk that follows no link. The system watches an inode, not a path: what
 * takes its place, or moves a folder above it, is found by looking. At the first change the watch ends, and begins anew before it is
 * told, so that a storm of changes costs nothing in between and none is missed.
 */
export function createFolderWatch(parts: {
  areas: Pick<AreaFolders, 'folderIfThere'>;
  log: Log;
  /** Hears that something changed on the disk, told by the disk. */
  onSeen?: (area: Area) => void;
  watchFolder?: (path: string) => FSWatcher;
  /** The least pause between two tellings of one folder. */
  restMs?: number;
  /** Between two looks at what the system does not watch, or does not tell all about. */
  lookMs?: number;
}): FolderWatch {
  const { areas, log, onSeen, watchFolder = watchPath, restMs: leastRestMs = 700, lookMs = 2000 } = parts;
  const all = new Map<string, Followed>();
  /** Those that the system is asked to watch, the one that was followed longest ago first. */
  const slots = new Set<Followed>();
  let refusal: string | undefined;
  let isClosed = false;

  /** Watches and looks, in this order: what changes in between is told by one of the two. */
  function arm(followed: Followed): void {
    disarm(followed);
    followed.lookedAt = performance.now();
    const folder = open(followed);
    if (folder === undefined) return void (followed.stamp = gone);
    try {
      if (slots.has(followed)) begin(followed, folder);
      followed.stamp = stampOf(folder);
    } finally {
      folder.close();
    }
  }

  function begin(followed: Followed, folder: HeldFolder): void {
    try {
      followed.isRemote = ofNetworks.has(statfsSync(folder.self()).type);
      const watcher = watchFolder(folder.self());
      watcher.on('change', () => seen(followed));
      watcher.on('error', (error) => {
        log.warn({ err: error, area: keyOf(followed.area) }, 'watching a folder failed');
        seen(followed);
      });
      followed.watcher = watcher;
      refusal = undefined;
    } catch (error) {
      const { code = '' } = error as { code?: string };
      // What may only not be read is looked at as well, and nothing that an operator has to mend.
      if (!refusals.has(code)) return;
      if (refusal === undefined) log.warn({ err: error }, 'the system watches no more folders; they are looked at');
      refusal = code;
    }
  }

  function disarm(followed: Followed): void {
    followed.watcher?.close();
    followed.watcher = undefined;
  }

  function open({ area, path }: Followed): HeldFolder | undefined {
    try {
      return areas.folderIfThere(area, path);
    } catch {
      return undefined; // A link or a file stands there now, or the disk is away.
    }
  }

  function seen(followed: Followed): void {
    onSeen?.(followed.area);
    changed(followed);
  }

  function changed(followed: Followed): void {
    disarm(followed);
    if (isClosed || followed.timer !== undefined || followed.followers.size === 0) return;
    let costMs = 0;
    for (const follower of followed.followers) costMs += follower.costMs;
    const restMs = Math.min(mostRestMs, Math.max(leastRestMs, costMs / shareOfTime));
    const waitMs = Math.max(soonMs, restMs - (performance.now() - followed.toldAt));
    followed.timer = setTimeout(() => {
      followed.timer = undefined;
      followed.toldAt = performance.now();
      arm(followed);
      for (const follower of [...followed.followers]) tellOne(follower);
    }, waitMs).unref();
  }

  function tellOne({ hear }: Follower): void {
    try {
      hear();
    } catch (error) {
      log.error({ err: error }, 'telling that a folder changed failed');
    }
  }

  /** Tells when the folder at the path is another one, or has other entries, than when it was last looked at. */
  function look(followed: Followed): void {
    followed.lookedAt = performance.now();
    const folder = open(followed);
    const stamp = folder === undefined ? gone : stampOf(folder);
    folder?.close();
    if (stamp !== followed.stamp) return seen(followed);
    if (slots.has(followed) && followed.watcher === undefined && followed.timer === undefined) arm(followed);
  }

  const isDue = ({ lookedAt, watcher, timer, isRemote }: Followed, now: number): boolean =>
    timer === undefined &&
    now - lookedAt >= (watcher === undefined || isRemote ? lookMs / 2 : lookMs * looksForWatched);

  async function lookAtSome(): Promise<void> {
    const startedAt = performance.now();
    const slice = createSlices();
    const due = [...all.values()].filter((followed) => isDue(followed, startedAt));
    for (const followed of due.sort((a, b) => a.lookedAt - b.lookedAt)) {
      if (isClosed || performance.now() - startedAt > lookMs * shareOfLooking) return;
      if (all.get(followed.key) === followed) look(followed);
      await slice();
    }
  }

  const loop = every(lookMs, lookAtSome, { log, complaint: 'looking at the folders that people look at failed' });

  /** The last one that was followed is watched; the first of too many is only looked at from now on. */
  function giveSlot(followed: Followed): void {
    slots.delete(followed);
    slots.add(followed);
    if (slots.size <= mostWatched) return;
    const [first] = slots;
    slots.delete(first!);
    disarm(first!);
  }

  function forget(followed: Followed): void {
    clearTimeout(followed.timer);
    disarm(followed);
    slots.delete(followed);
    all.delete(followed.key);
  }

  return {
    follow(area, path, follower) {
      const key = folderKey(area, path);
      const known = all.get(key);
      const never = { stamp: gone, lookedAt: -Infinity, toldAt: -Infinity, isRemote: false };
      const followed: Followed = known ?? { area, path, key, followers: new Set(), ...never };
      all.set(key, followed);
      followed.followers.add(follower);
      giveSlot(followed);
      if (known === undefined) arm(followed);
      else if (followed.watcher === undefined && followed.timer === undefined) look(followed);
      return () => {
        followed.followers.delete(follower);
        if (followed.followers.size === 0 && all.get(key) === followed) forget(followed);
      };
    },
    tell(key) {
      const followed = all.get(key);
      if (followed) return changed(followed);
      if (!key.endsWith('#')) return;
      for (const other of all.values()) if (pathsKey(other.area) === key) other.lookedAt = -Infinity;
      lookAtSome().catch((error: unknown) => log.error({ err: error }, 'looking at folders failed'));
    },
    tellAll() {
      for (const followed of all.values()) changed(followed);
    },
    state: () => ({ followed: all.size, refusal }),
    async close() {
      isClosed = true;
      await loop.stop();
      for (const followed of [...all.values()]) forget(followed);
    },
  };
}
