import { KnotError, knotError } from '../lib/index.ts';

/** What the API server says about a request that failed (`meta/v1` Status). */
export type Status = {
  code?: number;
  reason?: string;
  message?: string;
  details?: { retryAfterSeconds?: number; causes?: { field?: string; message?: string }[] };
};

/** What a body says that comes with a failure; what is no JSON (a proxy between) is its message. */
export function statusIn(text: string): Status {
  try {
    return (JSON.parse(text) as Status | null) ?? {};
  } catch {
    return { message: text.slice(0, 500) };
  }
}

/**
 * An answer of the API server that is no success, in our words. What it says itself is kept for whoever acts on it (`reasonOf`) and
 * for the log: it may name what people must not see.
 */
export function faultOf(statusCode: number, status: Status, what: string, retryAfter = ''): KnotError {
  const { reason, message, details } = status;
  const afterS = details?.retryAfterSeconds ?? (/^\d+$/.test(retryAfter) ? Number(retryAfter) : undefined);
  const internal = { kubernetes: { statusCode, reason, message, what, ...(afterS !== undefined && { afterS }) } };
  const options = { internal };
  if (isFull(message)) return full(options);
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

/** etcd takes no write any more (its errors `ErrNoSpace` and `no space`), which the API server passes on as a failure of its own. */
const isFull = (message: string | undefined): boolean =>
  message !== undefined && /etcdserver: (?:mvcc: database space exceeded|no space)/.test(message);

const full = (options: { internal: Record<string, unknown> }): KnotError =>
  knotError('KNOT_KUBE_FULL', 503, 'The database of the cluster is full: nothing can be changed there.', {
    ...options,
    remedy:
      'An administrator of the cluster makes room in etcd: compact and defragment it, or raise --quota-backend-bytes; then take back the alarm (etcdctl alarm disarm). Knot goes on by itself.',
  });

/** Who Knot is there could not even be read: a plugin failed, a file is gone. */
export const unauthenticated = (cause: unknown): KnotError =>
  knotError('KNOT_KUBE_UNAUTHENTICATED', 503, 'The cluster does not know Knot any more.', { cause });

/** The API server could not be reached, or did not answer in time, or not to the end. A fault that has its words already keeps them. */
export const unreachable = (cause: unknown, what: string): KnotError =>
  cause instanceof KnotError
    ? cause
    : knotError('KNOT_KUBE_UNREACHABLE', 503, 'The cluster does not answer.', {
        ...{ cause, internal: { kubernetes: { what } } },
        remedy: 'Try again soon; an administrator can see since when on the page of health.',
      });

/**
 * Whether asking once more may help: after how long, where the API server says so, and whether what was asked may have been done already.
 */
export function retryOf(error: unknown): { afterMs?: number; mayHaveBeenDone: boolean } | undefined {
  if (isKubeFault(error, 'KNOT_KUBE_UNREACHABLE')) {
    const code = String((error.cause as { code?: unknown } | undefined)?.code);
    if (code === 'ECONNREFUSED') return { mayHaveBeenDone: false };
    return ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'].includes(code) ? { mayHaveBeenDone: true } : undefined;
  }
  // That lasts until somebody makes room.
  if (isKubeFault(error, 'KNOT_KUBE_FULL')) return undefined;
  const said = isKubeFault(error)
    ? (error.internal?.['kubernetes'] as { statusCode?: number; afterS?: number } | undefined)
    : undefined;
  const { statusCode, afterS } = said ?? {};
  if (statusCode === undefined || ![429, 500, 503, 504].includes(statusCode)) return undefined;
  return { mayHaveBeenDone: statusCode !== 429, ...(afterS !== undefined && { afterMs: afterS * 1000 }) };
}

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
