import { AnswerSyntaxError, readTrailers } from './answer-head.ts';

/** What comes out of a chunked body. `onData` gets views on the pushed bytes, to be used before it returns. */
export type ChunkedEvents = {
  onData(data: Buffer): void;
  onEnd(trailers: readonly string[]): void;
};

/** 2^52 − 1 bytes at most, so that sizes stay exact numbers; leading zeros count. */
const mostSizeDigits = 13;
const mostExtensionBytes = 1_024;

const CR = 0x0d;
const LF = 0x0a;
const SEMICOLON = 0x3b;

type State = 'size' | 'extension' | 'size-lf' | 'data' | 'data-cr' | 'data-lf' | 'trailers';

/**
 * Reads the chunked coding (RFC 9112 section 7.1) of an upstream's answer, however it is cut into pieces. Strict: CRLF only, no
 * space around a size, bounded extensions and trailers.
 */
export class ChunkedReader {
  readonly #events: ChunkedEvents;
  readonly #mostTrailerBytes: number;
  #state: State = 'size';
  #left = 0;
  #digits = 0;
  #extensionBytes = 0;
  #trailers = '';

  constructor(events: ChunkedEvents, mostTrailerBytes: number) {
    this.#events = events;
    this.#mostTrailerBytes = mostTrailerBytes;
  }

  /**
   * Takes bytes from `offset` on.
   *
   * @returns where the body ended, or -1 when more is to come
   * @throws AnswerSyntaxError
   */
  push(bytes: Buffer, offset: number): number {
    let at = offset;
    while (at < bytes.length) {
      if (this.#state === 'data') {
        const end = Math.min(bytes.length, at + this.#left);
        this.#left -= end - at;
        if (this.#left === 0) this.#state = 'data-cr';
        this.#events.onData(bytes.subarray(at, end));
        at = end;
      } else if (this.#state === 'trailers') {
        return this.#pushTrailers(bytes, at);
      } else {
        this.#pushByte(bytes[at]!);
        at += 1;
      }
    }
    return -1;
  }

  #pushByte(byte: number): void {
    switch (this.#state) {
      case 'size':
        return this.#pushSize(byte);
      case 'extension':
        if (byte === CR) this.#state = 'size-lf';
        else if (byte === LF || ++this.#extensionBytes > mostExtensionBytes) fail('a chunk extension is broken');
        return;
      case 'size-lf':
        if (byte !== LF) fail('a chunk size does not end its line');
        this.#state = this.#left === 0 ? 'trailers' : 'data';
        this.#digits = 0;
        this.#extensionBytes = 0;
        return;
      case 'data-cr':
        if (byte !== CR) fail('a chunk is longer than its size');
        this.#state = 'data-lf';
        return;
      default:
        if (byte !== LF) fail('a chunk is longer than its size');
        this.#state = 'size';
        this.#left = 0;
    }
  }

  #pushSize(byte: number): void {
    const digit = hexDigit(byte);
    if (digit !== -1) {
      if (++this.#digits > mostSizeDigits) fail('a chunk size is beyond all bounds');
      this.#left = this.#left * 16 + digit;
      return;
    }
    if (this.#digits === 0) fail('a chunk has no size');
    if (byte === CR) this.#state = 'size-lf';
    else if (byte === SEMICOLON) this.#state = 'extension';
    else fail('a chunk size is not hexadecimal');
  }

  /** Trailers are rare and short: they are collected as text until the empty line. */
  #pushTrailers(bytes: Buffer, at: number): number {
    const before = this.#trailers.length;
    const room = this.#mostTrailerBytes - before + 4;
    const text = this.#trailers + bytes.toString('latin1', at, Math.min(bytes.length, at + room));
    const end = text.startsWith('\r\n') ? 0 : text.indexOf('\r\n\r\n');
    if (end === -1) {
      if (text.length > this.#mostTrailerBytes) fail('the trailers are too large');
      this.#trailers = text;
      return -1;
    }
    this.#events.onEnd(end === 0 ? [] : readTrailers(text.slice(0, end)));
    return at + end + (end === 0 ? 2 : 4) - before;
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

function fail(message: string): never {
  throw new AnswerSyntaxError(message);
}
