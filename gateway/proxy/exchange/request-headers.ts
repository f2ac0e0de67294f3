import {
  type CanonicalRequest,
  connectionOptions,
  headerKind,
  headerKindOf,
  type Trace,
  withoutCookies,
  withoutOwnCookies,
} from '../../lib/index.ts';
import type { Route } from '../../routes/index.ts';
import { holdsToken } from '../../tokens/index.ts';
import { bringsOwnToken } from '../judge/own-token.ts';
import { bindsConnection } from '../wire/connection-schemes.ts';
import { withoutForeignSignIns } from './own-sign-in.ts';

/**
 * What an upstream gets of the client's own fields, as alternating names and values: all of them untouched except those the edge
 * owns and a personal token of Knot, behind the client's address. `forHttp2`: the upstream speaks HTTP/2. Without a `trace`, the client's trace fields are like any
 * other. `route`: where it lets programs in by what they show Knot, the upstream is not shown that.
 */
export function upstreamHeaders(
  request: CanonicalRequest,
  forHttp2: boolean,
  { switches }: Pick<Route, 'switches'>,
  trace?: Trace,
): string[] {
  const headers = ['x-forwarded-for', request.address];
  if (trace !== undefined) headers.push(...trace.headers);
  const hopNames = namedHops(request.connection);
  const { withheld } = switches;
  const { rawHeaders } = request;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!;
    switch (headerKindOf(name)) {
      case headerKind.drop:
        if (forHttp2 && isForTrailers(name, rawHeaders[index + 1]!)) headers.push('te', 'trailers');
        continue;
      case headerKind.pseudo:
      case headerKind.host:
      case headerKind.cookie:
      case headerKind.connection:
      case headerKind.upgrade:
      case headerKind.transferEncoding:
      case headerKind.expect:
      case headerKind.forwardedFor:
        continue;
      case headerKind.traceParent:
      case headerKind.traceState:
      case headerKind.baggage:
        if (trace !== undefined) continue;
        break;
      case headerKind.authorization:
        if (bringsOwnToken(rawHeaders[index + 1], switches)) break;
        if (switches.programs !== undefined) continue;
        if (withheld?.headers.includes('authorization')) continue;
        if (forHttp2 && bindsConnection(rawHeaders[index + 1])) continue;
        // A tool that was shown one could speak for its owner at Knot itself.
        if (holdsToken(rawHeaders[index + 1]!)) continue;
        break;
      default:
        if (withheld !== undefined && withheld.headers.includes(name.toLowerCase())) continue;
    }
    if (hopNames !== undefined && hopNames.has(name.toLowerCase())) continue;
    headers.push(name, rawHeaders[index + 1]!);
  }
  if (request.cookie !== undefined && hopNames?.has('cookie') !== true) {
    const own = withoutOwnCookies(request.cookie);
    const told = own === undefined || withheld === undefined ? own : withoutCookies(own, withheld.cookies);
    const { ownSignIn } = switches;
    const cookie =
      told === undefined || ownSignIn === undefined ? told : withoutForeignSignIns(told, ownSignIn, request.cookie);
    if (cookie !== undefined) headers.push('cookie', cookie);
  }
  return headers;
}

/** gRPC asks for trailers by `TE`, the one value of it that HTTP/2 knows (RFC 9113 section 8.2.2). */
function isForTrailers(name: string, value: string): boolean {
  return value === 'trailers' && name.toLowerCase() === 'te';
}

/** Names a client declared hop-by-hop (RFC 9110 section 7.6.1, catalogue H6). The common values cost one comparison. */
function namedHops(connection: string | undefined): Set<string> | undefined {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return undefined;
  const names = connectionOptions(connection);
  if (names.length === 0) return undefined;
  return new Set(names.filter((name) => name !== 'content-length' && name !== 'content-type'));
}

const noHeaders: readonly string[] = [];

/** What judging a long stream again and its access line need; the rest would be kept for hours. */
export function withoutHeaders(
  canonical: CanonicalRequest,
  { switches, namespaces }: Pick<Route, 'switches' | 'namespaces'>,
): CanonicalRequest {
  const none = undefined;
  const authorization = switches.programs === undefined ? none : canonical.authorization;
  return {
    ...canonical,
    ...{ rawHeaders: noHeaders, target: '', accept: none, authorization, userAgent: none },
    query: namespaces?.query === undefined ? '' : canonical.query,
    ...{ origin: none, fetchSite: none, fetchMode: none, purpose: none, connection: none, upgrade: none },
    ...{ webSocketVersion: none, webSocketKey: none },
  };
}
