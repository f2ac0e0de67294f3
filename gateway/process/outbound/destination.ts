import { readDestinationHost } from '../../lib/index.ts';

/** Where a program wants to go, in the one spelling that is judged and dialled. */
export type Destination = { host: string; port: number };

/** The target of CONNECT (RFC 9110, 9.3.6): a host and a port, and nothing else. */
export function readAuthority(text: string): Destination | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]@/?#]+)):([1-9][0-9]{0,4})$/i.exec(text);
  if (match === null) return undefined;
  const host = readDestinationHost(match[1] ?? match[2]!);
  const port = Number(match[3]);
  return host === undefined || port > 65_535 ? undefined : { host, port };
}

/** A request for a proxy (RFC 9112, 3.2.2): the whole address, `http` only, since what is encrypted comes by CONNECT. */
export function readAbsolute(target: string): (Destination & { path: string }) | undefined {
  const match = /^http:\/\/([^/?#@]+)(\/[!-~]*|\?[!-~]*)?$/i.exec(target);
  if (match === null) return undefined;
  const authority = match[1]!;
  const found = readAuthority(/:[0-9]+$/.test(authority) ? authority : `${authority}:80`);
  if (found === undefined || match[2]?.includes('#')) return undefined;
  const path = match[2] ?? '/';
  return { ...found, path: path.startsWith('?') ? `/${path}` : path };
}
