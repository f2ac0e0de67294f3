import {
  type CanonicalRequest,
  connectionOptions,
  headerKind,
  headerKindOf,
  type Trace,
  withoutOwnCookies,
} from '../../lib/index.ts';
import type { ClientRequest } from '../message/answers.ts';
import { bindsConnection } from './connection-authentication.ts';
import { fieldLines, fieldsWhere } from '../wire/http-fields.ts';

/** Fields that are the same for many requests, in both forms they are sent in. */
export type FieldBlock = {
  /** Alternating lower-case names and values. */
  readonly fields: readonly string[];
  /** The same as lines of HTTP/1. */
  readonly text: string;
};

export function fieldBlock(fields: readonly string[]): FieldBlock {
  // Through bytes and back: in one piece, where a sum of strings would be put together again for every request.
  return { fields, text: Buffer.from(fieldLines(fields), 'latin1').toString('latin1') };
}

/**
 * What an upstream gets of the client's own fields, as alternating names and values: all of them untouched except those the edge
 * owns, behind the client's address. `forHttp2`: the upstream speaks HTTP/2. Without a `trace`, the client's trace fields are like any
 * other.
 */
export function upstreamHeaders(request: CanonicalRequest, forHttp2: boolean, trace?: Trace): string[] {
  const headers = ['x-forwarded-for', request.address];
  if (trace !== undefined) headers.push(...trace.headers);
  const hopNames = namedHops(request.connection);
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
        if (forHttp2 && bindsConnection(rawHeaders[index + 1])) continue;
        break;
      default:
    }
    if (hopNames !== undefined && hopNames.has(name.toLowerCase())) continue;
    headers.push(name, rawHeaders[index + 1]!);
  }
  if (request.cookie !== undefined && hopNames?.has('cookie') !== true) {
    const cookie = withoutOwnCookies(request.cookie);
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

/** Fields that mean something only before a body, and so are never taken from behind one (RFC 9110 section 6.5.1). */
export const neverTrailing =
  /^(?:content-|if-|range$|cache-control$|max-forwards$|pragma$|date$|age$|expires$|vary$|www-authenticate$|authorization$)/i;

/**
 * The trailer fields of a body that was read to its end, as alternating names and values. Only those that the edge would pass on
 * unread as headers: none that frames, routes or names anyone (catalogue H16).
 */
export function requestTrailers({ rawTrailers }: ClientRequest): string[] {
  return fieldsWhere(rawTrailers, (name) => headerKindOf(name) === headerKind.pass && !neverTrailing.test(name));
}

const noHeaders: readonly string[] = [];

/** What judging a long stream again and its access line need; the rest would be kept for hours. */
export function withoutHeaders(canonical: CanonicalRequest): CanonicalRequest {
  const none = undefined;
  return {
    ...canonical,
    ...{ rawHeaders: noHeaders, target: '', query: '', accept: none, authorization: none, userAgent: none },
    ...{ origin: none, fetchSite: none, fetchMode: none, connection: none, upgrade: none },
    ...{ webSocketVersion: none, webSocketKey: none },
  };
}
