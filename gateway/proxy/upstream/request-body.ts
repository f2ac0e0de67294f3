import type { Socket } from 'node:net';
import type { ClientRequest } from '../message/answers.ts';
import { fieldLines } from '../wire/http-fields.ts';
import { requestTrailers } from '../wire/trailers.ts';

export type RequestBodyEvents = {
  onSent(chunk: Uint8Array): void;
  onEnd(): void;
  /** The body is not what was announced. */
  onError(error: Error): void;
};

/**
 * A request body on its way to an upstream over HTTP/1.1: with a length, as long as that; without one, chunked, trailers
 * included. The client is read only as fast as the upstream takes it.
 */
export class RequestBody {
  readonly #source: ClientRequest;
  readonly #socket: Socket;
  readonly #events: RequestBodyEvents;
  readonly #isChunked: boolean;
  #left: number;

  constructor(source: ClientRequest, contentLength: number | undefined, socket: Socket, events: RequestBodyEvents) {
    this.#source = source;
    this.#socket = socket;
    this.#events = events;
    this.#isChunked = contentLength === undefined;
    this.#left = contentLength ?? 0;
    source.on('data', this.#onData).on('end', this.#onEnd);
  }

  resume(): void {
    this.#source.resume();
  }

  /** What still comes is read and dropped, so that a client in the middle of sending gets to read its answer. */
  detach(): void {
    this.#source.off('data', this.#onData).off('end', this.#onEnd);
    this.#source.resume();
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#events.onSent(chunk);
    if (!this.#isChunked) {
      this.#left -= chunk.length;
      if (this.#left < 0) return this.#fail();
      if (!this.#socket.write(chunk)) this.#source.pause();
      return;
    }
    if (chunk.length === 0) return;
    this.#socket.cork();
    this.#socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1');
    this.#socket.write(chunk);
    const hasRoom = this.#socket.write('\r\n', 'latin1');
    this.#socket.uncork();
    if (!hasRoom) this.#source.pause();
  };

  readonly #onEnd = (): void => {
    if (this.#left !== 0) return this.#fail();
    if (this.#isChunked) this.#socket.write(`0\r\n${fieldLines(requestTrailers(this.#source))}\r\n`, 'latin1');
    this.#events.onEnd();
  };

  #fail(): void {
    this.#events.onError(
      Object.assign(new Error('the body is not as long as announced'), { code: 'REQUEST_LENGTH_MISMATCH' }),
    );
  }
}
