import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { O_PATH } from '../lib/index.ts';

/**
 * Calls with the path of a Unix socket that stands in a folder of somebody we do not trust. connect(2) follows links: a program that
 * puts one where its socket was would have the gateway, which enters every folder, speak to the socket of somebody else in its place.
 * So the file is held first, must be a socket itself, and is named by the held handle (proc(5), /proc/PID/fd), which leads to it
 * whatever is put at its path meanwhile. `connect` must have begun to connect when it returns, as `net.connect` has.
 * @throws as open(2); ENOTSOCK for whatever is no socket
 */
export function atSocket<T>(path: string, connect: (path: string) => T): T {
  const file = openSync(path, O_PATH | constants.O_NOFOLLOW);
  try {
    if (!fstatSync(file).isSocket()) throw Object.assign(new Error('not a socket'), { code: 'ENOTSOCK' });
    return connect(`/proc/self/fd/${file}`);
  } finally {
    closeSync(file);
  }
}
