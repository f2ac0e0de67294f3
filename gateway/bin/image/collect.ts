import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { join, posix } from 'node:path';
import type { Entry } from './tar.ts';

/**
 * What stands below a folder of this machine, as entries below `path` of an image. Of the permissions only whether a file may be run
 * is kept: they must not follow the umask of who builds. `leaveOut` is asked with the path below the folder.
 */
export function filesBelow(folder: string, path: string, leaveOut: (path: string) => boolean = () => false): Entry[] {
  const entries: Entry[] = [];
  const visit = (below: string) => {
    for (const name of readdirSync(join(folder, below)).sort()) {
      const one = posix.join(below, name);
      if (!leaveOut(one)) add(one);
    }
  };
  const add = (below: string) => {
    const from = join(folder, below);
    const there = posix.join(path, below);
    const stats = lstatSync(from);
    if (stats.isSymbolicLink()) entries.push({ kind: 'link', path: there, to: readlinkSync(from) });
    else if (stats.isDirectory()) {
      entries.push({ kind: 'folder', path: there });
      visit(below);
    } else if (stats.isFile()) entries.push(fileAt(from, there));
  };
  visit('');
  return entries;
}

/** One file of this machine at a place of the image. */
export function fileAt(from: string, path: string): Entry {
  return { kind: 'file', path, from, mode: (lstatSync(from).mode & 0o111) === 0 ? 0o644 : 0o755 };
}
