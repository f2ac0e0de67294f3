import type { ServerResponse } from 'node:http';
import { type ClientResponse, isHttp2 } from './answers.ts';
import type { AnswerHeaders } from './response-headers.ts';

const mostInformation = 16;

/**
 * Passes an informational answer on, `count` being how many there were. Few are: an upstream that says nothing else would fill the
 * connection of a client that does not read.
 *
 * @throws RangeError when there are too many
 */
export function relayInformation(
  response: ClientResponse,
  status: number,
  headers: AnswerHeaders,
  count: number,
): void {
  if (count > mostInformation) throw new RangeError('too many informational answers');
  const { link } = headers;
  if (status === 103 && link !== undefined) relayHint(response, link);
  else if (status === 102 && !isHttp2(response)) (response as ServerResponse).writeProcessing();
}

/** Node refuses some forms of Link, lists among them. The answer is fine without the hint. */
function relayHint(response: ClientResponse, link: string | string[]): void {
  try {
    response.writeEarlyHints({ link });
  } catch {
    return undefined;
  }
}
