import type { TLSSocket } from 'node:tls';
import type { RequestHead } from '../wire/request-head-reader.ts';

type Listener = (...args: never[]) => void;

/**
 * A request on a connection of ours, with a body of known length or none, as far as the forward path needs one. It has the names
 * and manners of Node's `IncomingMessage`, but room for one listener of each kind.
 */
export class Http1Request {
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: readonly string[];
  readonly httpVersion = '1.1';
  readonly socket: TLSSocket;
  readonly rawTrailers: string[] = [];
  /** Every byte of the body has arrived. */
  complete: boolean;
  /** Every byte of the body was handed on. */
  readableEnded: boolean;
  #left: number;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #isFlowing = false;
  #onData: ((chunk: Buffer) => void) | undefined;
  #onEnd: (() => void) | undefined;
  #onClose: (() => void) | undefined;

  constructor(socket: TLSSocket, { method, target, rawHeaders }: RequestHead, contentLength: number) {
    this.socket = socket;
    this.method = method;
    this.url = target;
    this.rawHeaders = rawHeaders;
    this.#left = contentLength;
    this.complete = this.readableEnded = contentLength === 0;
  }

  /** What arrived and was not handed on: here, or still in the socket that stands still for it. */
  get readableLength(): number {
    return this.#heldBytes + (this.complete ? 0 : this.socket.readableLength);
  }

  on(event: 'data' | 'end' | 'close' | 'error', listener: Listener): this {
    if (event === 'data') {
      this.#onData = listener as (chunk: Buffer) => void;
      this.resume();
    } else if (event === 'end') this.#onEnd = listener;
    else if (event === 'close') this.#onClose = listener;
    return this;
  }

  off(event: 'data' | 'end' | 'close' | 'error', listener: Listener): this {
    if (event === 'data' && this.#onData === listener) this.#onData = undefined;
    else if (event === 'end' && this.#onEnd === listener) this.#onEnd = undefined;
    else if (event === 'close' && this.#onClose === listener) this.#onClose = undefined;
    return this;
  }

  pause(): this {
    this.#isFlowing = false;
    if (!this.complete) this.socket.pause();
    return this;
  }

  /** Hands on what is held, then what comes. Without a listener it is dropped. */
  resume(): this {
    if (this.readableEnded || this.#isFlowing) return this;
    this.#isFlowing = true;
    process.nextTick(flowOn, this);
    return this;
  }

  /** Takes the part of `bytes` that belongs to the body; returns how much that was. */
  push(bytes: Buffer): number {
    if (this.#left === 0) return 0;
    const part = bytes.length <= this.#left ? bytes : bytes.subarray(0, this.#left);
    this.#left -= part.length;
    this.complete = this.#left === 0;
    if (this.#isFlowing && this.#held.length === 0) {
      this.#onData?.(part);
      if (this.complete && this.#isFlowing) this.#end();
    } else {
      this.#held.push(part);
      this.#heldBytes += part.length;
      if (!this.complete) this.socket.pause();
    }
    return part.length;
  }

  /** Called by its own turn of the event loop. */
  flow(): void {
    while (this.#isFlowing && this.#held.length > 0) {
      const chunk = this.#held.shift()!;
      this.#heldBytes -= chunk.length;
      this.#onData?.(chunk);
    }
    if (!this.#isFlowing) return;
    if (this.complete) this.#end();
    else this.socket.resume();
  }

  /** The connection is gone. */
  close(): void {
    this.#held = [];
    this.#onClose?.();
  }

  #end(): void {
    if (this.readableEnded) return;
    this.readableEnded = true;
    this.#onEnd?.();
  }
}

function flowOn(request: Http1Request): void {
  request.flow();
}
