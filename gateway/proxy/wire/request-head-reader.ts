import { commonMethods } from './methods.ts';

/** The head of a plain request, as its bytes say it. */
export type RequestHead = {
  method: string;
  target: string;
  /** Alternating names and values, one character per byte, as `IncomingMessage.rawHeaders` has them. */
  rawHeaders: readonly string[];
};

const requestLine = new RegExp(`^(${commonMethods.join('|')}) (/[\\x21-\\x7e]*) HTTP/1\\.1\\r\\n`);

/**
 * All field lines at once (RFC 9112 section 5): a token, a colon, visible characters, spaces, tabs and bytes above ASCII, CRLF. So no
 * folding, no space before a colon, no lone CR, LF or NUL. Each alternative begins where the one before must end, so the time is
 * linear.
 */
const fieldLines = /^(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n)*$/;

/** Names behind which more is asked of a server than to read a head and a body of known length. */
const unusual = /^(?:transfer-encoding|upgrade|expect|te|trailer|http2-settings)$/i;
const usualConnection = /^(?:keep-alive|close)$/i;

/**
 * Reads a request that nobody could read in two ways: a common method, a path, HTTP/1.1, plain fields, nothing that concerns the
 * framing but a Content-Length.
 *
 * @param text from the first byte up to and with the CRLF of the last field; one character per byte
 * @returns undefined for anything else, valid or not: that is for Node's parser to read, and for the edge to refuse
 */
export function readRequestHead(text: string): RequestHead | undefined {
  const match = requestLine.exec(text);
  if (match === null) return undefined;
  let start = match[0].length;
  if (!fieldLines.test(text.slice(start))) return undefined;
  const rawHeaders: string[] = [];
  while (start < text.length) {
    const colon = text.indexOf(':', start);
    const end = text.indexOf('\r\n', colon);
    const name = text.slice(start, colon);
    const value = trimmed(text, colon + 1, end);
    if (isUnusual(name, value)) return undefined;
    rawHeaders.push(name, value);
    start = end + 2;
  }
  return { method: match[1]!, target: match[2]!, rawHeaders };
}

/** The lengths of the names above; all other names are told apart without looking at their letters. */
const unusualLengths = new Set([2, 6, 7, 10, 14, 17]);

function isUnusual(name: string, value: string): boolean {
  if (!unusualLengths.has(name.length)) return false;
  if (unusual.test(name)) return true;
  if (name.length === 10 && name.toLowerCase() === 'connection') return !usualConnection.test(value);
  return name.length === 14 && name.toLowerCase() === 'content-length' && !/^[0-9]{1,15}$/.test(value);
}

/** Without the optional white space around a value. */
function trimmed(text: string, start: number, end: number): string {
  let from = start;
  let to = end;
  while (from < to && isSpace(text.charCodeAt(from))) from += 1;
  while (to > from && isSpace(text.charCodeAt(to - 1))) to -= 1;
  return text.slice(from, to);
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x09;
}
