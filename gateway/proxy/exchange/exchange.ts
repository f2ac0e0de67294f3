import type { ServerResponse } from 'node:http';
import { constants, type Http2ServerResponse } from 'node:http2';
import { asksForPage, type CanonicalRequest } from '../../lib/index.ts';
import type { Ticket } from '../upstream/admission.ts';
import { answerRefusal, type ClientRequest, type ClientResponse, isHttp2, type Refusal } from '../message/answers.ts';
import { routedEntry } from '../message/access-entry.ts';
import type { BodyRate } from './body-rate.ts';
import { ownerOf, tellTakenOut, unbound } from './connection-authentication.ts';
import { asksToBind, bindsConnection } from '../wire/connection-schemes.ts';
import { corsHeaders } from '../judge/cross-origin.ts';
import type { ExchangeContext } from './context.ts';
import { crossedBound, type WatchedExchange } from './watch.ts';
import { isBareFailure, withRetryAfter } from './failure-pages.ts';
import type { ConnectionOwner, ForwardControl, ForwardHandler, ForwardedRequest } from '../upstream/forwarder.ts';
import { type Fields, fieldRecord } from '../wire/http-fields.ts';
import type { Visitor } from '../judge/gate.ts';
import { answerAlone } from '../message/grpc.ts';
import { Http1Response } from '../message/http1-response.ts';
import { askForBody, relayInformation } from '../message/information.ts';
import { failureOf, tooManyStreams, type UpstreamFailure } from '../message/refusals.ts';
import { upstreamHeaders } from './request-headers.ts';
import type { FieldBlock } from '../wire/field-block.ts';
import { nextRequestId } from '../message/request-id.ts';
import { mayRetry } from './retry.ts';
import { clientHeaders, clientTrailers, withoutLength } from './response-headers.ts';
import { Timings } from './timings.ts';
import type { Target } from '../upstream/upstreams.ts';

const exchangeOf = Symbol('exchange');
type Tagged = ClientResponse & { [exchangeOf]?: Exchange };

/**
 * One request on its way to an upstream and back: the forward handler, the admission ticket and the access record in one object,
 * because each request makes exactly one of them and its methods are shared. Lives until the client's side is closed.
 */
export class Exchange implements ForwardHandler, Ticket, WatchedExchange {
  readonly request: ClientRequest;
  readonly response: ClientResponse;
  readonly canonical: CanonicalRequest;
  readonly target: Target;
  readonly requestId: string;
  readonly timings = new Timings();
  /** Set once known; undefined on paths that need no session. */
  visitor: Visitor | undefined = undefined;
  verdict = '';
  reason = '';
  decisionId: string | undefined = undefined;
  lastMoveAt: number;
  isOver = false;
  hasAnswer = false;
  bytesIn = 0;
  bodyRate: BodyRate | undefined;

  readonly #context: ExchangeContext;
  #forwarded: ForwardedRequest | undefined;
  #controller: ForwardControl | undefined;
  #slot: 'none' | 'request' | 'stream' = 'none';
  #hasUpstreamBytes = false;
  #hasEnded = false;
  #isRetried = false;
  #informationCount = 0;
  #isEventStream = false;
  #isWaitingForDrain = false;
  #remaining = -1;
  #bytesOut = 0;
  #closeLive: (() => void) | undefined;
  #leaveSession: (() => void) | undefined;

  constructor(
    request: ClientRequest,
    response: ClientResponse,
    canonical: CanonicalRequest,
    target: Target,
    context: ExchangeContext,
  ) {
    this.request = request;
    this.response = response;
    this.canonical = canonical;
    this.target = target;
    this.#context = context;
    this.requestId = nextRequestId();
    this.lastMoveAt = this.timings.startedAt;
    (response as Tagged)[exchangeOf] = this;
    response.on('close', onClientClose);
    context.inFlight.add(this);
  }

  get hasBody(): boolean {
    const { contentLength, isChunked, protocol } = this.canonical;
    if (contentLength !== undefined) return contentLength > 0;
    if (isChunked) return true;
    return protocol === 'h2' && isHttp2(this.request) && !this.request.stream.endAfterHeaders;
  }

  /** Answers in the gateway's own name and ends the exchange. */
  refuse(refusal: Refusal): void {
    this.reason = refusal.reasonCode;
    // An upstream in the middle of it has no more say.
    this.#controller?.abort();
    this.#controller = undefined;
    const closesConnection = refusal.closesConnection === true || this.hasBody;
    try {
      const headers = { ...refusal.headers, ...corsHeaders(this.canonical, this.target) };
      const told = { ...refusal, headers, closesConnection };
      answerRefusal(this.response, told, asksForPage(this.canonical), this.requestId);
    } catch (error) {
      // Often the last resort after something else went wrong: what cannot be written must not end the process.
      this.#context.log.error({ requestId: this.requestId, err: error }, 'a refusal could not be written');
      this.cut();
    }
  }

  /** Sends the request to its upstream, at once or when a slot is free. Without `identity` nobody is named. */
  forward(identity: FieldBlock | undefined): void {
    if (this.isOver) return;
    const { canonical, target } = this;
    const { fixedHeaders } = target;
    const toHttp2 = target.route.upstream.http2 === true;
    const isBinding = bindsConnection(canonical.authorization);
    if (isBinding && toHttp2) tellTakenOut(target, this.#context.warnOnce);
    else if (isBinding && isHttp2(this.response)) return this.#requireHttp1(this.response);
    this.timings.judgedAt = performance.now();
    this.#forwarded = {
      method: canonical.method,
      path: canonical.target,
      blocks: identity === undefined ? [fixedHeaders] : [fixedHeaders, identity],
      headers: upstreamHeaders(canonical, toHttp2, this.#context.trace),
      body: this.hasBody ? this.request : null,
      contentLength: canonical.contentLength,
      isBinding,
    };
    const { admission } = target.backend;
    if (this.canonical.accept !== 'text/event-stream') return admission.enter(this);
    if (this.visitor !== undefined) {
      const { centralId } = this.visitor.session;
      if (!this.#context.sessionStreams.hasRoom(centralId)) return this.refuse(tooManyStreams());
    }
    if (!admission.openStream()) return this.refuseAsBusy();
    this.#enterSession();
    this.#slot = 'stream';
    this.#dispatch();
  }

  owner(): ConnectionOwner | undefined {
    return ownerOf(this.request, this.canonical, this.visitor);
  }

  /**
   * Authentication of the connection cannot go on over HTTP/2. Ends the stream with HTTP_1_1_REQUIRED (RFC 9113 section 7), which makes
   * browsers and curl come again over HTTP/1.1.
   */
  #requireHttp1({ stream }: Http2ServerResponse): void {
    this.reason = 'http1_required';
    this.#controller?.abort();
    this.#controller = undefined;
    stream.close(constants.NGHTTP2_HTTP_1_1_REQUIRED);
  }

  #enterSession(): void {
    if (this.visitor === undefined || this.#leaveSession !== undefined) return;
    this.#leaveSession = this.#context.sessionStreams.open(this.visitor.session.centralId);
  }

  isWanted(): boolean {
    return !this.isOver;
  }

  refuseAsBusy(): void {
    this.refuse(this.#context.describeFailure('upstream_busy', this));
  }

  start(): void {
    this.#slot = 'request';
    this.#dispatch();
  }

  #dispatch(): void {
    if (this.hasBody && this.canonical.expectsContinue) askForBody(this.response);
    this.timings.admittedAt = performance.now();
    const { requests, streams } = this.target.backend;
    (this.#slot === 'stream' ? streams : requests).dispatch(this.#forwarded!, this);
  }

  onRequestStart(controller: ForwardControl): void {
    this.#controller = controller;
    this.timings.connectedAt = performance.now();
    if (this.isOver) controller.abort();
  }

  onBodySent(chunk: Uint8Array): void {
    this.bytesIn += chunk.length;
    this.lastMoveAt = performance.now();
  }

  onResponseStarted(): void {
    this.#hasUpstreamBytes = true;
  }

  onResponseStart(controller: ForwardControl, status: number, headers: Fields, statusMessage?: string): void {
    if (this.isOver) return controller.abort();
    if (status < 200) {
      this.#informationCount += 1;
      return relayInformation(this.response, status, clientHeaders(headers, this.target), this.#informationCount);
    }
    if (status > 599) throw new RangeError('status out of range');
    if (isBareFailure(status, headers, this.canonical))
      return this.refuse(withRetryAfter(this.#context.describeFailure('upstream_unavailable', this), headers));
    this.lastMoveAt = this.timings.answeredAt = performance.now();
    const { response, target } = this;
    const received = unbound(headers, target, this.#context.warnOnce);
    if (status === 401 && isHttp2(response) && asksToBind(received)) return this.#requireHttp1(response);
    const head = clientHeaders(status === 204 ? withoutLength(received) : received, target);
    this.#readBodyFacts(head);
    if (isHttp2(response)) {
      response.writeHead(status, fieldRecord(head));
    } else {
      if (this.hasBody && !this.request.complete) head.push('connection', 'close');
      (response as ServerResponse | Http1Response).writeHead(status, statusMessage ?? '', head);
    }
    this.hasAnswer = true;
  }

  #readBodyFacts(head: readonly string[]): void {
    for (let index = 0; index < head.length; index += 2) {
      const name = head[index];
      if (name === 'content-length') this.#remaining = Number(head[index + 1]);
      else if (name === 'content-type') this.#isEventStream = head[index + 1]!.startsWith('text/event-stream');
    }
  }

  onResponseData(controller: ForwardControl, chunk: Buffer): void {
    if (this.isOver) return;
    this.#bytesOut += chunk.length;
    this.lastMoveAt = performance.now();
    // What is at hand may soon be read over, and Node's own answers may keep it waiting.
    const bytes = this.response instanceof Http1Response ? chunk : Buffer.from(chunk);
    if (this.#remaining === bytes.length) {
      this.#hasEnded = true;
      this.response.end(bytes);
      return;
    }
    if (this.#remaining > 0) this.#remaining -= bytes.length;
    if (!this.response.write(bytes)) {
      controller.pause();
      if (!this.#isWaitingForDrain) {
        this.#isWaitingForDrain = true;
        this.response.on('drain', onClientDrain);
      }
    }
  }

  onResponseEnd(_controller: ForwardControl, trailers: Fields): void {
    this.#controller = undefined;
    if (this.#hasEnded || this.isOver) return;
    this.#hasEnded = true;
    const kept = clientTrailers(trailers);
    if (kept.length > 0) this.response.addTrailers(fieldRecord(kept));
    this.response.end();
  }

  /** A gRPC client tells Trailers-Only by the end of the stream that comes with the headers, so the two stay together. */
  onResponseAlone(controller: ForwardControl, status: number, headers: Fields): void {
    const { response } = this;
    if (!isHttp2(response) || this.isOver) {
      this.onResponseStart(controller, status, headers);
      return this.onResponseEnd(controller, []);
    }
    this.#controller = undefined;
    this.timings.answeredAt = performance.now();
    this.hasAnswer = this.#hasEnded = true;
    answerAlone(
      response,
      status,
      fieldRecord(clientHeaders(unbound(headers, this.target, this.#context.warnOnce), this.target)),
    );
  }

  onResponseError(_controller: ForwardControl, error: Error): void {
    this.#controller = undefined;
    if (this.isOver || this.#hasEnded) return;
    if (this.hasAnswer) {
      this.#fail('upstream_cut', error);
      return this.cut();
    }
    if (!this.#isRetried && !this.#hasUpstreamBytes && !this.hasBody && mayRetry(this.canonical, error)) {
      this.#isRetried = true;
      return this.#dispatch();
    }
    const failure = failureOf(error);
    this.#fail(failure, error);
    this.refuse(this.#context.describeFailure(failure, this));
  }

  #fail(reason: UpstreamFailure | 'upstream_cut', error: Error): void {
    this.reason = reason;
    const { host } = this.target.route;
    this.#context.log.warn({ requestId: this.requestId, host, reason, err: error }, 'upstream failed');
  }

  /** Without a first byte of the body at once, the head goes out alone: event streams, slow starts. */
  onHeadAlone(): void {
    if (this.isOver || this.#hasEnded || this.#bytesOut > 0) return;
    this.response.flushHeaders();
  }

  resume(): void {
    this.lastMoveAt = performance.now();
    this.#controller?.resume();
  }

  /** Ends both sides at once; what the client has of the answer stays visibly incomplete. */
  cut(): void {
    if (isHttp2(this.response)) this.response.stream.close(http2InternalError);
    else this.response.destroy();
  }

  get isUnderWay(): boolean {
    return this.#controller !== undefined;
  }

  /** Called about twice a second while the exchange lasts. */
  tick(now: number): void {
    if (now - this.timings.startedAt > longAfterMs) this.#becomeLong();
    const crossed = crossedBound(this, now, this.#context.limits);
    if (crossed === 'idle') {
      this.reason = 'idle';
      this.cut();
    } else if (crossed !== undefined) this.refuse(this.#context.describeFailure(crossed, this));
  }

  /** What lasts is registered, so that it ends when its right ends, and gives its slot back. */
  #becomeLong(): void {
    const { backend, route } = this.target;
    if (this.#slot === 'request' && this.hasAnswer && backend.admission.becomeStream()) this.#slot = 'stream';
    const { visitor } = this;
    if (visitor === undefined || this.#closeLive !== undefined || this.#slot === 'none') return;
    this.#enterSession();
    const { cookie } = this.canonical;
    const isStillAllowed = () => this.#context.gate.isStillAllowed(cookie, this.canonical, route);
    this.#closeLive = this.#context.live.open({
      kind: this.#isEventStream ? 'events' : this.hasBody ? 'upload' : this.hasAnswer ? 'download' : 'request',
      sessionId: visitor.session.centralId,
      hostSessionId: visitor.session.id,
      userId: visitor.principal.id,
      username: visitor.principal.username,
      host: route.host,
      isStillAllowed,
      close: () => this.revoke(),
    });
    isStillAllowed().then(
      (isAllowed) => !isAllowed && this.revoke(),
      () => this.revoke(),
    );
  }

  revoke(): void {
    if (this.isOver) return;
    this.reason = 'revoked';
    this.cut();
  }

  /** The client's side is closed, for whatever reason: free everything, abort what is left, write the access line. */
  finish(): void {
    if (this.isOver) return;
    this.isOver = true;
    const { backend } = this.target;
    this.#context.inFlight.delete(this);
    this.#closeLive?.();
    this.#leaveSession?.();
    if (this.#slot === 'request') backend.admission.leave();
    else if (this.#slot === 'stream') backend.admission.closeStream();
    if (this.#controller !== undefined && !this.#hasEnded) {
      if (this.reason === '' && this.hasAnswer) this.reason = 'client_left';
      this.#controller.abort();
    }
    const { canonical, response, bytesIn } = this;
    this.#context.onAccess(
      routedEntry(this, {
        status: response.headersSent ? response.statusCode : 499,
        protocol: canonical.protocol,
        bytesIn,
        bytesOut: this.#bytesOut,
      }),
    );
  }
}

const http2InternalError = 2;
const longAfterMs = 1_000;

function onClientClose(this: ClientResponse): void {
  (this as Tagged)[exchangeOf]?.finish();
}

function onClientDrain(this: ClientResponse): void {
  (this as Tagged)[exchangeOf]?.resume();
}
