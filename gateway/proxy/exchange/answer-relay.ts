import { ServerResponse } from 'node:http';
import type { CanonicalRequest } from '../../lib/index.ts';
import { asksToBind } from '../wire/connection-schemes.ts';
import { type Fields, fieldRecord } from '../wire/http-fields.ts';
import { type ClientRequest, type ClientResponse, isHttp2, type Refusal } from '../message/answers.ts';
import type { Http2Response } from '../message/http2-response.ts';
import { relayInformation } from '../message/information.ts';
import { nextRequestId } from '../message/request-id.ts';
import type { ForwardControl, ForwardHandler } from '../upstream/forwarder.ts';
import type { Target } from '../upstream/upstreams.ts';
import { unbound } from './connection-authentication.ts';
import type { ExchangeContext } from './context.ts';
import { isBareFailure, withRetryAfter } from './failure-pages.ts';
import { clientHeaders, clientTrailers, withoutLength } from './response-headers.ts';
import { Timings } from './timings.ts';

/**
 * The way back of an exchange: what its upstream answers goes to the client, head, body and trailers, as fast as the client reads.
 * The way there and the end are in `exchange.ts`; the two are one object, because each request makes exactly one.
 */
export abstract class AnswerRelay implements ForwardHandler {
  readonly request: ClientRequest;
  readonly response: ClientResponse;
  readonly canonical: CanonicalRequest;
  readonly target: Target;
  readonly requestId = nextRequestId();
  readonly timings = new Timings();
  /** Word of the access log; '' while nothing is out of the ordinary. */
  reason = '';
  /** The head of the upstream's answer has gone to the client. */
  hasAnswer = false;
  bytesOut = 0;
  /** When a byte moved last, either way; of `performance.now()`. */
  lastMoveAt = this.timings.startedAt;

  protected readonly context: ExchangeContext;
  /** The upstream's side, from when it is asked until it has ended. */
  protected control: ForwardControl | undefined;
  /** The last byte of the answer was handed to the client's side. */
  protected hasEnded = false;
  protected hasUpstreamBytes = false;
  protected isEventStream = false;
  #informationCount = 0;
  #isHearingDrain = false;
  /** Of the body, when its length is known. */
  #remaining = -1;

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
    this.context = context;
  }

  /** The client's side is closed. */
  abstract readonly isOver: boolean;
  abstract readonly hasBody: boolean;
  abstract refuse(refusal: Refusal): void;
  /** The upstream does not know who asks. */
  abstract noteNotKnown(): void;
  abstract onBodySent(chunk: Uint8Array): void;
  abstract onResponseError(control: ForwardControl, error: Error): void;

  onRequestStart(control: ForwardControl): void {
    this.control = control;
    this.timings.connectedAt = performance.now();
    if (this.isOver) control.abort();
  }

  onResponseStarted(): void {
    this.hasUpstreamBytes = true;
  }

  onResponseStart(control: ForwardControl, status: number, headers: Fields, message?: string): void {
    if (this.isOver) return control.abort();
    const { cookie } = this.canonical;
    if (status < 200) {
      this.#informationCount += 1;
      const told = clientHeaders(headers, this.target, cookie);
      return relayInformation(this.response, status, told, this.#informationCount);
    }
    if (status > 599) throw new RangeError('status out of range');
    if (status === 401) this.noteNotKnown();
    if (isBareFailure(status, headers, this.canonical))
      return this.refuse(withRetryAfter(this.context.describeFailure('upstream_unavailable', this), headers));
    this.lastMoveAt = this.timings.answeredAt = performance.now();
    const { response, target } = this;
    const received = unbound(headers, target, this.context.warnOnce);
    if (status === 401 && isHttp2(response) && asksToBind(received)) return this.requireHttp1(response);
    const head = clientHeaders(status === 204 ? withoutLength(received) : received, target, cookie);
    this.#readBodyFacts(head);
    // Over HTTP/2 it means nothing, and is left out.
    if (this.hasBody && !this.request.complete) head.push('connection', 'close');
    (response as ServerResponse).writeHead(status, message ?? '', head);
    this.hasAnswer = true;
  }

  #readBodyFacts(head: Fields): void {
    for (let index = 0; index < head.length; index += 2) {
      const name = head[index];
      if (name === 'content-length') this.#remaining = Number(head[index + 1]);
      else if (name === 'content-type') this.isEventStream = head[index + 1]!.startsWith('text/event-stream');
    }
  }

  /** Without a first byte of the body at once, the head goes out alone: event streams, slow starts. */
  onHeadAlone(): void {
    if (this.isOver || this.hasEnded || this.bytesOut > 0) return;
    this.response.flushHeaders();
  }

  onResponseData(control: ForwardControl, chunk: Buffer): void {
    if (this.isOver) return;
    this.bytesOut += chunk.length;
    this.lastMoveAt = performance.now();
    // What is at hand may soon be read over, and Node's own answers may keep it waiting; ours know that.
    const bytes = this.response instanceof ServerResponse ? Buffer.from(chunk) : chunk;
    if (this.#remaining === bytes.length) {
      this.hasEnded = true;
      this.response.end(bytes);
      return;
    }
    if (this.#remaining > 0) this.#remaining -= bytes.length;
    if (this.response.write(bytes)) return;
    control.pause();
    if (this.#isHearingDrain) return;
    this.#isHearingDrain = true;
    this.response.on('drain', onClientDrain);
  }

  /** The client has read what was waiting for it. */
  resume(): void {
    this.lastMoveAt = performance.now();
    this.control?.resume();
  }

  onResponseEnd(_control: ForwardControl, trailers: Fields): void {
    this.control = undefined;
    if (this.hasEnded || this.isOver) return;
    this.hasEnded = true;
    const kept = clientTrailers(trailers);
    if (kept.length > 0) this.response.addTrailers(fieldRecord(kept));
    this.response.end();
  }

  /** The head waits for what comes behind it, and so the two ends stay together (`Http2Response`). */
  onResponseAlone(control: ForwardControl, status: number, headers: Fields): void {
    this.onResponseStart(control, status, headers);
    this.onResponseEnd(control, []);
  }

  /** Authentication of the connection cannot go on over HTTP/2. */
  protected requireHttp1(response: Http2Response): void {
    this.reason = 'http1_required';
    this.abandonUpstream();
    response.requireHttp1();
  }

  /** An upstream in the middle of it has no more say. */
  protected abandonUpstream(): void {
    this.control?.abort();
    this.control = undefined;
  }

  /** Ends both sides at once; what the client has of the answer stays visibly incomplete. */
  cut(): void {
    this.response.destroy();
  }
}

/** The exchange an answer belongs to: its listeners are shared functions. */
export const exchangeOf = Symbol('exchange');

function onClientDrain(this: ClientResponse & { [exchangeOf]?: AnswerRelay }): void {
  this[exchangeOf]?.resume();
}
