import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { ReasonCode } from '../../lib/index.ts';
import { notCanonical } from '../message/refusals.ts';
import { nextRequestId } from '../message/request-id.ts';
import { refuseUpgrade } from '../message/refuse-upgrade.ts';

/** A request line that is refused before Node's parser has read it to its end. */
export class RequestLineError extends Error {
  readonly reason: ReasonCode;

  constructor(reason: ReasonCode) {
    super('the request line is refused');
    this.reason = reason;
  }
}

export type RequestLineGuard = {
  /** Goes between a socket and Node's HTTP server, which must have been given the socket already. */
  watch(socket: Socket): void;
  /** Must be told of every request that Node's server hands out, before anything else is done with it. */
  note(request: IncomingMessage, isUpgrade: boolean): void;
};

const requestLine = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+ [\x21-\x7e\x80-\xff]+ HTTP\/([0-9]\.[0-9])\r\n$/;

/** RFC 9112 section 3: a token, one space, something without spaces, one space, `HTTP/` and a version that is ours; CRLF. */
function refusedLine(line: string): ReasonCode | undefined {
  const version = requestLine.exec(line)?.[1];
  if (version === undefined) return 'request_line';
  return version === '1.1' || version === '1.0' ? undefined : 'http_version';
}

/**
 * Judges the request line of every message that Node's HTTP server reads. Node's parser takes `RTSP/1.0` for HTTP/1.0, several
 * spaces for one, a line without a version for HTTP/0.9 and any number of bare CR and LF in front of it for nothing (llhttp 9), and
 * what it hands out no longer shows it. So it is fed message by message, and it alone says where one ends: this class never reads a
 * framing of its own, it only stops feeding wherever a message could end.
 */
export function createRequestLineGuard(onRefused: (error: RequestLineError, socket: Socket) => void): RequestLineGuard {
  return {
    watch(socket) {
      const [feed] = socket.listeners('data') as ((bytes: Buffer) => void)[];
      const watched = new WatchedSocket(socket, feed!, onRefused);
      socket.removeAllListeners('data');
      // Also ends the short cut by which Node's parser would read from the socket without anyone seeing the bytes.
      socket.on('data', watched.take);
    },
    note(request, isUpgrade) {
      (request.socket as Tagged)[watchedBy]?.note(request, isUpgrade);
    },
  };
}

/** The same for a listener of its own, which answers what is refused with 400 or 505. */
export function guardRequestLines(server: Server): void {
  const guard = createRequestLineGuard((error, socket) => {
    refuseUpgrade(socket, notCanonical(error.reason), nextRequestId());
  });
  server.on('connection', guard.watch);
  server.prependListener('request', (request: IncomingMessage) => guard.note(request, false));
}

const watchedBy = Symbol('request lines');
type Tagged = Socket & { [watchedBy]?: WatchedSocket | undefined };

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
/** A line of which more than this has arrived is refused by the parser's own bound on the head. */
const keptLineBytes = 300 * 1024;

class WatchedSocket {
  readonly #socket: Tagged;
  readonly #feed: (bytes: Buffer) => void;
  readonly #onRefused: (error: RequestLineError, socket: Socket) => void;
  /** `lines`: up to the next blank line, which ends a head, or, where the length is not known, perhaps a body. */
  #state: 'request line' | 'lines' | 'length' | 'over' = 'request line';
  #line = '';
  #hasSkipped = false;
  #request: IncomingMessage | undefined;
  #isUpgrade = false;
  #left = 0;
  /** How the bytes so far end, as far as a blank line may begin there. */
  #tail: '' | '\n' | '\n\r' = '';
  #isAtBlankLine = false;

  constructor(
    socket: Tagged,
    feed: (bytes: Buffer) => void,
    onRefused: (error: RequestLineError, socket: Socket) => void,
  ) {
    this.#socket = socket;
    this.#feed = feed;
    this.#onRefused = onRefused;
    socket[watchedBy] = this;
  }

  note(request: IncomingMessage, isUpgrade: boolean): void {
    this.#request = request;
    this.#isUpgrade = isUpgrade;
  }

  readonly take = (bytes: Buffer): void => {
    let at = 0;
    while (at < bytes.length && this.#state !== 'over') {
      const end = this.#sliceEnd(bytes, at);
      if (typeof end === 'string') return this.#refuse(end);
      this.#feed(at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end));
      at = end;
      this.#advance();
      if (at === bytes.length || !(this.#socket.isPaused() || this.#isReleased())) continue;
      // Whoever reads next gets the rest: Node when it has room again, or who has taken the socket over.
      return void this.#socket.unshift(bytes.subarray(at));
    }
  };

  /** Up to where the parser may read without coming into a message that was not judged, or why it may not read at all. */
  #sliceEnd(bytes: Buffer, start: number): number | ReasonCode {
    let at = start;
    while (this.#state === 'request line') {
      const end = bytes.indexOf(lineFeed, at);
      const upTo = end === -1 ? bytes.length : end + 1;
      this.#line += bytes.toString('latin1', at, Math.min(upTo, at + keptLineBytes - this.#line.length));
      if (end === -1) return upTo;
      at = upTo;
      const reason = this.#judgeLine();
      if (reason !== undefined) return reason;
      if (this.#state === 'request line' && at === bytes.length) return at;
    }
    if (this.#state === 'length') {
      const end = Math.min(bytes.length, at + this.#left);
      this.#left -= end - at;
      return end;
    }
    return this.#blankLineEnd(bytes, at);
  }

  #judgeLine(): ReasonCode | undefined {
    const line = this.#line;
    this.#line = '';
    // One empty line may stand before a request (RFC 9112 section 2.2).
    const isSkipped = line === '\r\n' && !this.#hasSkipped;
    this.#hasSkipped = isSkipped;
    if (isSkipped) return undefined;
    this.#state = 'lines';
    this.#tail = '\n';
    return refusedLine(line);
  }

  #refuse(reason: ReasonCode): void {
    this.#state = 'over';
    this.#onRefused(new RequestLineError(reason), this.#socket);
  }

  /** Behind the next blank line, or the end of the bytes. */
  #blankLineEnd(bytes: Buffer, start: number): number {
    if (this.#tail === '\n\r' && bytes[start] === lineFeed) return this.#ended(start + 1);
    /** Where a line begins; -1 for nowhere in these bytes. */
    let at = this.#tail === '\n' ? start : nextLine(bytes, start);
    for (; at !== -1 && at < bytes.length; at = nextLine(bytes, at)) {
      if (bytes[at] === lineFeed) return this.#ended(at + 1);
      if (bytes[at] !== carriageReturn) continue;
      if (bytes[at + 1] === lineFeed) return this.#ended(at + 2);
      if (at + 1 < bytes.length) continue;
      this.#tail = '\n\r';
      return bytes.length;
    }
    this.#tail = at === -1 ? '' : '\n';
    return bytes.length;
  }

  #ended(at: number): number {
    this.#tail = '\n';
    this.#isAtBlankLine = true;
    return at;
  }

  /** What comes next, as the parser has understood what it was fed. */
  #advance(): void {
    const isAtBlankLine = this.#isAtBlankLine;
    this.#isAtBlankLine = false;
    const request = this.#request;
    if (request === undefined) {
      // The head is whole, but there is no request of it: the parser has refused it.
      if (isAtBlankLine && this.#state === 'lines') this.#end();
      return;
    }
    if (request.complete) {
      if (this.#isUpgrade) return this.#release();
      this.#request = undefined;
      this.#state = 'request line';
      return;
    }
    if (this.#state !== 'lines') return;
    const length = request.headers['content-length'];
    if (length === undefined || request.headers['transfer-encoding'] !== undefined) return;
    this.#state = 'length';
    this.#left = Number(length);
  }

  #end(): void {
    this.#state = 'over';
    if (!this.#socket.writableEnded) this.#socket.end();
  }

  /** The socket is no longer Node's server's. */
  #release(): void {
    this.#state = 'over';
    this.#socket.off('data', this.take);
    this.#socket[watchedBy] = undefined;
  }

  #isReleased(): boolean {
    return this.#state === 'over' && this.#socket[watchedBy] === undefined;
  }
}

function nextLine(bytes: Buffer, from: number): number {
  const end = bytes.indexOf(lineFeed, from);
  return end === -1 ? -1 : end + 1;
}
