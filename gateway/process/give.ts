import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  lchownSync,
  lstatSync,
  openSync,
  type PathLike,
  readdirSync,
} from 'node:fs';
import type { Account } from './accounts.ts';

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK } = constants;

/**
 * Makes a folder and all in it an account's own; links are not followed. The folder itself comes last: it tells whether the rest is
 * done, also when this was interrupted. As `give` of `launch/accounts.py`.
 */
export function giveFolder(top: string, { uid, gid }: Account): void {
  const { uid: owner, mode } = lstatSync(top);
  if (owner === uid && (mode & 0o777) === 0o700) return;
  eachBelow(top, (path) => lchownSync(path, uid, gid));
  chmodSync(top, 0o700);
  chownSync(top, uid, gid);
}

/** Makes a folder and all in it readable and writable for a group; what is made in it later is the group's too. */
export function shareFolder(top: string, { gid }: Pick<Account, 'gid'>): void {
  if (lstatSync(top).gid === gid) return;
  eachBelow(top, (path) => shareEntry(path, gid));
  shareEntry(top, gid);
}

function shareEntry(path: PathLike, gid: number): void {
  let file: number;
  try {
    file = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    // A link has no rights of its own; a socket nobody listens on is of no use.
    if (isOneOf(error, 'ELOOP', 'ENXIO')) return;
    throw error;
  }
  try {
    const found = fstatSync(file);
    if (found.isDirectory()) fchmodSync(file, 0o2770);
    else if (found.isFile()) fchmodSync(file, (found.mode & 0o777) | 0o660 | (found.mode & 0o100 ? 0o010 : 0));
    // Last: the group tells whether it is done. A change of the owner would clear the setgid bit, this does not.
    fchownSync(file, -1, gid);
  } finally {
    closeSync(file);
  }
}

/** Each entry below a folder, what is deepest first, by a path that no link can lead astray (proc(5), /proc/PID/fd). */
function eachBelow(top: PathLike, act: (path: Buffer) => void): void {
  const folder = openSync(top, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    const held = `/proc/self/fd/${folder}`;
    for (const entry of readdirSync(held, { withFileTypes: true, encoding: 'buffer' })) {
      const path = Buffer.concat([Buffer.from(`${held}/`), entry.name]);
      try {
        if (entry.isDirectory()) eachBelow(path, act);
        act(path);
      } catch (error) {
        // What disappears meanwhile, or becomes a link, needs nothing.
        if (!isOneOf(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) throw error;
      }
    }
  } finally {
    closeSync(folder);
  }
}

function isOneOf(error: unknown, ...codes: string[]): boolean {
  return codes.includes((error as NodeJS.ErrnoException).code ?? '');
}
