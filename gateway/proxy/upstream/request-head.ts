import type { ForwardedRequest } from './forwarder.ts';
import { fieldLines } from '../wire/http-fields.ts';

/** Methods whose requests have a body by their nature, so that none is said to be empty (RFC 9110 section 8.6). */
const withBody = new Set(['POST', 'PUT', 'PATCH']);

/** The head of a request as HTTP/1.1 has it, one character per byte. Nothing in it was changed since it was judged. */
export function requestHead({ method, path, blocks, headers, body, contentLength }: ForwardedRequest): string {
  let text = `${method} ${path} HTTP/1.1\r\n`;
  for (const block of blocks) text += block.text;
  text += fieldLines(headers);
  if (contentLength === undefined) {
    if (body !== null) text += 'transfer-encoding: chunked\r\n';
    else if (withBody.has(method)) text += 'content-length: 0\r\n';
  }
  return `${text}\r\n`;
}
