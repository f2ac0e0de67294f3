import type { PublicAddress } from '../config/index.ts';

export type NextRules = {
  publicAddress: PublicAddress;
  /** Whether a host, exact and without port, is that of a known route. */
  isRouteHost: (host: string) => boolean;
};

const longestNext = 8192;
const visibleAscii = /^[\x21-\x7e]+$/;
const absolute = /^https:\/\/([a-z0-9.:-]+)(?:[/?#]|$)/;
/** Characters that some parser on the way might read as the end of the path, a second slash or nothing at all. */
const encodedTrick = /%(?:[01][0-9a-f]|7f|2f|5c|25)/i;
/** Pages that would only send back here. */
const deadEnds = new Set(['/login', '/logout', '/signup', '/setup']);

/**
 * Where to go after signing in. Accepted are a canonical path of the main host, and an absolute address whose origin is
 * exactly ours or that of a known route. Everything else becomes `/`: nothing is repaired, because each repair is a second
 * reading of the same string (proxy-security R1, R2; oauth2-proxy keeps 559 inputs of this kind).
 */
export function safeNext(next: string | undefined, { publicAddress, isRouteHost }: NextRules): string {
  if (next === undefined || next.length > longestNext || !visibleAscii.test(next) || next.includes('\\')) return '/';
  if (next.startsWith('/')) return isOwnPath(next, publicAddress.origin) ? next : '/';
  const origin = originIn(next);
  if (origin === publicAddress.origin) {
    const path = next.slice(origin.length) || '/';
    return isOwnPath(path, publicAddress.origin) ? path : '/';
  }
  const target = parseServiceAddress(next, publicAddress);
  return target && isRouteHost(target.host) ? publicAddress.originOf(target.host) + target.path : '/';
}

export type ServiceAddress = {
  host: string;
  /** Path, query and fragment byte for byte as given, at least `/`. */
  path: string;
};

/** Splits `https://HOST[:PORT]/…` of any host on our port; undefined for whatever else. */
export function parseServiceAddress(address: string, publicAddress: PublicAddress): ServiceAddress | undefined {
  if (address.length > longestNext || !visibleAscii.test(address) || address.includes('\\')) return undefined;
  const origin = originIn(address);
  if (origin === undefined) return undefined;
  const { hostname } = new URL(origin);
  if (origin !== publicAddress.originOf(hostname)) return undefined;
  const rest = address.slice(origin.length);
  const path = rest.startsWith('/') ? rest : `/${rest}`;
  return { host: hostname, path: path.startsWith('//') ? '/' : path };
}

/** The origin an absolute address begins with, when this reading and that of the URL standard agree on it. */
function originIn(address: string): string | undefined {
  const authority = absolute.exec(address)?.[1];
  if (authority === undefined || !URL.canParse(address)) return undefined;
  const url = new URL(address);
  return url.username === '' && url.password === '' && url.origin === `https://${authority}` ? url.origin : undefined;
}

function isOwnPath(target: string, origin: string): boolean {
  const path = target.split(/[?#]/, 1)[0]!;
  if (encodedTrick.test(path) || deadEnds.has(path) || !URL.canParse(target, origin)) return false;
  const url = new URL(target, origin);
  return url.origin === origin && url.pathname === path;
}
