import type { TLSSocket } from 'node:tls';
import type { CanonicalRequest } from '../../lib/index.ts';
import { Http1Request } from '../message/http1-request.ts';
import { Http1Response } from '../message/http1-response.ts';
import { type RequestHead, readRequestHead } from '../wire/request-head-reader.ts';

/** What all connections of a listener share. */
export type ClientConnectionPlace = {
  limits: { headerBytes: number; headersMs: number; keepAliveMs: number };
  /** What an answer says of the connection when it goes on, as lines of HTTP/1. */
  keepAliveLine: string;
  /** True: no further request on this connection. */
  isEnding(): boolean;
  /**
   * Serves a request, or leaves it: then false, with nothing written, and the connection goes to `leave` together with all bytes
   * that were not served.
   */
  serve(socket: TLSSocket, head: RequestHead, take: (canonical: CanonicalRequest) => Taken): boolean;
  leave(connection: ClientConnection, unread: Buffer): void;
  /** A request came on a connection that was served before. */
  noteUse(): void;
  /** The connection is over. */
  forget(connection: ClientConnection): void;
};

/** A request that is served here, and its answer. */
export type Taken = { request: Http1Request; response: Http1Response };

const nothing = Buffer.alloc(0);
/** Requests sent ahead that are kept before the client has to wait. */
const mostAheadBytes = 64 * 1024;
/** How long a client in the middle of sending may take to read an answer that ends its connection. */
const lingerMs = 2_000;

/**
 * One HTTP/1.1 connection of a client, served by us as long as its requests are plain ones for a route: one after another, each
 * read from bytes that can be read in one way only (`request-head-reader.ts`). At the first request that is anything else (not yet
 * whole, chunked, an upgrade, for the main host, refused for whatever reason) the connection goes over to Node's own HTTP
 * server for good, at the boundary between two messages and with every byte that is left. So there is one place that
 * refuses, and what is served here is only ever what both would read alike.
 */
export class ClientConnection {
  readonly socket: TLSSocket;
  readonly #place: ClientConnectionPlace;
  #current: Taken | undefined;
  /** Arrived behind the request that is being served. */
  #ahead: Buffer = nothing;
  #hasServed = false;
  #isLeft = false;

  constructor(socket: TLSSocket, place: ClientConnectionPlace) {
    this.socket = socket;
    this.#place = place;
    (socket as Tagged)[connectionOf] = this;
    for (const [event, listener] of listeners) socket.on(event, listener);
    socket.setTimeout(place.limits.headersMs);
  }

  /** Nothing is being served. */
  get isIdle(): boolean {
    return this.#current === undefined;
  }

  take(bytes: Buffer): void {
    const { request } = this.#current ?? {};
    if (request === undefined) return this.#read(bytes);
    const taken = request.push(bytes);
    if (taken === bytes.length) return;
    const rest = bytes.subarray(taken);
    this.#ahead = this.#ahead.length === 0 ? rest : Buffer.concat([this.#ahead, rest]);
    if (this.#ahead.length > mostAheadBytes) this.socket.pause();
  }

  #read(bytes: Buffer): void {
    const end = bytes.indexOf('\r\n\r\n', 0, 'latin1');
    if (end === -1 || end > this.#place.limits.headerBytes || this.#place.isEnding()) return this.#leave(bytes);
    const head = readRequestHead(bytes.toString('latin1', 0, end + 2));
    if (head === undefined) return this.#leave(bytes);
    const isServed = this.#place.serve(this.socket, head, (canonical) =>
      this.#begin(head, canonical, bytes.subarray(end + 4)),
    );
    if (!isServed) this.#leave(bytes);
  }

  #begin(head: RequestHead, { contentLength, connection }: CanonicalRequest, rest: Buffer): Taken {
    const request = new Http1Request(this.socket, head, contentLength ?? 0);
    const response = new Http1Response(this.socket, {
      method: head.method,
      // Of heads that are served here it says nothing but `close` and `keep-alive`, once or more.
      shouldKeepAlive: connection === undefined || !/close/i.test(connection),
      keepAliveLine: this.#place.keepAliveLine,
      onFlushed: this.#onFlushed,
    });
    this.#current = { request, response };
    if (this.#hasServed) this.#place.noteUse();
    if (rest.length > 0) this.take(rest);
    return this.#current;
  }

  /** The answer has left: the next request may be among the bytes that came ahead of it. */
  readonly #onFlushed = (): void => {
    const current = this.#current;
    if (current === undefined) return;
    const { request, response } = current;
    this.#current = undefined;
    response.closed();
    if (this.socket.destroyed) return request.close();
    if (!response.shouldKeepAlive || !request.complete) return this.#end(request);
    if (!this.#hasServed) this.socket.setTimeout(this.#place.limits.keepAliveMs);
    this.#hasServed = true;
    const ahead = this.#ahead;
    this.#ahead = nothing;
    if (this.socket.isPaused()) this.socket.resume();
    if (ahead.length > 0) this.#read(ahead);
  };

  /** What still comes of a body is read and dropped: a reset would take the answer from a client that has not read it. */
  #end(request: Http1Request): void {
    this.#isLeft = true;
    this.socket.off('data', onData);
    this.socket.end();
    this.socket.resume();
    request.close();
    const timer = setTimeout(() => this.socket.destroy(), lingerMs);
    timer.unref();
    this.socket.once('close', () => clearTimeout(timer));
  }

  #leave(unread: Buffer): void {
    const { socket } = this;
    this.#isLeft = true;
    for (const [event, listener] of listeners) socket.off(event, listener);
    (socket as Tagged)[connectionOf] = undefined;
    socket.setTimeout(0);
    this.#place.leave(this, unread);
  }

  /** Ends an idle connection of a listener that closes. */
  endIfIdle(): void {
    if (!this.isIdle || this.#isLeft) return;
    this.#isLeft = true;
    // Whatever comes now could not be answered any more.
    this.socket.off('data', onData);
    this.socket.end(() => this.socket.destroy());
  }

  drained(): void {
    this.#current?.response.drained();
  }

  closed(): void {
    this.#place.forget(this);
    const current = this.#current;
    this.#current = undefined;
    current?.request.close();
    current?.response.closed();
  }

  /** While an answer is due, the bounds of the forward path hold. */
  timedOut(): void {
    if (this.#current === undefined) this.socket.destroy();
  }
}

/** The connection a socket belongs to: its listeners are shared functions, because connections come and go by the thousand. */
const connectionOf = Symbol('connection');
type Tagged = TLSSocket & { [connectionOf]?: ClientConnection | undefined };

function onData(this: Tagged, bytes: Buffer): void {
  this[connectionOf]!.take(bytes);
}
function onDrain(this: Tagged): void {
  this[connectionOf]!.drained();
}
/** A client that sends no more is taken to be gone, as Node's server does it. */
function onEnd(this: Tagged): void {
  this.destroy();
}
function onClose(this: Tagged): void {
  this[connectionOf]!.closed();
}
function onTimeout(this: Tagged): void {
  this[connectionOf]!.timedOut();
}
/** A reset by the client; `close` follows. Unheard, it would end the process (catalogue W3). */
function onError(): void {
  return undefined;
}

const listeners: readonly (readonly [string, (this: Tagged, bytes: Buffer) => void])[] = [
  ['data', onData],
  ['drain', onDrain],
  ['end', onEnd],
  ['close', onClose],
  ['timeout', onTimeout],
  ['error', onError],
];
