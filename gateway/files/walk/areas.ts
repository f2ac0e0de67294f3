import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { KnotError, knotError, type Log } from '../../lib/index.ts';
import { fileError } from './errors.ts';
import { HeldFolder, walk } from './held-folder.ts';
import { type Name, nameOf, type Path } from './names.ts';

/** Whose files: of one person, of one team (by their ids, which never change), everybody's, or the administrators'. */
export type Area = { kind: 'private' | 'team'; id: string } | { kind: 'shared' | 'admin'; id?: undefined };

/** `private/USER-ID`, `team/TEAM-ID`, `shared`, `admin`: the folder below `files.folder`, and the key of quotas and journals. */
export const keyOf = (area: Area): string => (area.id === undefined ? area.kind : `${area.kind}/${area.id}`);

export function areaOfKey(key: string): Area | undefined {
  if (key === 'shared' || key === 'admin') return { kind: key };
  const [, kind, id] = /^(private|team)\/([A-Za-z0-9_-]{1,64})$/.exec(key) ?? [];
  return kind === undefined ? undefined : { kind: kind as 'private' | 'team', id: id! };
}

/**
 * What belongs to an area and is not shown in it, on the same file system: `trash` (what was deleted), `staging` (what is being
 * written), `doomed` (what is being removed), `journal` (what is being moved).
 */
export type Room = 'trash' | 'staging' | 'doomed' | 'journal';
export const rooms: readonly Room[] = ['trash', 'staging', 'doomed', 'journal'];

export type AreaFolders = {
  /** Root of an area, made when it is missing. The caller closes it. */
  root(area: Area): HeldFolder;
  /** A folder in an area, by the walk that follows no link. The caller closes it. */
  folder(area: Area, path: Path): HeldFolder;
  /** The same, and makes nothing: undefined when a part of the way is not there. @throws as `folder` */
  folderIfThere(area: Area, path: Path): HeldFolder | undefined;
  room(area: Area, room: Room): HeldFolder;
  /** The same, if anything was ever in it: an area that nobody used has none. */
  roomIfThere(area: Area, room: Room): HeldFolder | undefined;
  /** Whether a name in the root of an area is Knot's own. */
  isReserved(path: Path): boolean;
  /** Path of an area for who mounts it elsewhere. */
  pathOf(area: Area): string;
  /** Path of a folder of Knot's own beside the areas. */
  pathBeside(name: 'templates'): string;
  /** The folder of all private, or of all team areas. Stays open. */
  kind(kind: 'private' | 'team'): HeldFolder;
  /** Knot's own folder beside the areas. Stays open. */
  back: HeldFolder;
  /** Uploads that are not finished. Stays open. */
  uploads: HeldFolder;
  close(): void;
};

const backroom = nameOf('.knot');
const ofEverybody = { shared: nameOf('shared'), admin: nameOf('admin') };

const rootName = (area: Area): Name => (area.id === undefined ? ofEverybody[area.kind] : nameOf(area.id));

/**
 * The folders of all areas below one folder. The roots of the four kinds are held open; an area itself is looked up each time, so that
 * one that was deleted or replaced underneath is seen at once, and a link in its place is refused.
 * @throws KNOT_FILES_UNAVAILABLE where the system has no /proc/self/fd
 */
export function openAreas({ folder, log }: { folder: string; log: Log }): AreaFolders {
  if (!existsSync('/proc/self/fd')) {
    throw knotError('KNOT_FILES_UNAVAILABLE', 503, 'Files are not available on this system.', {
      remedy: 'Run Knot on Linux: only there can it open files without following links that lead out of an area.',
    });
  }
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const base = HeldFolder.open(folder);
  const back = base.folderMade(backroom);
  const kinds = {
    private: base.folderMade(nameOf('private')),
    team: base.folderMade(nameOf('team')),
  };
  const uploads = back.folderMade(nameOf('uploads'));
  /** Inode of each area's root when it was last seen. */
  const seen = new Map<string, bigint>();

  function root(area: Area): HeldFolder {
    try {
      const parent = area.id === undefined ? base : kinds[area.kind];
      const opened = parent.folderMade(rootName(area), 0o700);
      note(area, opened);
      return opened;
    } catch (error) {
      throw fileError(error);
    }
  }

  function note(area: Area, opened: HeldFolder): void {
    const key = keyOf(area);
    const { ino } = opened.stats();
    const before = seen.get(key);
    if (before !== undefined && before !== ino) log.warn({ area: key }, 'the folder of an area was replaced');
    if (before !== ino) seen.set(key, ino);
    if (seen.size > 10_000) seen.delete(seen.keys().next().value!);
  }

  function room(area: Area, which: Room): HeldFolder {
    return withBackroom(area, (areaRoot, isOwnDisk) => {
      const here = isOwnDisk ? areaRoot.folderMade(backroom) : backroomMade(area);
      try {
        return here.folderMade(nameOf(which));
      } finally {
        here.close();
      }
    });
  }

  function roomIfThere(area: Area, which: Room): HeldFolder | undefined {
    return ifThere(() =>
      withBackroom(area, (areaRoot, isOwnDisk) =>
        isOwnDisk
          ? walk(areaRoot, [backroom, nameOf(which)])
          : walk(back, [...(area.id === undefined ? [area.kind] : [area.kind, area.id]), which].map(nameOf)),
      ),
    );
  }

  /** Beside the areas, where no notebook reaches it; inside the area when that is a disk of its own, because a rename stays on one. */
  function withBackroom<T>(area: Area, work: (areaRoot: HeldFolder, isOwnDisk: boolean) => T): T {
    const areaRoot = root(area);
    try {
      return work(areaRoot, areaRoot.stats().dev !== back.stats().dev);
    } catch (error) {
      throw fileError(error);
    } finally {
      areaRoot.close();
    }
  }

  function backroomMade(area: Area): HeldFolder {
    const kind = back.folderMade(nameOf(area.kind));
    if (area.id === undefined) return kind;
    try {
      return kind.folderMade(nameOf(area.id));
    } finally {
      kind.close();
    }
  }

  return {
    root,
    folder(area, path) {
      const areaRoot = root(area);
      try {
        return walk(areaRoot, path);
      } finally {
        areaRoot.close();
      }
    },
    folderIfThere(area, path) {
      const parent = area.id === undefined ? base : kinds[area.kind];
      return ifThere(() => walk(parent, [rootName(area), ...path]));
    },
    room,
    roomIfThere,
    isReserved: (path) => path[0]?.equals(backroom) ?? false,
    pathOf: (area) => join(folder, keyOf(area)),
    pathBeside: (name) => join(folder, backroom.toString(), name),
    kind: (kind) => kinds[kind],
    back,
    uploads,
    close() {
      for (const held of [uploads, kinds.private, kinds.team, back, base]) held.close();
    },
  };
}

function ifThere(find: () => HeldFolder): HeldFolder | undefined {
  try {
    return find();
  } catch (error) {
    if (error instanceof KnotError && error.statusCode === 404) return undefined;
    throw error;
  }
}
