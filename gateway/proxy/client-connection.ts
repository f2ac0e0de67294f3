import type { TLSSocket } from 'node:tls';
import { Http1Request } from './http1-request.ts';
import { Http1Response } from './http1-response.ts';
import { type RequestHead, readRequestHead } from './request-head-reader.ts';

/** What all connections of a listener share. */
export type ClientConnectionPlace = {
  limits: { headerBytes: number; headersMs: number; keepAliveMs: number };
  /** True: no further request on this connection. */
  isEnding(): boolean;
  /**
   * Serves a request, or leaves it: then false, with nothing written, and the connection goes to `leave` together with all bytes
   * that were not served.
   */
  serve(socket: TLSSocket, head: RequestHead, take: (contentLength: number) => Taken): boolean;
  leave(connection: ClientConnection, unread: Buffer): void;
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
  readonly #keepAliveLine: string;
  #current: Taken | undefined;
  /** Arrived behind the request that is being served. */
  #ahead: Buffer = nothing;
  #hasServed = false;
  #isLeft = false;

  constructor(socket: TLSSocket, place: ClientConnectionPlace) {
    this.socket = socket;
    this.#place = place;
    this.#keepAliveLine = `connection: keep-alive\r\nkeep-alive: timeout=${Math.floor(place.limits.keepAliveMs / 1000)}\r\n`;
    socket.on('data', this.#onData).on('drain', this.#onDrain).on('end', this.#onEnd).on('close', this.#onClose);
    socket.on('error', ignoreReset).on('timeout', this.#onTimeout);
    socket.setTimeout(place.limits.headersMs);
  }

  /** Nothing is being served. */
  get isIdle(): boolean {
    return this.#current === undefined;
  }

  readonly #onData = (bytes: Buffer): void => {
    const { request } = this.#current ?? {};
    if (request === undefined) return this.#read(bytes);
    const taken = request.push(bytes);
    if (taken === bytes.length) return;
    const rest = bytes.subarray(taken);
    this.#ahead = this.#ahead.length === 0 ? rest : Buffer.concat([this.#ahead, rest]);
    if (this.#ahead.length > mostAheadBytes) this.socket.pause();
  };

  #read(bytes: Buffer): void {
    const end = bytes.indexOf('\r\n\r\n', 0, 'latin1');
    if (end === -1 || end > this.#place.limits.headerBytes || this.#place.isEnding()) return this.#leave(bytes);
    const head = readRequestHead(bytes.toString('latin1', 0, end + 2));
    if (head === undefined) return this.#leave(bytes);
    const isServed = this.#place.serve(this.socket, head, (contentLength) =>
      this.#take(head, contentLength, bytes.subarray(end + 4)),
    );
    if (!isServed) this.#leave(bytes);
  }

  #take(head: RequestHead, contentLength: number, rest: Buffer): Taken {
    const request = new Http1Request(this.socket, head, contentLength);
    const response = new Http1Response(this.socket, {
      method: head.method,
      shouldKeepAlive: !saysClose(head.rawHeaders),
      keepAliveLine: this.#keepAliveLine,
      onFlushed: this.#onFlushed,
    });
    this.#current = { request, response };
    if (rest.length > 0) this.#onData(rest);
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
    this.socket.off('data', this.#onData);
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
    socket.off('data', this.#onData).off('drain', this.#onDrain).off('end', this.#onEnd).off('close', this.#onClose);
    socket.off('error', ignoreReset).off('timeout', this.#onTimeout);
    socket.setTimeout(0);
    this.#place.leave(this, unread);
  }

  /** Ends an idle connection of a listener that closes. */
  endIfIdle(): void {
    if (!this.isIdle || this.#isLeft) return;
    this.#isLeft = true;
    // Whatever comes now could not be answered any more.
    this.socket.off('data', this.#onData);
    this.socket.end(() => this.socket.destroy());
  }

  readonly #onDrain = (): void => this.#current?.response.drained();

  /** A client that sends no more is taken to be gone, as Node's server does it. */
  readonly #onEnd = (): void => void this.socket.destroy();

  readonly #onClose = (): void => {
    const current = this.#current;
    this.#current = undefined;
    current?.request.close();
    current?.response.closed();
  };

  readonly #onTimeout = (): void => {
    // While an answer is due, the bounds of the forward path hold.
    if (this.#current === undefined) this.socket.destroy();
  };
}

function saysClose(rawHeaders: readonly string[]): boolean {
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (rawHeaders[index]!.length === 10 && rawHeaders[index]!.toLowerCase() === 'connection') {
      if (rawHeaders[index + 1]!.toLowerCase() === 'close') return true;
    }
  }
  return false;
}

/** A reset by the client; `close` follows. Unheard, it would end the process (catalogue W3). */
function ignoreReset(): void {
  return undefined;
}
