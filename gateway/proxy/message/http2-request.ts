import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';

type Listener = (...args: never[]) => void;

const noFields: readonly string[] = [];

/**
 * A request on an HTTP/2 stream, as far as the forward path needs one: the names and manners of Node's `IncomingMessage` over the
 * stream itself, without the second stream and the dozen listeners that Node's compatible API puts in front of it.
 */
export class Http2Request {
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  /** What is known of the other end of the connection. */
  readonly socket: { readonly remoteAddress: string | undefined };
  readonly httpVersion = '2.0';
  /** There once the body was read to its end. */
  rawTrailers = noFields;

  /** `headers` and `rawHeaders` as the 'stream' event of a server has them. */
  constructor(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    rawHeaders: readonly string[],
    socket: { readonly remoteAddress: string | undefined },
  ) {
    this.stream = stream;
    this.headers = headers;
    this.rawHeaders = rawHeaders;
    this.socket = socket;
    if (this.hasBody)
      stream.on('trailers', (_fields, _flags, rawTrailers: string[]) => (this.rawTrailers = rawTrailers));
  }

  get method(): string {
    return this.headers[':method'] as string;
  }

  /** Undefined for CONNECT alone (RFC 9113 section 8.5). */
  get url(): string | undefined {
    return this.headers[':path'];
  }

  /** Whether the stream goes on behind the headers, perhaps with no more than its end. */
  get hasBody(): boolean {
    return !this.stream.endAfterHeaders;
  }

  /** Every byte of the body has arrived and was handed on, or no more will. */
  get complete(): boolean {
    return this.readableEnded || this.stream.destroyed;
  }

  get readableEnded(): boolean {
    return this.stream.readableEnded || !this.hasBody;
  }

  /** What arrived and was not handed on. */
  get readableLength(): number {
    return this.stream.readableLength;
  }

  on(event: 'data' | 'end' | 'close' | 'error', listener: Listener): this {
    this.stream.on(event, listener as never);
    return this;
  }

  off(event: 'data' | 'end' | 'close' | 'error', listener: Listener): this {
    this.stream.off(event, listener as never);
    return this;
  }

  pause(): this {
    this.stream.pause();
    return this;
  }

  resume(): this {
    this.stream.resume();
    return this;
  }
}
