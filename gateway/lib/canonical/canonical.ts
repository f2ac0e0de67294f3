import { clientAddress, type AddressBlocks } from './address.ts';
import { readHost } from './host.ts';
import type { ReasonCode } from './reasons.ts';
import { readTarget } from './target.ts';
import { type HeaderKind, headerKind, headerKindOf } from './headers.ts';
import type { ReceivedTrace } from '../tracing.ts';

/** What arrives: the parts of a request as the HTTP parser handed them over, nothing interpreted yet. */
export type ReceivedRequest = {
  method: string;
  /** Request target or `:path`, one character per byte. */
  target: string;
  /** Alternating names and values, one character per byte. */
  rawHeaders: readonly string[];
  protocol: 'h1' | 'h2';
  /** As the parser says: `1.0`, `1.1` or `2.0`. */
  httpVersion: string;
  peerAddress: string;
  /** Whether the parser treats the connection as upgraded. */
  isUpgrade: boolean;
};

/**
 * The one description of a request that router, policy, log and forwarder read. Built once, at the edge, and only from what
 * is canonical already; nobody goes back to the received bytes to judge (DESIGN.md section 4).
 */
export type CanonicalRequest = {
  method: string;
  /** Lower case, without port. */
  host: string;
  /** Path and query exactly as received: what an upstream gets. */
  target: string;
  path: string;
  query: string;
  /** Once decoded, without query: what is judged. */
  decodedPath: string;
  /** Bits of `oddity`: forms that only some routes accept. */
  oddities: number;
  address: string;
  protocol: 'h1' | 'h2';
  isUpgrade: boolean;
  rawHeaders: readonly string[];
  /** All Cookie fields, joined as RFC 9113 section 8.2.3 says; over HTTP/1.1 too, where some proxies leave them in pieces. */
  cookie: string | undefined;
  origin: string | undefined;
  fetchSite: string | undefined;
  fetchMode: string | undefined;
  accept: string | undefined;
  authorization: string | undefined;
  userAgent: string | undefined;
  /** Why a browser fetches: `Sec-Purpose` (Fetch, section 3.9), and what older ones say in its place. */
  purpose: string | undefined;
  connection: string | undefined;
  upgrade: string | undefined;
  /** Undefined without a Content-Length. */
  contentLength: number | undefined;
  isChunked: boolean;
  expectsContinue: boolean;
  webSocketVersion: string | undefined;
  webSocketKey: string | undefined;
  /** Undefined when the peer is not a trusted proxy or says nothing. */
  receivedTrace: ReceivedTrace | undefined;
};

export type CanonicalLimits = { headerCount: number; headerBytes: number };

export const defaultCanonicalLimits: CanonicalLimits = { headerCount: 100, headerBytes: 32 * 1024 };

/** What one pass over the headers collects. Indexed by kind; a kind that may stand once is refused when it comes again. */
type Collected = (string | undefined)[];

const mayRepeat: ReadonlySet<HeaderKind> = new Set<HeaderKind>([
  headerKind.pass,
  headerKind.drop,
  headerKind.cookie,
  headerKind.connection,
  headerKind.accept,
  headerKind.forwardedFor,
  headerKind.traceParent,
  headerKind.traceState,
  headerKind.baggage,
  headerKind.purpose,
]);

const kinds = Object.keys(headerKind).length;

/**
 * Builds the canonical request, or names the reason to refuse. Costs one pass over the headers and one over the target.
 *
 * @returns the request, or a reason code
 */
export function canonicalize(
  received: ReceivedRequest,
  trusted: AddressBlocks,
  limits: CanonicalLimits = defaultCanonicalLimits,
): CanonicalRequest | ReasonCode {
  const found: Collected = new Array<string | undefined>(kinds).fill(undefined);
  const { rawHeaders, protocol, httpVersion } = received;
  if (protocol === 'h1' && httpVersion !== '1.1' && httpVersion !== '1.0') return 'http_version';
  let bytes = received.target.length;
  let count = 0;
  let authority: string | undefined;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!;
    const value = rawHeaders[index + 1]!;
    const kind = headerKindOf(name);
    if (kind === headerKind.pseudo) {
      if (name === ':authority') authority = value;
      // Another scheme is another resource, for which this connection cannot speak (RFC 9110 section 7.4).
      else if (name === ':scheme' && value !== 'https') return 'scheme';
      continue;
    }
    // One field in however many pieces it comes: browsers split it over HTTP/2 (RFC 9113 section 8.2.3).
    if (kind === headerKind.cookie && found[kind] !== undefined) bytes += value.length + 2;
    else {
      count += 1;
      bytes += name.length + value.length + 4;
    }
    if (kind === headerKind.pass || kind === headerKind.drop) continue;
    if (kind === headerKind.refuse) return 'header_name';
    const earlier = found[kind];
    if (earlier === undefined) found[kind] = value;
    else if (mayRepeat.has(kind)) found[kind] = earlier + (kind === headerKind.cookie ? '; ' : ', ') + value;
    else return kind === headerKind.host ? 'host_repeated' : 'repeated_header';
  }
  if (count > limits.headerCount) return 'too_many_headers';
  if (bytes > limits.headerBytes) return 'headers_too_large';

  const target = readTarget(received.target);
  if (typeof target === 'string') return target;

  const hostField = readHostField(found[headerKind.host], authority);
  if (hostField === undefined) return 'host_missing';
  const host = readHost(hostField);
  if (host === undefined) return 'host_syntax';
  if (authority !== undefined && found[headerKind.host] !== undefined && readHost(found[headerKind.host]!) !== host) {
    return 'host_mismatch';
  }

  const framing = readFraming(found, received);
  if (typeof framing === 'string') return framing;

  const expect = httpVersion === '1.0' ? undefined : found[headerKind.expect];
  if (expect !== undefined && expect.toLowerCase() !== '100-continue') return 'expectation';

  const connection = found[headerKind.connection];
  const upgrade = found[headerKind.upgrade];
  const upgradeRefusal = readUpgrade(received, upgrade, found);
  if (upgradeRefusal !== undefined) return upgradeRefusal;

  return {
    method: received.method,
    host,
    target: received.target,
    path: target.path,
    query: target.query,
    decodedPath: target.decodedPath,
    oddities: target.oddities,
    address: clientAddress(received.peerAddress, found[headerKind.forwardedFor], trusted),
    protocol,
    isUpgrade: received.isUpgrade,
    rawHeaders,
    cookie: found[headerKind.cookie],
    origin: found[headerKind.origin],
    fetchSite: found[headerKind.fetchSite],
    fetchMode: found[headerKind.fetchMode],
    accept: found[headerKind.accept],
    authorization: found[headerKind.authorization],
    userAgent: found[headerKind.userAgent],
    purpose: found[headerKind.purpose],
    connection,
    upgrade,
    contentLength: framing.contentLength,
    isChunked: framing.isChunked,
    expectsContinue: expect !== undefined,
    webSocketVersion: found[headerKind.webSocketVersion],
    webSocketKey: found[headerKind.webSocketKey],
    receivedTrace: trusted.isEmpty ? undefined : readTrace(found, received.peerAddress, trusted),
  };
}

/**
 * The trace fields of a trusted proxy. A stranger's are not read: they would let anyone choose the ids of traces and have each
 * request recorded (W3C Trace Context, section "Security Considerations").
 */
function readTrace(found: Collected, peer: string, trusted: AddressBlocks): ReceivedTrace | undefined {
  const traceParent = found[headerKind.traceParent];
  const baggage = found[headerKind.baggage];
  if ((traceParent === undefined && baggage === undefined) || !trusted.has(peer)) return undefined;
  return { traceParent, traceState: found[headerKind.traceState], baggage };
}

/** `:authority` rules over HTTP/2 (RFC 9113 section 8.3.1); an empty field is as good as none. */
function readHostField(host: string | undefined, authority: string | undefined): string | undefined {
  const field = authority ?? host;
  return field === '' ? undefined : field;
}

type Framing = { contentLength: number | undefined; isChunked: boolean };
const unframed: Framing = { contentLength: undefined, isChunked: false };

/** RFC 9112 section 6: lengths that two parsers could read differently are refused (catalogue S1 to S4, S11). */
function readFraming(found: Collected, received: ReceivedRequest): Framing | ReasonCode {
  const coding = found[headerKind.transferEncoding];
  const length = found[headerKind.contentLength];
  if (coding === undefined && length === undefined) return unframed;
  if (coding !== undefined) {
    if (length !== undefined) return 'ambiguous_length';
    if (received.protocol === 'h2' || received.httpVersion === '1.0') return 'transfer_encoding_version';
    return coding.toLowerCase() === 'chunked' ? { contentLength: undefined, isChunked: true } : 'transfer_encoding';
  }
  if (!/^[0-9]{1,15}$/.test(length!)) return 'content_length';
  return { contentLength: Number(length), isChunked: false };
}

/** RFC 6455 section 4.2.1. A lone `Upgrade` field, which says nothing without `Connection`, is refused too (catalogue W10). */
function readUpgrade(received: ReceivedRequest, upgrade: string | undefined, found: Collected): ReasonCode | undefined {
  if (upgrade === undefined && !received.isUpgrade) return undefined;
  if (!received.isUpgrade || received.protocol !== 'h1') return 'upgrade_protocol';
  if (received.method !== 'GET' || received.httpVersion === '1.0') return 'upgrade_protocol';
  if (upgrade?.toLowerCase() !== 'websocket') return 'upgrade_protocol';
  if (found[headerKind.contentLength] !== undefined || found[headerKind.transferEncoding] !== undefined) {
    return 'upgrade_handshake';
  }
  if (found[headerKind.webSocketVersion] !== '13') return 'upgrade_version';
  return /^[A-Za-z0-9+/]{22}==$/.test(found[headerKind.webSocketKey] ?? '') ? undefined : 'upgrade_handshake';
}
