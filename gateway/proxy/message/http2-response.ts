import { constants, type ServerHttp2Stream } from 'node:http2';
import { type Fields, fieldList } from '../wire/http-fields.ts';
import type { Http2Request } from './http2-request.ts';

type Headers = Readonly<Record<string, string | string[]>>;

const alone = { endStream: true };
const beforeTrailers = { waitForTrailers: true };

/**
 * The answer on an HTTP/2 stream, as far as the forward path needs one. It has the names and manners of `Http1Response`, over the stream
 * itself: one listener, fields as one flat list. A head waits for what comes behind it, so that one without a body ends the stream (which
 * is how gRPC tells an answer that is nothing but a status: Trailers-Only in "gRPC over HTTP2"), and only an answer that may have trailers
 * pays for them. Node sends everything that is written in one turn of the event loop together.
 */
export class Http2Response {
  readonly req: { readonly method: string };
  statusCode = 0;
  headersSent = false;
  writableEnded = false;
  readonly #stream: Tagged;
  /** Written, but waiting for what comes behind it. */
  #head: string[] | undefined;
  #hasLength = false;
  #hasNoBody: boolean;
  #trailers: Headers | undefined;
  #onClose: (() => void) | undefined;
  #onDrain: (() => void) | undefined;

  constructor(request: Http2Request) {
    this.req = request;
    this.#hasNoBody = request.method === 'HEAD';
    this.#stream = request.stream;
    this.#stream[responseOf] = this;
    this.#stream.on('close', onStreamClose);
  }

  get destroyed(): boolean {
    return this.#stream.destroyed || this.#stream.closed;
  }

  on(event: 'close' | 'drain' | 'error', listener: (this: Http2Response) => void): this {
    if (event === 'close') this.#onClose = listener;
    else if (event === 'drain') {
      this.#onDrain = listener;
      this.#stream.on('drain', onStreamDrain);
    }
    return this;
  }

  /** `(status, message, fields)` for an upstream's head, `(status, headers)` for one of our own. HTTP/2 has no message. */
  writeHead(status: number, messageOrHeaders: string | Headers, fields?: Fields): this {
    const list = typeof messageOrHeaders === 'string' ? fields! : fieldList(messageOrHeaders);
    this.statusCode = status;
    this.headersSent = true;
    // RFC 9110 sections 15.3.5, 15.3.6, 15.4.5.
    if (status === 204 || status === 205 || status === 304) this.#hasNoBody = true;
    const head = [':status', String(status)];
    for (let index = 0; index < list.length; index += 2) {
      const name = list[index]!;
      // Says something of connections that this is none of (RFC 9113 section 8.2.2).
      if (name === 'connection') continue;
      if (name === 'content-length') {
        // Of a body that is left out, and then an error.
        if (status === 205) continue;
        this.#hasLength = true;
      }
      head.push(name, list[index + 1]!);
    }
    this.#head = head;
    return this;
  }

  flushHeaders(): void {
    this.#begin(this.#hasNoBody ? alone : this.#hasLength ? undefined : beforeTrailers);
  }

  #begin(options: { endStream?: boolean; waitForTrailers?: boolean } | undefined): void {
    const head = this.#head;
    this.#head = undefined;
    if (head !== undefined && !this.destroyed) this.#stream.respond(head, options);
  }

  /**
   * Takes a copy: Node keeps what is written until the end of the turn, or for as long as the client's window is full.
   *
   * @returns false when the client reads slower than it is written to; `drain` follows
   */
  write(chunk: Uint8Array): boolean {
    if (this.#hasNoBody || chunk.length === 0 || this.destroyed) return true;
    this.flushHeaders();
    return this.#stream.write(Buffer.from(chunk));
  }

  end(chunk?: string | Uint8Array): this {
    if (this.writableEnded) return this;
    this.writableEnded = true;
    if (this.destroyed) return this;
    const hasBytes = chunk !== undefined && chunk.length > 0 && !this.#hasNoBody;
    if (this.#head !== undefined && !hasBytes && this.#trailers === undefined) {
      this.#begin(alone);
      return this;
    }
    this.#begin(this.#trailers === undefined ? undefined : beforeTrailers);
    if (hasBytes) this.#stream.end(Buffer.from(chunk as Uint8Array));
    else this.#stream.end();
    return this;
  }

  addTrailers(trailers: Headers): void {
    if (this.#hasNoBody) return;
    this.#trailers = trailers;
    this.#stream.on('wantTrailers', onTrailersWanted);
  }

  sendTrailers(): void {
    this.#stream.sendTrailers({ ...this.#trailers });
  }

  /** `link`: one or several values of the field, checked by the caller's upstream parser. */
  writeEarlyHints({ link }: { link: string | string[] }): void {
    this.#inform({ ':status': 103, link });
  }

  writeContinue(): void {
    this.#inform({ ':status': 100 });
  }

  #inform(fields: Record<string, number | string | string[]>): void {
    if (!this.headersSent && !this.destroyed) this.#stream.additionalHeaders(fields);
  }

  /**
   * Ends the stream with INTERNAL_ERROR, so that what the client has of the answer stays visibly incomplete. `close` would end the body
   * in order first, and nothing tells that from a whole answer.
   */
  destroy(): this {
    if (!this.destroyed) this.#stream.destroy(new Error('the answer was cut'));
    return this;
  }

  /** Ends the stream with HTTP_1_1_REQUIRED (RFC 9113 section 7), which makes browsers and curl come again over HTTP/1.1. */
  requireHttp1(): void {
    this.#stream.close(constants.NGHTTP2_HTTP_1_1_REQUIRED);
  }

  drained(): void {
    this.#onDrain?.call(this);
  }

  /** The stream is over, for whatever reason. */
  closed(): void {
    const onClose = this.#onClose;
    this.#onClose = undefined;
    onClose?.call(this);
  }
}

/** The answer a stream belongs to: its listeners are shared functions. */
const responseOf = Symbol('response');
type Tagged = ServerHttp2Stream & { [responseOf]?: Http2Response };

function onStreamClose(this: Tagged): void {
  this[responseOf]!.closed();
}
function onStreamDrain(this: Tagged): void {
  this[responseOf]!.drained();
}
function onTrailersWanted(this: Tagged): void {
  this[responseOf]!.sendTrailers();
}
