import type { IncomingMessage } from 'node:http';
import type { CanonicalRequest } from '../../lib/index.ts';
import type { ClientRequest } from '../message/answers.ts';

const canonicals = new WeakMap<object, CanonicalRequest>();

export function rememberCanonical(request: ClientRequest, canonical: CanonicalRequest): void {
  canonicals.set(request, canonical);
}

/** The canonical request behind a raw request that the edge handed to the main host; undefined for any other. */
export function canonicalOf(request: IncomingMessage | ClientRequest): CanonicalRequest | undefined {
  return canonicals.get(request);
}
