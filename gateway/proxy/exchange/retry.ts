import type { CanonicalRequest } from '../../lib/index.ts';
import { errorCode } from '../message/refusals.ts';

const retryable = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE']);

/**
 * RFC 9110 section 9.2.2: only what is safe, on a connection that was refused or lost. The caller adds that there is no body, that no
 * byte came back, and that it is the first time.
 */
export function mayRetry({ method }: CanonicalRequest, error: Error): boolean {
  if (method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS') return false;
  return retryable.has(errorCode(error));
}
