import { asksForPage, type CanonicalRequest, type Counted } from '../../lib/index.ts';
import { bindsConnection } from '../wire/connection-schemes.ts';
import type { FieldBlock } from '../wire/field-block.ts';
import { corsHeaders } from '../judge/cross-origin.ts';
import type { Visitor } from '../judge/gate.ts';
import { routedEntry } from '../message/access-entry.ts';
import { answerRefusal, type ClientRequest, type ClientResponse, isHttp2, type Refusal } from '../message/answers.ts';
import { askForBody } from '../message/information.ts';
import { tooManyStreams } from '../message/refusals.ts';
import type { Ticket } from '../upstream/admission.ts';
import type { ConnectionOwner, ForwardControl, ForwardedRequest } from '../upstream/forwarder.ts';
import type { Target } from '../upstream/upstreams.ts';
import { AnswerRelay, exchangeOf } from './answer-relay.ts';
import type { BodyRate } from './body-rate.ts';
import { ownerOf, tellTakenOut } from './connection-authentication.ts';
import type { ExchangeContext } from './context.ts';
import { Lasting, type LastingSubject } from './lasting.ts';
import { upstreamHeaders } from './request-headers.ts';
import { mayRetry } from './retry.ts';
import { failedRefusal, warnOfFailure } from './upstream-failure.ts';
import { crossedBound, type WatchedExchange } from './watch.ts';

/**
 * One request on its way to an upstream and back, until the client's side is closed. Read it from the top; what is in brackets need
 * not happen:
 *
 *     constructor ─▶ (judged by `proxy.ts`) ─▶ forward ─▶ (waits) start ─▶ dispatch ─▶ the way back: `answer-relay.ts` ─▶ finish
 *                            │                    │                          ▲ │
 *                            └────── refuse ◀─────┴──────── failed ◀─────────┴─┘ once more, if nothing can have happened
 */
export class Exchange extends AnswerRelay implements Ticket, WatchedExchange, LastingSubject, Counted {
  /** Set once known; undefined on paths that need no session. */
  visitor: Visitor | undefined = undefined;
  /** Whom its own credentials name, on such paths; never told to anybody, and known only so that it can be cut. */
  claimed: Visitor | undefined = undefined;
  verdict = '';
  decisionId: string | undefined = undefined;
  isOver = false;
  bytesIn = 0;
  bodyRate: BodyRate | undefined = undefined;
  /** Somebody uses what it is for, as long as it goes on. */
  isUse = false;
  countedIn = 0;
  countedOut = 0;

  #forwarded: ForwardedRequest | undefined;
  /** What is held of the upstream's admission. */
  #slot: 'none' | 'request' | 'stream' = 'none';
  #isRetried = false;
  /** Once it has gone on for longer than most. */
  #lasting: Lasting | undefined;

  constructor(
    request: ClientRequest,
    response: ClientResponse,
    canonical: CanonicalRequest,
    target: Target,
    context: ExchangeContext,
  ) {
    super(request, response, canonical, target, context);
    (response as Tagged)[exchangeOf] = this;
    response.on('close', onClientClose);
    context.inFlight.add(this);
  }

  get hasBody(): boolean {
    const { contentLength, isChunked, protocol } = this.canonical;
    if (contentLength !== undefined) return contentLength > 0;
    if (isChunked) return true;
    return protocol === 'h2' && isHttp2(this.request) && this.request.hasBody;
  }

  /** Sends the request to its upstream, at once or when a slot is free. Without `identity` nobody is named. */
  forward(identity: FieldBlock | undefined): void {
    if (this.isOver) return;
    const { canonical, target } = this;
    const { fixedHeaders } = target;
    const toHttp2 = target.route.upstream.http2 === true;
    const isBinding = bindsConnection(canonical.authorization);
    if (isBinding && toHttp2) tellTakenOut(target, this.context.warnOnce);
    else if (isBinding && isHttp2(this.response)) return this.requireHttp1(this.response);
    this.timings.judgedAt = performance.now();
    this.#forwarded = {
      method: canonical.method,
      path: canonical.target,
      blocks: identity === undefined ? [fixedHeaders] : [fixedHeaders, identity],
      headers: upstreamHeaders(canonical, toHttp2, target.route, this.context.trace),
      body: this.hasBody ? this.request : null,
      contentLength: canonical.contentLength,
      isBinding,
    };
    if (canonical.accept === 'text/event-stream') this.#forwardStream();
    else target.backend.admission.enter(this);
  }

  /** What asks to last waits for nobody, and has room of its own. */
  #forwardStream(): void {
    const { visitor, context } = this;
    if (visitor !== undefined && !context.sessionStreams.hasRoom(visitor.session.centralId)) {
      return this.refuse(tooManyStreams());
    }
    if (!this.target.backend.admission.openStream()) return this.refuseAsBusy();
    this.#slot = 'stream';
    if (visitor !== undefined) this.#lasting = new Lasting(this, visitor, context);
    this.#dispatch();
  }

  /** There is a slot. */
  start(): void {
    this.#slot = 'request';
    this.#dispatch();
  }

  isWanted(): boolean {
    return !this.isOver;
  }

  refuseAsBusy(): void {
    this.refuse(this.context.describeFailure('upstream_busy', this));
  }

  #dispatch(): void {
    if (this.hasBody && this.canonical.expectsContinue) askForBody(this.response);
    this.timings.admittedAt = performance.now();
    const { requests, streams } = this.target.backend;
    (this.#slot === 'stream' ? streams : requests).dispatch(this.#forwarded!, this);
  }

  owner(): ConnectionOwner | undefined {
    return ownerOf(this.request, this.canonical, this.visitor);
  }

  noteNotKnown(): void {
    if (this.visitor !== undefined) this.context.notKnown(this.visitor, this.canonical, this.target.route);
  }

  onBodySent(chunk: Uint8Array): void {
    this.bytesIn += chunk.length;
    this.lastMoveAt = performance.now();
  }

  onResponseError(_control: ForwardControl, error: Error): void {
    this.control = undefined;
    if (this.isOver || this.hasEnded) return;
    if (this.hasAnswer) {
      this.reason = 'upstream_cut';
      warnOfFailure('upstream_cut', error, this, this.context);
      return this.cut();
    }
    if (!this.#isRetried && !this.hasUpstreamBytes && !this.hasBody && mayRetry(this.canonical, error)) {
      this.#isRetried = true;
      return this.#dispatch();
    }
    this.refuse(failedRefusal(error, this, this.context));
  }

  /** Answers in the gateway's own name and ends the exchange. */
  refuse(refusal: Refusal): void {
    this.reason = refusal.reasonCode;
    this.abandonUpstream();
    const closesConnection = refusal.closesConnection === true || this.hasBody;
    try {
      const headers = { ...refusal.headers, ...corsHeaders(this.canonical, this.target) };
      const told = { ...refusal, headers, closesConnection };
      answerRefusal(this.response, told, asksForPage(this.canonical), this.requestId);
    } catch (error) {
      // Often the last resort after something else went wrong: what cannot be written must not end the process.
      this.context.log.error({ requestId: this.requestId, err: error }, 'a refusal could not be written');
      this.cut();
    }
  }

  get isUnderWay(): boolean {
    return this.control !== undefined;
  }

  /** Called about twice a second while the exchange lasts. */
  tick(now: number): void {
    if (now - this.timings.startedAt > longAfterMs) this.#becomeLong();
    const { traffic } = this.target;
    traffic?.moved(this, this.bytesIn, this.bytesOut);
    // An event stream stays open for as long as its page does.
    if (traffic !== undefined && this.isUse && !this.isEventStream) traffic.use.lastAt = now;
    const crossed = crossedBound(this, now, this.context.limits);
    if (crossed === 'idle') {
      this.reason = 'idle';
      this.cut();
    } else if (crossed !== undefined) this.refuse(this.context.describeFailure(crossed, this));
  }

  /** What lasts gives its slot back, and can be found when its right ends. */
  #becomeLong(): void {
    const { admission } = this.target.backend;
    if (this.#slot === 'request' && this.hasAnswer && admission.becomeStream()) this.#slot = 'stream';
    const visitor = this.visitor ?? this.claimed;
    if (visitor === undefined || this.#slot === 'none') return;
    this.#lasting ??= new Lasting(this, visitor, this.context);
    this.#lasting.register(
      this.isEventStream ? 'events' : this.hasBody ? 'upload' : this.hasAnswer ? 'download' : 'request',
    );
  }

  /** The right to it has ended. */
  revoke(): void {
    if (this.isOver) return;
    this.reason = 'revoked';
    this.cut();
  }

  /** The client's side is closed, for whatever reason: free everything, abort what is left, write the access line. */
  finish(): void {
    if (this.isOver) return;
    this.isOver = true;
    const { context, response, bytesIn, bytesOut } = this;
    const { admission } = this.target.backend;
    context.inFlight.delete(this);
    this.#lasting?.end();
    if (this.#slot === 'request') admission.leave();
    else if (this.#slot === 'stream') admission.closeStream();
    if (this.control !== undefined && !this.hasEnded) {
      if (this.reason === '' && this.hasAnswer) this.reason = 'client_left';
      this.control.abort();
    }
    const status = response.headersSent ? response.statusCode : 499;
    this.target.traffic?.ended(this, status, bytesIn, bytesOut);
    context.onAccess(routedEntry(this, { status, protocol: this.canonical.protocol, bytesIn, bytesOut }));
  }
}

/** From then on an exchange is one that lasts. */
const longAfterMs = 1_000;

type Tagged = ClientResponse & { [exchangeOf]?: Exchange };

function onClientClose(this: Tagged): void {
  this[exchangeOf]?.finish();
}
