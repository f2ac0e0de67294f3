import type { ServerResponse } from 'node:http';
import { type ClientResponse, isHttp2 } from './answers.ts';
import type { Fields } from '../wire/http-fields.ts';

/** As many informational answers to one request are taken. */
export const mostInformation = 16;

/**
 * Whether what is written now comes where it belongs. Node keeps an answer without a socket until those to earlier requests are
 * written, and then puts its head before everything it kept: an informational answer would come to lie in the body.
 */
function hasTurn(response: ClientResponse): boolean {
  return isHttp2(response) || (response as ServerResponse).socket !== null;
}

/** Says 100 (Continue), at the latest when it is the answer's turn. */
export function askForBody(response: ClientResponse): void {
  if (hasTurn(response)) return response.writeContinue();
  const later = response as ServerResponse;
  later.once('socket', () => {
    if (!later.headersSent) later.writeContinue();
  });
}

/**
 * Passes an informational answer on, `count` being how many there were. Few are: an upstream that says nothing else would fill the
 * connection of a client that does not read.
 *
 * @throws RangeError when there are too many
 */
export function relayInformation(response: ClientResponse, status: number, headers: Fields, count: number): void {
  if (count > mostInformation) throw new RangeError('too many informational answers');
  if (!hasTurn(response)) return;
  if (status === 103) relayHint(response, linksOf(headers));
  else if (status === 102 && !isHttp2(response)) (response as ServerResponse).writeProcessing();
}

/** Node refuses some forms of Link, lists among them. The answer is fine without the hint. */
function relayHint(response: ClientResponse, link: string[]): void {
  if (link.length === 0) return;
  try {
    response.writeEarlyHints({ link });
  } catch {
    return undefined;
  }
}

function linksOf(headers: Fields): string[] {
  return headers.filter((_, index) => index % 2 === 1 && headers[index - 1] === 'link');
}
