import { isAscii } from 'node:buffer';
import {
  type BigIntStats,
  chownSync,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { O_PATH } from '../../lib/index.ts';
import { codeOf, fileError, notAFile } from './errors.ts';
import { checkName, type Name, type Path } from './names.ts';

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_CREAT, O_EXCL, O_WRONLY } = constants;
const toFolder = O_PATH | O_DIRECTORY | O_NOFOLLOW;

/**
 * This process in /proc by its number: one link less to follow than by `self`, a tenth of each step (proc(5)). Asked of /proc itself,
 * which may be that of an outer PID namespace and number processes in its own way.
 */
const ownProcess = (() => {
  try {
    return readlinkSync('/proc/self');
  } catch {
    return 'self'; // No /proc: no area is opened at all.
  }
})();

/** A path that leads to what a descriptor of this process holds. */
export const pathOfDescriptor = (descriptor: number): string => `/proc/${ownProcess}/fd/${descriptor}`;

/** Account and group of the system. */
export type Owner = { uid: bigint; gid: bigint };

/**
 * A folder held by its descriptor. Names in it are reached as `/proc/PID/fd/N/NAME` without following a link at the end: whatever is
 * renamed or swapped meanwhile, no step leaves the folder that is held. All calls are synchronous, because one takes microseconds.
 */
export class HeldFolder {
  readonly descriptor: number;
  readonly #prefix: string;
  #isClosed = false;

  constructor(descriptor: number) {
    this.descriptor = descriptor;
    this.#prefix = `${pathOfDescriptor(descriptor)}/`;
  }

  /** Of a path that the operator chose: links in it are followed, but for the last part. */
  static open(path: string): HeldFolder {
    return new HeldFolder(openSync(path, toFolder));
  }

  /** A path of the file system for a name in this folder; the only place that makes one. */
  at(name: Name): string | Buffer {
    checkName(name);
    // Most names are ASCII, and a text is handed to the system faster.
    return isAscii(name) ? this.#prefix + name.toString('latin1') : Buffer.concat([Buffer.from(this.#prefix), name]);
  }

  /** The folder itself, for what reads it. */
  self(): string {
    return pathOfDescriptor(this.descriptor);
  }

  folder(name: Name): HeldFolder {
    return new HeldFolder(openSync(this.at(name), toFolder));
  }

  /** The folder of that name, made when it is missing. */
  folderMade(name: Name, mode = 0o700): HeldFolder {
    try {
      return this.folder(name);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
    try {
      this.makeFolder(name, mode);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
    return this.folder(name);
  }

  /** A second descriptor of the same folder. */
  again(): HeldFolder {
    return new HeldFolder(openSync(this.self(), O_PATH | O_DIRECTORY));
  }

  /** What is there, not what a link leads to; undefined when nothing is. */
  look(name: Name): BigIntStats | undefined {
    return lstatSync(this.at(name), { bigint: true, throwIfNoEntry: false });
  }

  /** For folders that Knot keeps short itself; those of people are read by `namesIn`. */
  names(): Name[] {
    return readdirSync(this.self(), { encoding: 'buffer' });
  }

  stats(): BigIntStats {
    return fstatSync(this.descriptor, { bigint: true });
  }

  /**
   * Opens a regular file; nothing else is even opened, because opening a device can do something and a pipe waits.
   * @throws KNOT_FILES_NOT_A_FILE
   */
  file(name: Name, flags: number = O_RDONLY): number {
    const before = this.look(name);
    if (before !== undefined && !before.isFile()) throw notAFile();
    const descriptor = openSync(this.at(name), flags | O_NOFOLLOW | O_NONBLOCK);
    // Swapped in between: what counts is what was opened.
    if (fstatSync(descriptor).isFile()) return descriptor;
    closeSync(descriptor);
    throw notAFile();
  }

  /** A file that was not there. */
  newFile(name: Name, mode = 0o600): number {
    return openSync(this.at(name), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
  }

  makeFolder(name: Name, mode = 0o700): void {
    mkdirSync(this.at(name), { mode });
  }

  rename(name: Name, to: HeldFolder, toName: Name): void {
    renameSync(this.at(name), to.at(toName));
  }

  /** A second name for a file; never replaces what has that name. */
  link(name: Name, to: HeldFolder, toName: Name): void {
    linkSync(this.at(name), to.at(toName));
  }

  /** Copies a link as a link. */
  copyLink(name: Name, to: HeldFolder, toName: Name): void {
    symlinkSync(readlinkSync(this.at(name), { encoding: 'buffer' }), to.at(toName));
  }

  /** Anything but a folder. */
  remove(name: Name): void {
    unlinkSync(this.at(name));
  }

  removeFolder(name: Name): void {
    rmdirSync(this.at(name));
  }

  /**
   * Gives a new entry to whom this folder belongs, where the system lets us (as root, or for a group of our own): what is uploaded
   * into a group's folder belongs to the group.
   */
  adopt(name: Name, { uid, gid }: Owner = this.stats()): void {
    const own = this.look(name);
    if (own === undefined || (own.uid === uid && own.gid === gid)) return;
    try {
      lchownSync(this.at(name), Number(uid), Number(gid));
    } catch (error) {
      if (codeOf(error) !== 'EPERM') throw error;
    }
  }

  /** Owner and mode of this folder itself. */
  own(uid: number, gid: number, mode: number): void {
    const descriptor = openSync(this.self(), O_RDONLY | O_DIRECTORY);
    try {
      chownSync(this.self(), uid, gid);
      fchmodSync(descriptor, mode);
    } finally {
      closeSync(descriptor);
    }
  }

  /** Makes renames in this folder last (fsync(2) of the folder). */
  sync(): void {
    const descriptor = openSync(this.self(), O_RDONLY | O_DIRECTORY);
    try {
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    closeSync(this.descriptor);
  }
}

/**
 * Walks down from a held folder, one component at a time. The result is the caller's to close; `root` stays open.
 * @throws KNOT_FILES_* (404, 409): a part is missing, a link, or not a folder
 */
export function walk(root: HeldFolder, path: Path): HeldFolder {
  let here = root;
  try {
    for (const name of path) {
      const next = here.folder(name);
      if (here !== root) here.close();
      here = next;
    }
    return here === root ? root.again() : here;
  } catch (error) {
    if (here !== root) here.close();
    throw fileError(error);
  }
}

/** Opens, does and closes. */
export function withFolder<T>(folder: HeldFolder, work: (folder: HeldFolder) => T): T {
  let isLater = false;
  try {
    const result = work(folder);
    if (result instanceof Promise) {
      isLater = true;
      return result
        .catch((error: unknown) => {
          throw fileError(error);
        })
        .finally(() => folder.close()) as T;
    }
    return result;
  } catch (error) {
    throw fileError(error);
  } finally {
    if (!isLater) folder.close();
  }
}
