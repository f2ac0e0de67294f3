import type { PublicAddress } from '../config/index.ts';
import { readTarget, refusedOddity } from '../lib/index.ts';

export type NextRules = {
  publicAddress: PublicAddress;
  /** Whether a host, exact and without port, is that of a known route. */
  isRouteHost: (host: string) => boolean;
};

const visibleAscii = /^[\x21-\x7e]+$/;
const absolute = /^https:\/\/([a-z0-9.:-]+)(?:[/?#]|$)/;
/** Pages that would only send back here. */
const deadEnds = new Set(['/login', '/logout', '/signup', '/setup']);

/**
 * Where to go after signing in. Accepted are a path of the main host, and an absolute address whose origin is exactly ours or that
 * of a known route; both as the edge itself would take them (`lib/canonical/target`), so that whatever it forwards comes back
 * byte for byte, however long. Everything else is undefined: nothing is repaired, because each repair is a second reading
 * of the same string (proxy-security R1, R2; oauth2-proxy keeps 559 inputs of this kind).
 */
export function safeNext(next: string | undefined, { publicAddress, isRouteHost }: NextRules): string | undefined {
  if (next === undefined || !visibleAscii.test(next)) return undefined;
  if (next.startsWith('/')) return ownTarget(next, publicAddress.origin);
  const origin = originIn(next);
  if (origin === publicAddress.origin) return ownTarget(next.slice(origin.length) || '/', origin);
  const address = parseServiceAddress(next, publicAddress);
  return address && isRouteHost(address.host) ? publicAddress.originOf(address.host) + address.target : undefined;
}

export type ServiceAddress = {
  host: string;
  /** Path, query and fragment byte for byte as given, at least `/`. */
  target: string;
};

/** Splits `https://HOST[:PORT]/…` of any host on our port; undefined for whatever else, and for a target no edge would take. */
export function parseServiceAddress(address: string, publicAddress: PublicAddress): ServiceAddress | undefined {
  const origin = visibleAscii.test(address) ? originIn(address) : undefined;
  if (origin === undefined) return undefined;
  const { hostname } = new URL(origin);
  if (origin !== publicAddress.originOf(hostname)) return undefined;
  const rest = address.slice(origin.length);
  const target = rest.startsWith('/') ? rest : `/${rest}`;
  return typeof readTarget(withoutFragment(target)) === 'string' ? undefined : { host: hostname, target };
}

/** The origin an absolute address begins with, when this reading and that of the URL standard agree on it. */
function originIn(address: string): string | undefined {
  const authority = absolute.exec(address)?.[1];
  if (authority === undefined || !URL.canParse(address)) return undefined;
  const url = new URL(address);
  return url.username === '' && url.password === '' && url.origin === `https://${authority}` ? url.origin : undefined;
}

/** What the edge hands to the main host, unless the URL standard would lead it elsewhere; `/` for a dead end. */
function ownTarget(target: string, origin: string): string | undefined {
  const facts = readTarget(withoutFragment(target));
  if (typeof facts === 'string' || refusedOddity(facts.oddities, { encodedSlash: false }) !== undefined)
    return undefined;
  if (!URL.canParse(target, origin) || new URL(target, origin).origin !== origin) return undefined;
  return deadEnds.has(facts.path) ? '/' : target;
}

/** A fragment stays in the browser, so no edge ever sees one; in an address to go to it may stand. */
function withoutFragment(target: string): string {
  const at = target.indexOf('#');
  return at === -1 ? target : target.slice(0, at);
}
