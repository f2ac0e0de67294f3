import { droppedResponseHeaders, isAcceptableSetCookie } from '../lib/index.ts';
import type { Target } from './upstreams.ts';

export type AnswerHeaders = Record<string, string | string[] | undefined>;

/**
 * The headers a client gets, as alternating names and values for `writeHead`. Hop-by-hop fields end here, nothing of ours is
 * let through, cookies for other hosts are dropped, and redirects to the upstream's own address become public.
 */
export function clientHeaders(answer: AnswerHeaders, target: Target): (string | string[])[] {
  const headers: (string | string[])[] = [];
  const hops = answer['connection'];
  const hopNames = hops === undefined || isPlainConnection(hops) ? undefined : String(hops).toLowerCase();
  for (const name in answer) {
    const value = answer[name]!;
    if (droppedResponseHeaders.has(name) || name.startsWith('x-knot-')) continue;
    if (hopNames !== undefined && names(hopNames, name)) continue;
    if (name === 'set-cookie') pushCookies(headers, value, target.route.host);
    else if (name === 'location' || name === 'content-location') headers.push(name, publicLocation(value, target));
    else if (name === 'clear-site-data') pushClearSiteData(headers, value);
    else headers.push(name, value);
  }
  return headers;
}

function isPlainConnection(value: string | string[]): boolean {
  return value === 'keep-alive' || value === 'close' || value === 'Keep-Alive';
}

function names(connection: string, name: string): boolean {
  return connection.split(',').some((option) => option.trim() === name);
}

function pushCookies(headers: (string | string[])[], value: string | string[], host: string): void {
  const cookies = typeof value === 'string' ? [value] : value;
  const accepted = cookies.filter((cookie) => isAcceptableSetCookie(cookie, host));
  if (accepted.length > 0) headers.push('set-cookie', accepted);
}

/** A Location that names the upstream by its own address becomes the public one; all others stay (catalogue U5). */
function publicLocation(value: string | string[], target: Target): string | string[] {
  if (typeof value !== 'string' || value.charCodeAt(0) === 0x2f) return value;
  for (const origin of target.ownOrigins) {
    if (value.slice(0, origin.length).toLowerCase() !== origin) continue;
    const next = value.charAt(origin.length);
    if (next === '' || next === '/' || next === '?' || next === '#')
      return target.publicOrigin + value.slice(origin.length);
  }
  return value;
}

/**
 * `"cookies"` clears the whole registrable domain, the gateway's session with it (Clear Site Data, section 4.2.2): a tenant may
 * clear the cache and storage of its own host only.
 */
function pushClearSiteData(headers: (string | string[])[], value: string | string[]): void {
  const directives = String(value)
    .split(',')
    .map((directive) => directive.trim())
    .flatMap((directive) => (directive === '"*"' ? ['"cache"', '"storage"'] : [directive]))
    .filter((directive) => directive !== '"cookies"');
  if (directives.length > 0) headers.push('clear-site-data', directives.join(', '));
}
