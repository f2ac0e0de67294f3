import { type ClientHttp2Session, type ClientHttp2Stream, constants, type IncomingHttpHeaders } from 'node:http2';
import type { ForwardControl, ForwardedRequest, ForwardHandler } from './forwarder.ts';
import { fieldsWhere } from '../wire/http-fields.ts';

const { NGHTTP2_CANCEL, NGHTTP2_FLAG_END_STREAM } = constants;

/** Codes by which an upstream says that what it got or gave is not HTTP/2 (RFC 9113 section 7); all others mean it went away. */
const protocolErrors = new Set<number | undefined>([
  constants.NGHTTP2_PROTOCOL_ERROR,
  constants.NGHTTP2_FLOW_CONTROL_ERROR,
  constants.NGHTTP2_FRAME_SIZE_ERROR,
  constants.NGHTTP2_COMPRESSION_ERROR,
]);

/**
 * One request on one HTTP/2 stream to an upstream. Both directions run on their own, as gRPC needs it: the answer may begin, go
 * on and end while the request is still being sent. Trailers of a request end here: to send them, Node has to be told beforehand
 * (`waitForTrailers`), and then ends the process with a failed assertion when such a stream is cancelled at the wrong moment
 * (`Http2Stream::OnTrailers`, Node 26.10). Ends with exactly one of `onResponseEnd`, `onResponseAlone`,
 * `onResponseError`, or with none after `abort`.
 */
export class Http2Exchange implements ForwardControl {
  readonly #request: ForwardedRequest;
  readonly #handler: ForwardHandler;
  readonly #options: { firstByteMs: number; onClose(): void; onSilence(): void };
  #stream: ClientHttp2Stream | undefined;
  #firstByteTimer: NodeJS.Timeout | undefined;
  #trailers: string[] | undefined;
  #hasAnswer = false;
  #isOver = false;

  constructor(
    request: ForwardedRequest,
    handler: ForwardHandler,
    options: { firstByteMs: number; onClose(): void; onSilence(): void },
  ) {
    this.#request = request;
    this.#handler = handler;
    this.#options = options;
  }

  start(session: ClientHttp2Session): void {
    const { body } = this.#request;
    let stream: ClientHttp2Stream;
    this.#handler.onRequestStart(this);
    if (this.#isOver) return this.#options.onClose();
    try {
      const headers = http2Headers(this.#request, session.encrypted === true ? 'https' : 'http');
      stream = session.request(headers, { endStream: body === null });
    } catch (cause) {
      this.#fail(
        Object.assign(new Error('not forwardable over HTTP/2', { cause }), { code: 'REQUEST_NOT_FORWARDABLE' }),
      );
      return this.#options.onClose();
    }
    this.#stream = stream;
    stream.on('headers', (headers, _flags, rawHeaders: string[]) => this.#begin(headers, rawHeaders, false));
    stream.on('response', (headers, flags, rawHeaders: string[]) =>
      this.#begin(headers, rawHeaders, (flags & NGHTTP2_FLAG_END_STREAM) !== 0),
    );
    stream.on('data', (chunk: Buffer) => this.#guard(() => this.#handler.onResponseData(this, chunk)));
    stream.on('trailers', (trailers: Headers, _flags: number, rawTrailers: string[]) => {
      // After an informational answer, headers that end the stream are told as trailers.
      if (!this.#hasAnswer && trailers[':status'] !== undefined) return this.#begin(trailers, rawTrailers, true);
      this.#trailers = rawTrailers;
    });
    // Trailers are told in a later turn than the end they come with.
    stream.on('end', () => (this.#trailers === undefined ? setImmediate(() => this.#end()) : this.#end()));
    stream.on('error', (error: Error) => this.#fail(this.#errorOf(error)));
    stream.on('close', () => {
      clearTimeout(this.#firstByteTimer);
      if (!stream.readableEnded || !this.#hasAnswer) this.#fail(this.#errorOf(undefined));
      this.#options.onClose();
    });
    if (body === null) this.#awaitFirstByte();
    else this.#sendBody(body, stream);
  }

  abort(): void {
    this.#isOver = true;
    this.#stream?.close(NGHTTP2_CANCEL);
  }

  pause(): void {
    this.#stream?.pause();
  }

  resume(): void {
    this.#stream?.resume();
  }

  #sendBody(body: NonNullable<ForwardedRequest['body']>, stream: ClientHttp2Stream): void {
    const onData = (chunk: Buffer): void => {
      this.#handler.onBodySent(chunk);
      if (!stream.write(chunk)) body.pause();
    };
    const onEnd = (): void => {
      stream.end();
      this.#awaitFirstByte();
    };
    stream.on('drain', () => body.resume());
    const onLeft = (): void => {
      if (!stream.writableEnded) stream.close(NGHTTP2_CANCEL);
    };
    stream.once('close', () => {
      body.off('close', onLeft).off('data', onData).off('end', onEnd);
      // An upstream that answered early wants no more; what still comes is read and dropped, so that the answer arrives.
      body.resume();
    });
    body.on('data', onData).on('end', onEnd).on('close', onLeft);
  }

  #awaitFirstByte(): void {
    if (this.#hasAnswer || this.#isOver) return;
    this.#firstByteTimer = setTimeout(() => {
      this.#options.onSilence();
      this.#fail(Object.assign(new Error('no answer over HTTP/2'), { code: 'UPSTREAM_TIMEOUT' }));
      this.#stream?.close(NGHTTP2_CANCEL);
    }, this.#options.firstByteMs);
  }

  #begin(headers: Headers, rawHeaders: readonly string[], isAlone: boolean): void {
    const status = Number(headers[':status']);
    // Names in HTTP/2 are in lower case already (RFC 9113 section 8.2.1).
    const fields = fieldsWhere(rawHeaders, (name) => !name.startsWith(':'));
    this.#guard(() => {
      this.#handler.onResponseStarted();
      if (status >= 200) {
        this.#hasAnswer = true;
        clearTimeout(this.#firstByteTimer);
      }
      if (!isAlone) {
        this.#handler.onResponseStart(this, status, fields);
        // Frames of the body that came along are told in the same turn.
        if (status >= 200) process.nextTick(tellHeadAlone, this.#handler);
        return;
      }
      this.#handler.onResponseAlone(this, status, fields);
      this.#isOver = true;
    });
  }

  #end(): void {
    if (this.#isOver || !this.#hasAnswer) return;
    this.#isOver = true;
    this.#handler.onResponseEnd(this, this.#trailers ?? []);
  }

  #fail(error: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#handler.onResponseError(this, error);
  }

  /** What the handler cannot accept of an answer ends the stream. */
  #guard(step: () => void): void {
    if (this.#isOver) return;
    try {
      step();
    } catch (error) {
      this.#fail(error as Error);
      this.#stream?.close(NGHTTP2_CANCEL);
    }
  }

  #errorOf(cause: Error | undefined): Error {
    const reset = this.#stream?.rstCode;
    const code = protocolErrors.has(reset) ? 'ERR_HTTP2_STREAM_ERROR' : 'ECONNRESET';
    return Object.assign(new Error('the upstream ended the stream', { cause }), { code, reset });
  }
}

type Headers = IncomingHttpHeaders & { ':status'?: number | undefined };

function tellHeadAlone(handler: ForwardHandler): void {
  handler.onHeadAlone();
}

/** The fields of a request as HTTP/2 has them: lower case, `:authority` for `host`, `te` only for trailers (RFC 9113 section 8.2). */
function http2Headers(request: ForwardedRequest, scheme: 'http' | 'https'): Record<string, string | string[]> {
  const { method, path, blocks, headers } = request;
  const fields: Record<string, string | string[]> = { ':method': method, ':path': path, ':scheme': scheme };
  for (const block of blocks) addFields(fields, block.fields);
  addFields(fields, headers);
  return fields;
}

function addFields(fields: Record<string, string | string[]>, headers: readonly string[]): void {
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index]!.toLowerCase();
    const value = headers[index + 1]!;
    if (name === 'host') fields[':authority'] = value;
    else if (!Object.hasOwn(fields, name)) fields[name] = value;
    else fields[name] = [...[fields[name]!].flat(), value];
  }
}
