import { type Config, defaultLimits, type LimitSettings, type PublicAddress, publicAddress } from '../config/index.ts';
import { createSecureServer, type Http2SecureServer } from 'node:http2';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import {
  type AccessEntry,
  addressBlocks,
  type CanonicalRequest,
  canonicalize,
  type Log,
  type ReasonCode,
} from '../lib/index.ts';
import type { Routes } from '../routes/index.ts';
import { type Certificates, tlsOptions } from '../tls/index.ts';
import { answerRefusal, type ClientRequest, type ClientResponse, isHttp2, type Refusal } from './message/answers.ts';
import { createBrokenConnections } from './listener/broken-connections.ts';
import { createConnectionBound } from './listener/connection-bound.ts';
import { answerClearText, isClearText } from './listener/clear-text.ts';
import { createWaitingConnections } from './listener/waiting-connections.ts';
import type { Taken } from './listener/client-connection.ts';
import { createDestinations, type ExtraMethods } from './listener/destination.ts';
import { createDrain } from './listener/drain.ts';
import { createHttp1Front } from './listener/http1-front.ts';
import { compatible, createHttp2Front } from './listener/http2-front.ts';
import { askForBody } from './message/information.ts';
import type { RequestHead } from './wire/request-head-reader.ts';
import { createRequestLineGuard } from './listener/request-lines.ts';
import { nextRequestId } from './message/request-id.ts';
import { type ListenerLimits, listenerOptions } from './listener/listener-options.ts';
import type { Proxy } from './proxy.ts';
import { notCanonical, tooManyConnections } from './message/refusals.ts';
import { asksForPageAnyway, refusedRequestEntry } from './listener/refused-request.ts';
import { rememberCanonical } from './listener/remembered.ts';
import { refuseUpgrade } from './message/refuse-upgrade.ts';

/** What a plain HTTP handler of the main host looks like: Fastify's `routing`. */
export type MainHandler = (request: IncomingMessage, response: ServerResponse) => void;
/** Answers an upgrade on the main host (the dashboard's own sockets), which is canonical already. */
export type MainUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer, canonical: CanonicalRequest) => void;

/** Who answers: the proxy on every route host, the main host's handlers on DOMAIN. */
export type Served = {
  proxy: Pick<Proxy, 'handle' | 'upgrade' | 'drain'>;
  main: MainHandler;
  mainUpgrade?: MainUpgrade;
};

export type EdgeOptions = {
  certificates: Pick<Certificates, 'current' | 'sniCallback' | 'onChange'>;
  routes: Pick<Routes, 'find'>;
  /** `domain` is the main host. */
  publicAddress: Pick<Config, 'domain' | 'appsDomain' | 'publicPort'>;
  /** CIDRs whose X-Forwarded-For is believed. */
  trustedProxies: readonly string[];
  /** What the main host understands beyond the common methods, and below which path. */
  extraMethods?: ExtraMethods;
  log: Log;
  onAccess(entry: AccessEntry): void;
  limits?: Partial<LimitSettings>;
};

export type Edge = {
  /** Listens nowhere yet; the one TLS server of the process. */
  server: Http2SecureServer;
  /** From now on requests are read and given to these; connections that came before have waited for it. */
  open(served: Served): void;
  /**
   * Goes on as before, but ends each HTTP/1 connection with its next answer, so that `close` finds none on which a request is on
   * its way.
   */
  announceClose(): void;
  /**
   * Stops accepting, says GOAWAY, tells WebSockets to come back (1012, spread over half of `graceMs`), lets answers finish, and
   * ends what is left after `graceMs`. Resolves as soon as nothing is left.
   */
  close(graceMs?: number): Promise<void>;
};

/**
 * Makes the public listener. Every request and every upgrade passes through here first: one canonical request is built, what is
 * not canonical is refused with its reason, and the rest goes to the main host's handler or to the proxy (DESIGN.md section 4).
 *
 * @throws RangeError when a trusted proxy is not a CIDR block
 */
export function createEdge(options: EdgeOptions): Edge {
  const { routes, log, onAccess, certificates } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const names = { ...options.publicAddress, originOf: (host: string) => address().originOf(host) };
  const destination = createDestinations(routes, names, options.extraMethods);
  const trusted = addressBlocks(options.trustedProxies);
  const server = createSecureServer(listenerOptions(certificates, limits satisfies ListenerLimits));
  // Node's HTTP/1 would leave out in silence what comes behind the thousandth field; the edge bounds them itself.
  Object.assign(server, { maxHeadersCount: 0 });
  const waitingConnections = createWaitingConnections(server, { ...limits, log });
  /** There before the first request: no handshake begins until `open`. */
  let served: Served | undefined;

  /** The port is known once the server listens. */
  function address(): PublicAddress {
    const bound = server.address();
    return publicAddress(options.publicAddress, typeof bound === 'object' && bound !== null ? bound.port : 443);
  }

  function read(request: ClientRequest, isUpgrade: boolean): CanonicalRequest | ReasonCode {
    const { method, url, rawHeaders, httpVersion, socket } = request;
    const head = { method: method!, target: url!, rawHeaders };
    return readHead(head, isHttp2(request) ? 'h2' : 'h1', httpVersion, socket, isUpgrade);
  }

  function readHead(
    { method, target, rawHeaders }: RequestHead,
    protocol: 'h1' | 'h2',
    httpVersion: string,
    socket: { remoteAddress?: string | undefined },
    isUpgrade: boolean,
  ): CanonicalRequest | ReasonCode {
    const peerAddress = socket.remoteAddress ?? '';
    const received = { method, target, rawHeaders, protocol, httpVersion, peerAddress, isUpgrade };
    return canonicalize(received, trusted, limits);
  }

  function onHttp1Request(request: IncomingMessage, response: ServerResponse): void {
    response.on('error', ignoreReset);
    request.on('error', ignoreReset);
    broken.noteDue(response);
    lines.note(request, false);
    if (endingConnections.has(request.socket)) return;
    if (drain.isDraining()) response.shouldKeepAlive = false;
    onRequest(request, response);
  }

  function onRequest(request: ClientRequest, response: ClientResponse): void {
    if (connectionBound.refuses(request)) return refuse(request, response, tooManyConnections(), undefined);
    // It has no target that could be read (RFC 9113 section 8.5); over HTTP/1 see `onConnect`.
    if (request.method === 'CONNECT') return refuse(request, response, notCanonical('method_unknown'), undefined);
    const canonical = read(request, false);
    if (typeof canonical === 'string') return refuse(request, response, notCanonical(canonical), undefined);
    const target = destination(canonical);
    if (target === 'main') return giveToMainHost(request, response, canonical);
    if ('status' in target) return refuse(request, response, target, canonical);
    served!.proxy.handle(request, response, canonical, target);
  }

  function giveToMainHost(request: ClientRequest, response: ClientResponse, canonical: CanonicalRequest): void {
    if (canonical.expectsContinue) askForBody(response);
    const [forMain, answer] = isHttp2(request) ? compatible(request) : [request, response];
    rememberCanonical(forMain, canonical);
    served!.main(forMain as IncomingMessage, answer as ServerResponse);
  }

  function refuse(
    request: ClientRequest,
    response: ClientResponse,
    refusal: Refusal,
    canonical: CanonicalRequest | undefined,
  ): void {
    const startedAt = performance.now();
    const requestId = nextRequestId();
    if (refusal.closesConnection === true && !isHttp2(request)) endingConnections.add(request.socket);
    answerRefusal(response, refusal, asksForPageAnyway(request), requestId);
    onAccess(refusedRequestEntry(request, refusal, requestId, canonical, performance.now() - startedAt));
  }

  function onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    lines.note(request, true);
    socket.on('error', ignoreReset);
    if (endingConnections.has(socket)) return void socket.end(() => socket.destroy());
    if (connectionBound.refuses(request)) return refuseUp(request, socket, tooManyConnections(), undefined);
    const canonical = read(request, true);
    const target = typeof canonical === 'string' ? notCanonical(canonical) : destination(canonical);
    if (typeof canonical === 'string' || (typeof target === 'object' && 'status' in target)) {
      return refuseUp(request, socket, target as Refusal, typeof canonical === 'string' ? undefined : canonical);
    }
    const { proxy, mainUpgrade } = served!;
    if (target !== 'main') return proxy.upgrade(socket, head, canonical, target);
    if (mainUpgrade === undefined) return refuseUp(request, socket, notCanonical('unknown_host'), canonical);
    rememberCanonical(request, canonical);
    mainUpgrade(request, socket, head, canonical);
  }

  function refuseUp(
    request: IncomingMessage,
    socket: Duplex,
    refusal: Refusal,
    canonical: CanonicalRequest | undefined,
  ): void {
    const requestId = nextRequestId();
    refuseUpgrade(socket, refusal, requestId);
    onAccess(refusedRequestEntry(request, refusal, requestId, canonical, 0));
  }

  function onConnect(request: IncomingMessage, socket: Duplex): void {
    lines.note(request, true);
    socket.on('error', ignoreReset);
    refuseUp(request, socket, notCanonical('method_unknown'), undefined);
  }

  /** A plain request on a connection of ours: true when it leads to a route, and is then served to its end. */
  function serveHttp1(socket: TLSSocket, head: RequestHead, take: (canonical: CanonicalRequest) => Taken): boolean {
    if (connectionBound.isBeyond(socket)) return false;
    const canonical = readHead(head, 'h1', '1.1', socket, false);
    if (typeof canonical === 'string') return false;
    const target = destination(canonical);
    if (target === 'main' || 'status' in target) return false;
    const { request, response } = take(canonical);
    served!.proxy.handle(request, response, canonical, target);
    return true;
  }

  const broken = createBrokenConnections(log, onAccess);
  const lines = createRequestLineGuard(broken.answer);
  const front = createHttp1Front(server, {
    limits,
    lines,
    isEnding: () => drain.isDraining(),
    serve: serveHttp1,
    noteUse: waitingConnections.noteUse,
  });
  const connectionBound = createConnectionBound(server, { ...limits, trusted, log });
  const drain = createDrain(server, () => {
    front.endIdle();
    waitingConnections.endSilent();
  });
  server.on('request', onHttp1Request);
  server.on('checkContinue', onHttp1Request);
  server.on('checkExpectation', onHttp1Request);
  createHttp2Front(server, limits, onRequest, waitingConnections.noteUse);
  server.on('upgrade', onUpgrade);
  server.on('connect', onConnect);
  server.on('clientError', broken.answer);
  server.on('tlsClientError', (error: Error, socket: TLSSocket) => {
    if (isClearText(error)) answerClearText(socket, address().origin);
    log.debug({ err: error, address: socket.remoteAddress }, 'TLS handshake failed');
  });
  server.on('sessionError', (error) => log.debug({ err: error }, 'HTTP/2 session failed'));
  const stopWatchingCertificates = certificates.onChange(() =>
    server.setSecureContext({ ...certificates.current(), ...tlsOptions() }),
  );

  return {
    server,
    open(parts) {
      served = parts;
      waitingConnections.open();
    },
    announceClose: drain.announce,
    async close(graceMs = 0) {
      stopWatchingCertificates();
      served?.proxy.drain(graceMs / 2);
      await drain.close(graceMs);
    },
  };
}

/**
 * HTTP/1 connections whose last answer says that they end. The parser goes on with bytes it has already; what they look like
 * depends on a request that was refused because it can be read in two ways, so nothing of them is served (catalogue S1 to S13).
 */
const endingConnections = new WeakSet<object>();

/** A reset by the client while we look at its request; `close` follows. Unheard, it would end the process (catalogue W3). */
function ignoreReset(): void {
  return undefined;
}
