import type { Target } from '../upstream/upstreams.ts';

/**
 * The addresses an upstream tells a browser. One rule for all of them: what names the upstream by its own address (catalogue U5) becomes
 * the public one, everything else stays. What differs is only where in a field an address stands.
 *
 * Policies that name addresses (Content-Security-Policy) are left alone: there an address is something that is allowed, not a place to go.
 */
export function publicValue(name: string, value: string, target: Target): string {
  return value.includes('//') ? (placeOf.get(name) ?? address)(value, target) : value;
}

type Rewrite = (value: string, target: Target) => string;

/** Credentials before a host are no part of an origin (RFC 3986 section 3.2.1), and none of a browser's business. */
const userinfo = /^((?:https?:)?\/\/)[^/?#\\@]*@/i;

/** The one rule (RFC 9110 section 10.2.2; a reference without a scheme: RFC 3986 section 4.2). */
function address(value: string, { publicOrigin, ownOrigins }: Target): string {
  const place = value.includes('@') ? value.replace(userinfo, '$1') : value;
  const isRelative = place.startsWith('//');
  for (const origin of ownOrigins) {
    const own = isRelative ? origin.slice(origin.indexOf('//')) : origin;
    if (place.slice(0, own.length).toLowerCase() !== own) continue;
    const next = place.charAt(own.length);
    if (next === '' || next === '/' || next === '?' || next === '#') return publicOrigin + place.slice(own.length);
  }
  return value;
}

/** `5; url="ADDRESS"` (HTML, "shared declarative refresh steps"). */
const refreshTime = /^[\d.\t ]*[;,]?[\t ]*(?:url[\t ]*=[\t ]*)?/i;

function refresh(value: string, target: Target): string {
  const before = refreshTime.exec(value)![0];
  const rest = value.slice(before.length);
  const quote = rest[0] === '"' || rest[0] === "'" ? rest[0] : '';
  const end = quote === '' ? -1 : rest.indexOf(quote, 1);
  const upTo = end === -1 ? rest.length : end;
  return before + quote + address(rest.slice(quote.length, upTo), target) + rest.slice(upTo);
}

/** Where the quoted text that begins at `start` ends: the place of its last quote, or the end of the value. */
function quotedEnd(value: string, start: number): number {
  let at = start + 1;
  for (; at < value.length && value[at] !== '"'; at += 1) if (value[at] === '\\') at += 1;
  return Math.min(at, value.length);
}

function bracketEnd(value: string, start: number): number {
  const end = value.indexOf('>', start);
  return end === -1 ? value.length : end;
}

/** Each address in quotes: endpoints of reports, realms. */
function quoted(value: string, target: Target): string {
  return rewritten(value, target, () => true);
}

/** `<ADDRESS>; rel=next; anchor="ADDRESS", <ADDRESS>` (RFC 8288 section 3); other parameters are not addresses. */
function links(value: string, target: Target): string {
  return rewritten(value, target, (before) => /(?:^|[;\t ])anchor[\t ]*=[\t ]*$/i.test(before));
}

/** What stands in quotes, if `isAddress` says so of what is before it, and what stands between `<` and `>`; in one pass. */
function rewritten(value: string, target: Target, isAddress: (before: string) => boolean): string {
  let text = '';
  let from = 0;
  for (let at = 0; at < value.length; at += 1) {
    const character = value[at];
    if (character !== '"' && character !== '<') continue;
    const end = character === '"' ? quotedEnd(value, at) : bracketEnd(value, at);
    if (character === '<' || isAddress(value.slice(Math.max(0, at - 40), at))) {
      text += value.slice(from, at + 1) + address(value.slice(at + 1, end), target);
      from = end;
    }
    at = end;
  }
  return text + value.slice(from);
}

/** A realm of Bearer is where tokens are had (docker registries; RFC 9728 section 5.1); of other schemes it is a name, and is hashed. */
function challenge(value: string, target: Target): string {
  return /^(?:bearer|dpop)[\t ]/i.test(value) ? quoted(value, target) : value;
}

function origins(value: string, target: Target): string {
  return value
    .split(',')
    .map((origin) => address(origin.trim(), target))
    .join(', ');
}

const placeOf: ReadonlyMap<string, Rewrite> = new Map<string, Rewrite>([
  ['location', address],
  ['content-location', address],
  ['sourcemap', address],
  ['x-sourcemap', address],
  ['refresh', refresh],
  ['link', links],
  ['report-to', quoted],
  ['reporting-endpoints', quoted],
  ['speculation-rules', quoted],
  ['www-authenticate', challenge],
  ['access-control-allow-origin', origins],
  ['timing-allow-origin', origins],
]);

/** The fields in which an upstream tells addresses; lower case. */
export const addressFields: readonly string[] = [...placeOf.keys()];
