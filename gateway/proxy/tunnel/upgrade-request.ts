import type { Socket } from 'node:net';
import { type AnswerHead, AnswerSyntaxError, readAnswerHead } from '../wire/answer-head.ts';
import type { Dial } from '../upstream/dial.ts';
import type { ForwardHandler } from '../upstream/forwarder.ts';
import { Http1Connection } from '../upstream/http1-connection.ts';
import { mostInformation } from '../message/information.ts';

/** What becomes of the request. Until `onUpgrade` or the end of a refusal at most one error is told, after it none. */
export type UpgradeHandler = {
  /** False: not wanted any more. */
  onConnect(socket: Socket): boolean;
  /** From now on the socket is the handler's; only what is read goes through `onData`. */
  onUpgrade(head: AnswerHead): void;
  /** Bytes behind the 101, valid only until this returns (`read-buffer.ts`). */
  onData(bytes: Buffer): void;
  /** Any other answer: its head, and who hears the rest. */
  onRefusal: ForwardHandler;
  onError(error: Error): void;
};

export type UpgradeLimits = { answerHeaderBytes: number; firstByteMs: number };

/** Dials an upstream and asks it for a WebSocket (RFC 6455 section 4.1). `requestHead` is the whole request. */
export function requestUpgrade(dial: Dial, requestHead: string, limits: UpgradeLimits, handler: UpgradeHandler): void {
  const request = new UpgradeRequest(requestHead, limits, handler);
  dial(request.connected, request.read);
}

class UpgradeRequest {
  readonly #limits: UpgradeLimits;
  readonly #handler: UpgradeHandler;
  #socket: Socket | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** What is to be sent, then what came of an answer; nothing of it is kept for as long as the stream lasts. */
  #text: string;
  #isSent = false;
  #informationCount = 0;
  #isUpgraded = false;
  #isOutOfStep = false;
  #refusal: Http1Connection | undefined;

  constructor(requestHead: string, limits: UpgradeLimits, handler: UpgradeHandler) {
    this.#text = requestHead;
    this.#limits = limits;
    this.#handler = handler;
  }

  readonly connected = (error: Error | null, socket: Socket | null): void => {
    if (error !== null || socket === null) return this.#handler.onError(error ?? new Error('no connection'));
    this.#socket = socket;
    socket.on('error', ignore);
    if (!this.#handler.onConnect(socket)) return void socket.destroy();
    if (this.#isOutOfStep) return this.#fail(new AnswerSyntaxError('an answer before any request'));
    socket.on('end', this.#onEnd).on('close', this.#onEnd);
    this.#timer = setTimeout(() => this.#fail(failure('UPSTREAM_TIMEOUT')), this.#limits.firstByteMs);
    socket.write(this.#text, 'latin1');
    this.#text = '';
    this.#isSent = true;
  };

  readonly read = (bytes: Buffer): void => {
    if (this.#isUpgraded) this.#handler.onData(bytes);
    else if (this.#refusal !== undefined) this.#refusal.read(bytes);
    else if (this.#isSent) this.#readHead(bytes);
    else this.#isOutOfStep = true;
  };

  readonly #onEnd = (): void => this.#fail(failure('ECONNRESET'));

  #readHead(bytes: Buffer): void {
    try {
      this.#text += bytes.toString('latin1');
      for (let end = this.#text.indexOf('\r\n\r\n'); end !== -1; end = this.#text.indexOf('\r\n\r\n')) {
        const head = readAnswerHead(this.#text.slice(0, end));
        if (head.status === 101) return this.#upgrade(head, Buffer.from(this.#text.slice(end + 4), 'latin1'));
        if (head.status >= 200) return this.#refuse(Buffer.from(this.#text, 'latin1'));
        this.#informationCount += 1;
        if (this.#informationCount > mostInformation) throw new AnswerSyntaxError('too many informational answers');
        this.#text = this.#text.slice(end + 4);
      }
      if (this.#text.length > this.#limits.answerHeaderBytes) throw new AnswerSyntaxError('the head is too large');
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  #upgrade(head: AnswerHead, rest: Buffer): void {
    this.#settle();
    this.#isUpgraded = true;
    this.#handler.onUpgrade(head);
    if (rest.length > 0) this.#handler.onData(rest);
  }

  /** The answer is like any other from its first byte on, and its connection is not used again. */
  #refuse(bytes: Buffer): void {
    const socket = this.#socket!;
    this.#settle();
    const place = { limits: this.#limits, onFree: () => socket.destroy(), onClose: () => undefined };
    this.#refusal = new Http1Connection(socket, place);
    this.#refusal.expect(this.#handler.onRefusal);
    this.#refusal.read(bytes);
  }

  #settle(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#text = '';
    this.#socket!.off('end', this.#onEnd).off('close', this.#onEnd);
  }

  #fail(error: Error): void {
    this.#settle();
    this.#socket!.destroy();
    this.#handler.onError(error);
  }
}

function failure(code: string): Error {
  return Object.assign(new Error('no answer to the upgrade'), { code });
}

/** `close` follows, and is heard. */
function ignore(): void {
  return undefined;
}
