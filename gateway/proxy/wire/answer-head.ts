import { saysBound } from './connection-schemes.ts';
import { refusedValueByte } from './http-fields.ts';

/**
 * The head of an upstream's HTTP/1 answer, read strictly (RFC 9112 sections 4 to 6): what two parsers could read differently, or
 * what would let an upstream write into another answer, is an error, never repaired (catalogue S10, D8).
 */
export type AnswerHead = {
  status: number;
  /** Reason phrase, '' when there is none. */
  message: string;
  /** Alternating lower-case names and values, one character per byte, in the order received. */
  headers: string[];
  /** Undefined without a Content-Length. */
  contentLength: number | undefined;
  isChunked: boolean;
  /** Whether the connection may carry another request afterwards. */
  isPersistent: boolean;
  /** What `Keep-Alive: timeout=` promises. */
  keepAliveSeconds: number | undefined;
  /** It authenticates its connection, or asks for that (`connection-authentication.ts`). */
  isBound: boolean;
};

/** An answer that is not HTTP as we accept it. The message names what is wrong and stays in the log. */
export class AnswerSyntaxError extends Error {
  readonly code = 'UPSTREAM_PROTOCOL';
}

const statusLine = /^HTTP\/1\.([01]) ([1-5][0-9]{2})(?: ([\t\x20-\x7e\x80-\xff]*))?$/;
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const outerSpace = /^[\t ]+|[\t ]+$/g;

const lowerNames = new Map<string, string>();
const rememberedNames = 2_000;
const rememberedLength = 64;

/** @throws AnswerSyntaxError for a name that is no token */
function lowerName(name: string): string {
  const known = lowerNames.get(name);
  if (known !== undefined) return known;
  if (!token.test(name)) throw new AnswerSyntaxError('a header name is not a token');
  const lower = name.toLowerCase();
  if (name.length <= rememberedLength) {
    if (lowerNames.size >= rememberedNames) lowerNames.clear();
    lowerNames.set(name, lower);
  }
  return lower;
}

/**
 * @param text from the first byte up to, not including, the empty line; one character per byte
 * @throws AnswerSyntaxError
 */
export function readAnswerHead(text: string): AnswerHead {
  let lineEnd = text.indexOf('\r\n');
  if (lineEnd === -1) lineEnd = text.length;
  const match = statusLine.exec(text.slice(0, lineEnd));
  if (match === null) throw new AnswerSyntaxError('the status line is not one of HTTP/1');
  const isHttp10 = match[1] === '0';
  const head: AnswerHead = {
    status: Number(match[2]),
    message: match[3] ?? '',
    headers: [],
    contentLength: undefined,
    isChunked: false,
    isPersistent: !isHttp10,
    keepAliveSeconds: undefined,
    isBound: false,
  };
  while (lineEnd < text.length) {
    const start = lineEnd + 2;
    lineEnd = text.indexOf('\r\n', start);
    if (lineEnd === -1) lineEnd = text.length;
    pushField(head.headers, text, start, lineEnd);
    readFraming(head, head.headers[head.headers.length - 2]!, head.headers[head.headers.length - 1]!);
  }
  if (head.isChunked && (isHttp10 || head.contentLength !== undefined)) {
    throw new AnswerSyntaxError('the length of the body can be read in two ways');
  }
  return head;
}

/** Appends the field of one line. */
function pushField(fields: string[], text: string, start: number, end: number): void {
  const colon = text.indexOf(':', start);
  if (colon === -1 || colon >= end) throw new AnswerSyntaxError('a field has no colon');
  fields.push(lowerName(text.slice(start, colon)), readValue(text, colon + 1, end));
}

/** What a field says of the body and the connection. */
function readFraming(head: AnswerHead, name: string, value: string): void {
  switch (name) {
    case 'content-length':
      if (head.contentLength !== undefined || !/^[0-9]{1,15}$/.test(value)) {
        throw new AnswerSyntaxError('the Content-Length is not one plain number');
      }
      head.contentLength = Number(value);
      return;
    case 'transfer-encoding':
      if (head.isChunked || value.toLowerCase() !== 'chunked') {
        throw new AnswerSyntaxError('the only transfer coding accepted is "chunked"');
      }
      head.isChunked = true;
      return;
    case 'connection':
      if (/(?:^|,)[\t ]*close[\t ]*(?:,|$)/i.test(value)) head.isPersistent = false;
      return;
    case 'keep-alive': {
      const seconds = /(?:^|[,\s])timeout=([0-9]{1,6})/i.exec(value)?.[1];
      if (seconds !== undefined) head.keepAliveSeconds = Number(seconds);
      return;
    }
    case 'www-authenticate':
    case 'proxy-authenticate':
    case 'persistent-auth':
      head.isBound ||= saysBound(name, value);
      return;
    default:
  }
}

/** Without the optional white space around it; most values have exactly one space in front. */
function readValue(text: string, start: number, end: number): string {
  const from = text.charCodeAt(start) === 0x20 ? start + 1 : start;
  const value = text.slice(from, end);
  if (refusedValueByte.test(value)) throw new AnswerSyntaxError('a header value holds a control character');
  return isTrimmed(value) ? value : value.replace(outerSpace, '');
}

function isTrimmed(value: string): boolean {
  const first = value.charCodeAt(0);
  const last = value.charCodeAt(value.length - 1);
  return first !== 0x20 && first !== 0x09 && last !== 0x20 && last !== 0x09;
}

/**
 * Trailer fields behind a chunked body (RFC 9112 section 7.1.2), as a head without a status line.
 *
 * @throws AnswerSyntaxError
 */
export function readTrailers(text: string): string[] {
  const trailers: string[] = [];
  for (let start = 0; start < text.length;) {
    let end = text.indexOf('\r\n', start);
    if (end === -1) end = text.length;
    pushField(trailers, text, start, end);
    start = end + 2;
  }
  return trailers;
}
