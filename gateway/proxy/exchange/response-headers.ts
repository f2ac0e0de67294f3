import { connectionOptions, droppedResponseHeaders, isAcceptableSetCookie, isNamed } from '../../lib/index.ts';
import { type Fields, fieldsWhere } from '../wire/http-fields.ts';
import { addressFields, publicValue } from './public-addresses.ts';
import { neverTrailing } from '../wire/trailers.ts';
import type { Target } from '../upstream/upstreams.ts';
import { tiedSignIn } from './own-sign-in.ts';

/**
 * The headers a client gets, as alternating names and values for `writeHead`. Hop-by-hop fields end here, nothing of ours is
 * let through, cookies for other hosts are dropped, and addresses of the upstream itself become public. `cookie`: the `Cookie` field of
 * the request, by whose session a sign-in of the upstream's own is tied.
 */
export function clientHeaders(answer: Fields, target: Target, cookie: string | undefined): string[] {
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
        pushSetCookie(headers, value, target, cookie);
        break;
      case answerField.address:
        headers.push(name, publicValue(name, value, target));
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
export function withoutLength(answer: Fields): Fields {
  return fieldsWhere(answer, (name) => name !== 'content-length');
}

/**
 * The trailers a client gets: only what would pass as a header untouched, and means something behind a body. The rest (lengths, hops,
 * cookies) some client would take for a header, and Node's HTTP/2 throws for a hop in an event that nobody can catch.
 */
export function clientTrailers(trailers: Fields): string[] {
  return fieldsWhere(trailers, (name) => answerFieldKind(name) === answerField.pass && !neverTrailing.test(name));
}

function pushSetCookie(headers: string[], value: string, target: Target, cookie: string | undefined): void {
  const { host, switches } = target.route;
  if (!isAcceptableSetCookie(value, host) || isWithheld(value, target)) return;
  const told = switches.ownSignIn === undefined ? value : tiedSignIn(value, switches.ownSignIn, cookie);
  if (told !== undefined) headers.push('set-cookie', told);
}

/** A cookie that would not be sent on is not kept by the browser either. */
function isWithheld(value: string, { route }: Target): boolean {
  const { withheld } = route.switches;
  return withheld !== undefined && isNamed(value, withheld.cookies);
}

const answerField = { pass: 0, drop: 1, connection: 2, setCookie: 3, address: 4, clearSiteData: 5 } as const;
type AnswerFieldKind = (typeof answerField)[keyof typeof answerField];

const kindByName: ReadonlyMap<string, AnswerFieldKind> = new Map<string, AnswerFieldKind>([
  ...[...droppedResponseHeaders].map((name) => [name, answerField.drop] as const),
  ['connection', answerField.connection],
  ['set-cookie', answerField.setCookie],
  ...addressFields.map((name) => [name, answerField.address] as const),
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
