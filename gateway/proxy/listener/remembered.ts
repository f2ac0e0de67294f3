import type { CanonicalRequest } from '../../lib/index.ts';

const canonicals = new WeakMap<object, CanonicalRequest>();

/** `request`: as it is handed to the main host. */
export function rememberCanonical(request: object, canonical: CanonicalRequest): void {
  canonicals.set(request, canonical);
}

/** The canonical request behind a raw request that the edge handed to the main host; undefined for any other. */
export function canonicalOf(request: object): CanonicalRequest | undefined {
  return canonicals.get(request);
}
