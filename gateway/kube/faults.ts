import { KnotError, knotError } from '../lib/index.ts';

/** What the API server says about a request that failed (`meta/v1` Status). */
export type Status = {
  code?: number;
  reason?: string;
  message?: string;
  details?: { retryAfterSeconds?: number; causes?: { field?: string; message?: string }[] };
};

/**
 * An answer of the API server that is no success, in our words. What it says itself is kept for whoever acts on it (`reasonOf`) and
 * for the log: it may name what people must not see.
 */
export function faultOf(statusCode: number, status: Status, what: string): KnotError {
  const internal = { kubernetes: { statusCode, reason: status.reason, message: status.message, what } };
  const options = { internal };
  switch (statusCode) {
    case 401:
      return knotError('KNOT_KUBE_UNAUTHENTICATED', 503, 'The cluster does not know Knot any more.', options);
    case 403:
      return knotError('KNOT_KUBE_FORBIDDEN', 502, 'The cluster refused what was to be done there.', options);
    case 404:
      return knotError('KNOT_KUBE_NOT_FOUND', 502, 'The cluster has not got what was looked for.', options);
    case 409:
      return knotError('KNOT_KUBE_CONFLICT', 409, 'Somebody else changed the same thing in the cluster.', options);
    case 410:
      return knotError('KNOT_KUBE_GONE', 503, 'The cluster has forgotten what was seen last.', options);
    case 400:
    case 405:
    case 406:
    case 415:
    case 422:
      return knotError('KNOT_KUBE_INVALID', 502, 'The cluster cannot take what was to be made there.', options);
    default:
      return knotError('KNOT_KUBE_FAILED', 503, 'The cluster could not do what was asked.', options);
  }
}

/** The API server could not be reached, or did not answer in time, or not to the end. A fault that has its words already keeps them. */
export const unreachable = (cause: unknown, what: string): KnotError =>
  cause instanceof KnotError
    ? cause
    : knotError('KNOT_KUBE_UNREACHABLE', 503, 'The cluster does not answer.', {
        ...{ cause, internal: { kubernetes: { what } } },
        remedy: 'Try again soon; an administrator can see since when on the page of health.',
      });

/** Whether the cluster is what failed, and with which code. */
export const isKubeFault = (error: unknown, code?: string): error is KnotError =>
  error instanceof KnotError && error.code.startsWith('KNOT_KUBE_') && (code === undefined || error.code === code);

/** What the API server said, for whoever may see it: administrators, the log, and owners of the namespace it was about. */
export function reasonOf(error: unknown): { statusCode: number; reason?: string; message?: string } | undefined {
  if (!(error instanceof KnotError)) return undefined;
  const found = error.internal?.['kubernetes'] as
    { statusCode?: number; reason?: string; message?: string } | undefined;
  return found?.statusCode === undefined ? undefined : { ...found, statusCode: found.statusCode };
}
