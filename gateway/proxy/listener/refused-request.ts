import { type AccessEntry, asksForPage, type CanonicalRequest } from '../../lib/index.ts';
import { refusedEntry } from '../message/access-entry.ts';
import { type ClientRequest, isHttp2, type Refusal } from '../message/answers.ts';

/** The access line of a request that was refused: what is not canonical is cut short, and its query left out. */
export function refusedRequestEntry(
  request: ClientRequest,
  refusal: Refusal,
  requestId: string,
  canonical: CanonicalRequest | undefined,
  totalMs: number,
): AccessEntry {
  return refusedEntry({
    requestId,
    method: request.method ?? '',
    host: canonical?.host ?? '',
    path: canonical?.path ?? (request.url ?? '').split('?', 1)[0]!.slice(0, 200),
    status: refusal.status,
    reason: refusal.reasonCode,
    address: canonical?.address ?? request.socket.remoteAddress ?? '',
    protocol: isHttp2(request) ? 'h2' : 'h1',
    totalMs,
  });
}

/** Whether a request that may not be canonical asks for a page. */
export function asksForPageAnyway(request: ClientRequest): boolean {
  return asksForPage({
    fetchMode: fieldOf(request, 'sec-fetch-mode'),
    accept: fieldOf(request, 'accept'),
    isUpgrade: false,
  });
}

/** The first field of its name. */
function fieldOf({ rawHeaders }: ClientRequest, name: string): string | undefined {
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (rawHeaders[index]!.toLowerCase() === name) return rawHeaders[index + 1];
  }
  return undefined;
}
