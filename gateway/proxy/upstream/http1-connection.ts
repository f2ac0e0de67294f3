import type { Socket } from 'node:net';
import { type AnswerHead, AnswerSyntaxError, readAnswerHead } from '../wire/answer-head.ts';
import { ChunkedReader } from '../wire/chunked-reader.ts';
import type { ConnectionOwner, ForwardControl, ForwardHandler, ForwardedRequest } from './forwarder.ts';
import { requestHead } from './request-head.ts';
import { RequestBody } from './request-body.ts';

/** What the pool wants to know of a connection, and what all connections of a pool share. */
export type ConnectionPlace = {
  limits: { answerHeaderBytes: number; firstByteMs: number };
  /** The exchange ended in order and the connection may carry another one. */
  onFree(connection: Http1Connection): void;
  onClose(connection: Http1Connection): void;
};

/** What the rest of the bytes on the connection is. */
type Expecting = 'nothing' | 'head' | 'length' | 'chunks' | 'end';

const leastReuseMs = 1_000;
const mostReuseMs = 60_000;
/** Node servers close after five seconds; a request must not meet the end on its way. */
const usualReuseMs = 4_000;

/** The error for an upstream that closes before its answer is complete. */
function closedEarly(cause?: Error): Error {
  return Object.assign(new Error('the upstream closed the connection', { cause }), { code: 'ECONNRESET' });
}

/**
 * One HTTP/1.1 connection to an upstream, carrying one request at a time. Reads into a buffer all connections share
 * (`read-buffer.ts`), so what the handler is given is valid only until it returns. Anything out of step (bytes nobody asked for, an
 * answer before the request was sent, a syntax error) ends the connection: the next request must never meet what was meant for
 * another one (catalogue S10).
 */
export class Http1Connection implements ForwardControl {
  /** Somebody is, or may be, authenticated on it, so it is for nobody but its owner, for ever. */
  isPrivate = false;
  owner: ConnectionOwner | undefined;
  readonly #socket: Socket;
  readonly #place: ConnectionPlace;
  #handler: ForwardHandler | undefined;
  #body: RequestBody | undefined;
  #isHead = false;
  #expecting: Expecting = 'nothing';
  /** The beginning of a head that came in pieces. */
  #headText = '';
  #head: AnswerHead | undefined;
  #left = 0;
  #chunks: ChunkedReader | undefined;
  #isPaused = false;
  /** Set while a head is due: when it must be there, in milliseconds of `performance.now()`. */
  #deadline = Infinity;
  /** For how long the connection may be used again, once the bytes at hand are known to end with the answer; 0: not at all. */
  #reuseMs = 0;
  /** When an idle connection is not to be used any more. */
  #reusableUntil = Infinity;

  constructor(socket: Socket, place: ConnectionPlace) {
    this.#socket = socket;
    this.#place = place;
    socket.on('end', () => this.#onEnd());
    socket.on('error', (error) => this.#fail(closedEarly(error)));
    socket.on('close', () => {
      this.#fail(closedEarly());
      place.onClose(this);
    });
    socket.on('drain', () => this.#body?.resume());
  }

  /** Sends a request; the connection must be free. The handler hears of exactly one end, unless it aborts. */
  send(request: ForwardedRequest, handler: ForwardHandler): void {
    this.#handler = handler;
    this.#isHead = request.method === 'HEAD';
    if (request.isBinding) this.isPrivate = true;
    this.#expecting = 'head';
    this.#reusableUntil = Infinity;
    handler.onRequestStart(this);
    if (this.#handler === undefined) return;
    this.#socket.write(requestHead(request), 'latin1');
    if (request.body === null) this.#awaitHead();
    else this.#sendBody(request, request.body);
  }

  #sendBody({ contentLength }: ForwardedRequest, source: NonNullable<ForwardedRequest['body']>): void {
    this.#body = new RequestBody(source, contentLength, this.#socket, {
      onSent: (chunk) => this.#handler?.onBodySent(chunk),
      onEnd: () => {
        this.#body = undefined;
        this.#awaitHead();
      },
      onError: (error) => this.#fail(error),
    });
  }

  #awaitHead(): void {
    if (this.#expecting === 'head') this.#deadline = performance.now() + this.#place.limits.firstByteMs;
  }

  /** The request was sent already, by somebody else; its answer, of which no byte was taken yet, is told to the handler. */
  expect(handler: ForwardHandler): void {
    this.#handler = handler;
    this.#expecting = 'head';
    handler.onRequestStart(this);
    this.#awaitHead();
  }

  /** Whether a request may be sent now. */
  isReusable(now: number): boolean {
    return !this.#socket.destroyed && now < this.#reusableUntil;
  }

  /** Called now and then by the pool. */
  checkDeadline(now: number): void {
    if (now < this.#deadline) return;
    this.#fail(Object.assign(new Error('no answer in time'), { code: 'UPSTREAM_TIMEOUT' }));
  }

  abort(): void {
    this.#handler = undefined;
    this.destroy();
  }

  pause(): void {
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket.resume();
  }

  destroy(): void {
    this.#body?.detach();
    this.#body = undefined;
    this.#expecting = 'nothing';
    this.#deadline = Infinity;
    this.#reuseMs = 0;
    this.#socket.destroy();
  }

  /** Takes what was read. The bytes belong to a buffer that is used again as soon as this returns. */
  read(bytes: Buffer): void {
    try {
      this.#take(bytes);
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  #take(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      switch (this.#expecting) {
        case 'head':
          at = this.#takeHead(bytes, at);
          break;
        case 'length':
          at = this.#takeLength(bytes, at);
          break;
        case 'chunks': {
          const end = this.#chunks!.push(bytes, at);
          at = end === -1 ? bytes.length : end;
          break;
        }
        case 'end':
          this.#handler?.onResponseData(this, at === 0 ? bytes : bytes.subarray(at));
          return;
        default:
          // Nobody asked for these bytes, so nobody can tell whose they are.
          return this.destroy();
      }
    }
    this.#release();
  }

  #takeHead(bytes: Buffer, at: number): number {
    this.#handler?.onResponseStarted();
    const { answerHeaderBytes } = this.#place.limits;
    const before = this.#headText.length;
    let text: string;
    let next: number;
    let end: number;
    if (before === 0) {
      end = bytes.indexOf('\r\n\r\n', at, 'latin1');
      next = end === -1 ? bytes.length : end + 4;
      text = bytes.toString('latin1', at, end === -1 ? bytes.length : end);
      end = end === -1 ? -1 : text.length;
    } else {
      const more = bytes.toString('latin1', at, Math.min(bytes.length, at + answerHeaderBytes - before + 4));
      text = this.#headText + more;
      end = text.indexOf('\r\n\r\n', Math.max(0, before - 3));
      next = end === -1 ? bytes.length : at + end + 4 - before;
      if (end !== -1) text = text.slice(0, end);
    }
    if (text.length > answerHeaderBytes) throw new AnswerSyntaxError('the head is too large');
    if (end === -1) {
      // What does not begin like an answer will not become one.
      if (!'HTTP/1.'.startsWith(text.slice(0, 7))) throw new AnswerSyntaxError('this is not HTTP');
      this.#headText = text;
      return bytes.length;
    }
    this.#headText = '';
    this.#begin(readAnswerHead(text), next < bytes.length);
    return next;
  }

  #begin(head: AnswerHead, hasMore: boolean): void {
    const handler = this.#handler!;
    if (head.isBound) this.isPrivate = true;
    if (head.status < 200) {
      if (head.status === 101) throw new AnswerSyntaxError('an upgrade nobody asked for');
      return handler.onResponseStart(this, head.status, head.headers, head.message);
    }
    this.#head = head;
    this.#deadline = Infinity;
    const { status, contentLength, isChunked } = head;
    const hasBody = !this.#isHead && status !== 204 && status !== 304 && contentLength !== 0;
    if (hasBody && isChunked) {
      this.#expecting = 'chunks';
      this.#chunks = new ChunkedReader(
        this.#chunkEvents(),
        Math.min(mostTrailerBytes, this.#place.limits.answerHeaderBytes),
      );
    } else if (hasBody && contentLength !== undefined) {
      this.#expecting = 'length';
      this.#left = contentLength;
    } else if (hasBody) {
      this.#expecting = 'end';
    }
    handler.onResponseStart(this, status, head.headers, head.message);
    if (!hasBody) this.#finish([]);
    else if (!hasMore) handler.onHeadAlone();
  }

  #takeLength(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#left);
    this.#left -= end - at;
    this.#handler?.onResponseData(this, at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end));
    if (this.#left === 0) this.#finish([]);
    return end;
  }

  #chunkEvents(): ConstructorParameters<typeof ChunkedReader>[0] {
    return {
      onData: (data) => this.#handler?.onResponseData(this, data),
      onEnd: (trailers) => this.#finish(trailers),
    };
  }

  /** The answer is whole. The connection goes on only if both sides are exactly between two messages. */
  #finish(trailers: readonly string[]): void {
    const handler = this.#handler;
    const head = this.#head!;
    const isClean = head.isPersistent && this.#body === undefined && this.#expecting !== 'end';
    this.#handler = undefined;
    this.#head = undefined;
    this.#chunks = undefined;
    this.#expecting = 'nothing';
    this.#deadline = Infinity;
    this.#reuseMs = isClean ? reuseMs(head.keepAliveSeconds) : 0;
    if (this.#reuseMs === 0) this.destroy();
    else if (this.isPrivate) this.owner = handler?.owner?.();
    handler?.onResponseEnd(this, trailers);
  }

  /** Back to the pool, if an answer ended exactly with what was read. */
  #release(): void {
    if (this.#reuseMs === 0) return;
    this.#reusableUntil = performance.now() + this.#reuseMs;
    this.#reuseMs = 0;
    this.resume();
    if (!this.#socket.destroyed) this.#place.onFree(this);
  }

  /** The upstream said that it sends no more. */
  #onEnd(): void {
    if (this.#expecting === 'end') return this.#finish([]);
    this.#fail(closedEarly());
  }

  #fail(error: Error): void {
    const handler = this.#handler;
    this.#handler = undefined;
    this.destroy();
    handler?.onResponseError(this, error);
  }
}

const mostTrailerBytes = 16 * 1024;

function reuseMs(keepAliveSeconds: number | undefined): number {
  if (keepAliveSeconds === undefined) return usualReuseMs;
  return Math.max(0, Math.min(mostReuseMs, keepAliveSeconds * 1000 - leastReuseMs));
}
