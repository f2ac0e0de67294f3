import { STATUS_CODES } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { httpDate } from '../wire/http-date.ts';
import { fieldLines, fieldList, type Fields } from '../wire/http-fields.ts';

type Headers = Readonly<Record<string, string | string[]>>;

/**
 * The answer to one request on a connection of ours, as far as the forward path needs one. It has the names and manners of Node's
 * `ServerResponse`, with two differences that make it cheap: a head and a first chunk leave in one write, and a chunk is used up
 * when `write` returns, so it may lie in the buffer that upstreams are read into.
 */
export class Http1Response {
  readonly req: { readonly method: string };
  statusCode = 0;
  headersSent = false;
  writableEnded = false;
  /** Whether the connection may carry another request; decided when the head is written. */
  shouldKeepAlive: boolean;
  readonly #socket: TLSSocket;
  readonly #keepAliveLine: string;
  /** Written, but waiting for the first chunk. */
  #head = '';
  #isChunked = false;
  #hasNoBody: boolean;
  #trailers = '';
  #onClose: (() => void) | undefined;
  #onDrain: (() => void) | undefined;
  #onFlushed: () => void;

  /** `onFlushed` is called when the last byte of the answer has left this process. */
  constructor(
    socket: TLSSocket,
    options: { method: string; shouldKeepAlive: boolean; keepAliveLine: string; onFlushed: () => void },
  ) {
    this.#socket = socket;
    this.req = options;
    this.#hasNoBody = options.method === 'HEAD';
    this.shouldKeepAlive = options.shouldKeepAlive;
    this.#keepAliveLine = options.keepAliveLine;
    this.#onFlushed = options.onFlushed;
  }

  get destroyed(): boolean {
    return this.#socket.destroyed;
  }

  on(event: 'close' | 'drain' | 'error', listener: (this: Http1Response) => void): this {
    if (event === 'close') this.#onClose = listener;
    else if (event === 'drain') this.#onDrain = listener;
    return this;
  }

  /** `(status, message, fields)` for an upstream's head, `(status, headers)` for one of our own. */
  writeHead(status: number, messageOrHeaders: string | Headers, fields?: Fields): this {
    const isOwn = typeof messageOrHeaders !== 'string';
    const message = isOwn ? (STATUS_CODES[status] ?? '') : messageOrHeaders;
    const list = isOwn ? fieldList(messageOrHeaders) : fields!;
    this.statusCode = status;
    this.headersSent = true;
    if (status === 204 || status === 304) this.#hasNoBody = true;
    let text = `HTTP/1.1 ${status} ${message}\r\n`;
    let hasLength = false;
    let hasDate = false;
    for (let index = 0; index < list.length; index += 2) {
      const name = list[index]!;
      const value = list[index + 1]!;
      if (name === 'content-length') hasLength = true;
      else if (name === 'date') hasDate = true;
      else if (name === 'connection') {
        if (value === 'close') this.shouldKeepAlive = false;
        continue;
      }
      text += `${name}: ${value}\r\n`;
    }
    if (!hasDate) text += `date: ${httpDate()}\r\n`;
    if (!hasLength && !this.#hasNoBody) {
      this.#isChunked = true;
      text += 'transfer-encoding: chunked\r\n';
    }
    this.#head = `${text}${this.shouldKeepAlive ? this.#keepAliveLine : 'connection: close\r\n'}\r\n`;
    return this;
  }

  flushHeaders(): void {
    if (this.#head === '') return;
    this.#socket.write(this.#head, 'latin1');
    this.#head = '';
  }

  /** @returns false when the client reads slower than it is written to; `drain` follows */
  write(chunk: Uint8Array): boolean {
    if (this.#hasNoBody || chunk.length === 0) return true;
    return this.#writeBytes(chunk, false);
  }

  end(chunk?: string | Uint8Array): this {
    if (this.writableEnded) return this;
    this.writableEnded = true;
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    if (bytes !== undefined && bytes.length > 0 && !this.#hasNoBody) this.#writeBytes(bytes, true);
    else this.#socket.write(this.#head + this.#tail(), 'latin1', this.#onFlushed);
    this.#head = '';
    return this;
  }

  #tail(): string {
    return this.#isChunked && !this.#hasNoBody ? `0\r\n${this.#trailers}\r\n` : '';
  }

  /** One write for everything at hand. */
  #writeBytes(chunk: Uint8Array, isLast: boolean): boolean {
    const before = this.#isChunked ? `${this.#head}${chunk.length.toString(16)}\r\n` : this.#head;
    const after = this.#isChunked ? `\r\n${isLast ? this.#tail() : ''}` : '';
    this.#head = '';
    const length = before.length + chunk.length + after.length;
    const bytes =
      before === '' && after === '' && this.#isIdle() ? chunk : this.#gathered(before, chunk, after, length);
    const hasRoom = isLast ? this.#socket.write(bytes, this.#onFlushed) : this.#socket.write(bytes);
    return hasRoom || this.#socket.writableLength < mostWaitingBytes;
  }

  /**
   * A TLS socket with nothing under way encrypts what it is given before `write` returns (or copies it, in the middle of a
   * handshake), so the bytes need not outlive the call. `test/proxy/upstream/read-buffer.test.ts` would notice if that changed.
   */
  #isIdle(): boolean {
    return this.#socket.writableLength === 0 && this.#socket.writableCorked === 0;
  }

  #gathered(before: string, chunk: Uint8Array, after: string, length: number): Buffer {
    const bytes =
      length <= gathering.length && this.#isIdle() ? gathering.subarray(0, length) : Buffer.allocUnsafe(length);
    const start = bytes.write(before, 0, 'latin1');
    bytes.set(chunk, start);
    if (after !== '') bytes.write(after, start + chunk.length, 'latin1');
    return bytes;
  }

  addTrailers(trailers: Headers): void {
    this.#trailers += fieldLines(fieldList(trailers));
  }

  /** `link` as Node takes it: one or several values of the field, checked by the caller's upstream parser. */
  writeEarlyHints({ link }: { link: string | string[] }): void {
    const lines = [link].flat().map((value) => `link: ${value}\r\n`);
    this.#socket.write(`HTTP/1.1 103 Early Hints\r\n${lines.join('')}\r\n`, 'latin1');
  }

  writeProcessing(): void {
    this.#socket.write('HTTP/1.1 102 Processing\r\n\r\n', 'latin1');
  }

  writeContinue(): void {
    this.#socket.write('HTTP/1.1 100 Continue\r\n\r\n', 'latin1');
  }

  destroy(): this {
    this.#socket.destroy();
    return this;
  }

  /** Told by the connection. */
  drained(): void {
    this.#onDrain?.call(this);
  }

  /** Told by the connection, once: the answer has left, or never will. */
  closed(): void {
    const onClose = this.#onClose;
    this.#onClose = undefined;
    onClose?.call(this);
  }
}

/** What may wait for a client that reads slower than its upstream sends: enough that neither stands still for the other. */
const mostWaitingBytes = 256 * 1024;

/** Where a head and its first chunk come together; see `#isIdle` for why all connections can share it. */
const gathering = Buffer.allocUnsafeSlow(320 * 1024);
