import { plainAddress } from './canonical/address.ts';

/** Which hosts a program may reach: `pypi.org`, `*.example.org` (every name below it), `db.internal:5432`, `*` (every host). */
export type HostPattern = {
  /** Lower case; without the `*.` of a pattern for what is below. */
  name: string;
  covers: 'one' | 'below' | 'every';
  /** Without one: those of the web. */
  port: number | undefined;
};

const webPorts = new Set([80, 443]);
const label = '[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?';
const name = new RegExp(`^${label}(?:\\.${label})*$`);
const mostBytes = 253;

/** Undefined for what is no pattern of hosts. */
export function readHostPattern(text: string): HostPattern | undefined {
  const match = /^(\[[0-9a-f:.]+\]|[^:[\]]+)(?::([1-9][0-9]{0,4}))?$/.exec(text);
  if (match === null) return undefined;
  const port = match[2] === undefined ? undefined : Number(match[2]);
  if (port !== undefined && port > 65_535) return undefined;
  const host = match[1]!;
  if (host === '*') return { name: '', covers: 'every', port };
  const isBelow = host.startsWith('*.');
  const plain = isBelow ? host.slice(2) : host.startsWith('[') ? host.slice(1, -1) : host;
  const known = readDestinationHost(plain);
  if (known === undefined || (isBelow && isAddress(known))) return undefined;
  return { name: known, covers: isBelow ? 'below' : 'one', port };
}

/** A host as a program asks for it, in the one spelling patterns have; undefined for what is neither a name nor an address. */
export function readDestinationHost(text: string): string | undefined {
  if (text.includes(':')) return plainAddress(text);
  const lower = text.toLowerCase().replace(/\.$/, '');
  // A last label of digits, or 0x…, is an address in a spelling that resolvers read and people do not (WHATWG URL, "ends in a number").
  if (!isAddress(lower) && /(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)$/.test(lower)) return undefined;
  return lower.length <= mostBytes && name.test(lower) ? lower : undefined;
}

/** `host` as `readDestinationHost` gives it. `*` is every name, but an address only where a pattern names it. */
export function coversHost(patterns: readonly HostPattern[], host: string, port: number): boolean {
  return patterns.some((pattern) => {
    if (pattern.port === undefined ? !webPorts.has(port) : pattern.port !== port) return false;
    switch (pattern.covers) {
      case 'one':
        return pattern.name === host;
      case 'below':
        return host.endsWith(`.${pattern.name}`);
      case 'every':
        return !isAddress(host);
    }
  });
}

const isAddress = (host: string): boolean => plainAddress(host) !== undefined;
