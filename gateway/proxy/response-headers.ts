import { connectionOptions, droppedResponseHeaders, isAcceptableSetCookie } from '../lib/index.ts';
import type { AnswerHeaders } from './forwarder.ts';
import { fieldsWhere } from './http-fields.ts';
import { neverTrailing } from './request-headers.ts';
import type { Target } from './upstreams.ts';

/**
 * The headers a client gets, as alternating names and values for `writeHead`. Hop-by-hop fields end here, nothing of ours is
 * let through, cookies for other hosts are dropped, and redirects to the upstream's own address become public.
 */
export function clientHeaders(answer: AnswerHeaders, target: Target): string[] {
  const headers: string[] = [];
  let hops = '';
  for (let index = 0; index < answer.length; index += 2) {
    const name = answer[index]!;
    const value = answer[index + 1]!;
    switch (answerFieldKind(name)) {
      case answerField.pass:
        headers.push(name, value);
        break;
      case answerField.connection:
        hops += `,${value}`;
        break;
      case answerField.setCookie:
        if (isAcceptableSetCookie(value, target.route.host)) headers.push(name, value);
        break;
      case answerField.location:
        headers.push(name, publicLocation(value, target));
        break;
      case answerField.clearSiteData:
        pushClearSiteData(headers, value);
        break;
      default:
    }
  }
  return hops === '' || hops === ',keep-alive' || hops === ',close' ? headers : withoutHops(headers, hops);
}

/** For an answer that has no body by its status: HTTP/2 clients take a length there for an error (RFC 9110 section 8.6). */
export function withoutLength(answer: AnswerHeaders): AnswerHeaders {
  return fieldsWhere(answer, (name) => name !== 'content-length');
}

/**
 * The trailers a client gets: only what would pass as a header untouched, and means something behind a body. The rest (lengths, hops,
 * cookies) some client would take for a header, and Node's HTTP/2 throws for a hop in an event that nobody can catch.
 */
export function clientTrailers(trailers: AnswerHeaders): string[] {
  return fieldsWhere(trailers, (name) => answerFieldKind(name) === answerField.pass && !neverTrailing.test(name));
}

const answerField = { pass: 0, drop: 1, connection: 2, setCookie: 3, location: 4, clearSiteData: 5 } as const;
type AnswerFieldKind = (typeof answerField)[keyof typeof answerField];

const kindByName: ReadonlyMap<string, AnswerFieldKind> = new Map<string, AnswerFieldKind>([
  ...[...droppedResponseHeaders].map((name) => [name, answerField.drop] as const),
  ['connection', answerField.connection],
  ['set-cookie', answerField.setCookie],
  ['location', answerField.location],
  ['content-location', answerField.location],
  ['clear-site-data', answerField.clearSiteData],
]);

function answerFieldKind(name: string): AnswerFieldKind {
  return kindByName.get(name) ?? (name.startsWith('x-knot-') ? answerField.drop : answerField.pass);
}

/** What the upstream declared to concern this connection only (RFC 9110 section 7.6.1). Rare, so a second pass is fine. */
function withoutHops(headers: readonly string[], hops: string): string[] {
  const named = new Set(connectionOptions(hops));
  return fieldsWhere(headers, (name) => !named.has(name));
}

/** A Location that names the upstream by its own address becomes the public one; all others stay (catalogue U5). */
function publicLocation(value: string, target: Target): string {
  if (value.charCodeAt(0) === 0x2f) return value;
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
function pushClearSiteData(headers: string[], value: string): void {
  const directives = value
    .split(',')
    .map((directive) => directive.trim())
    .flatMap((directive) => (directive === '"*"' ? ['"cache"', '"storage"'] : [directive]))
    .filter((directive) => directive !== '"cookies"');
  if (directives.length > 0) headers.push('clear-site-data', directives.join(', '));
}
