import type { LimitSettings, PublicAddress } from '../../config/index.ts';
import type { Route } from '../../routes/index.ts';
import type { DialGuard } from './dial.ts';
import { errorCode, failureOf, wordsOf } from '../message/refusals.ts';
import { fieldBlock } from '../wire/field-block.ts';
import { createForwarder, fixedHeaders } from './upstreams.ts';

/**
 * How an application answers. `reason` and `remedy` are for everybody, the words of the page a visitor would get; `cause` is for who
 * administers: a status, or the code of the error, never an address.
 */
export type ProbeResult =
  | { outcome: 'answers'; status: number }
  | { outcome: 'unreachable' | 'failed'; reason: string; remedy: string; cause: string };

export type Probe = (route: Route, path: string) => Promise<ProbeResult>;

const mostMs = 5_000;
const probeHeaders = ['user-agent', 'Knot (probe)', 'accept', '*/*'];

/**
 * Asks an application once, as nobody, for `path`: over a connection of its own, dialled by the rules of every forwarded request
 * (target guard, TLS, HTTP/2 where the route says so), so that a probe and a visitor come to the same end. Any status below 500
 * means that it answers: a page that asks for a password, moved away or does not exist is an answer of a living application
 * (RFC 9110 section 15). The body is not waited for. Never rejects; ends within five seconds.
 */
export function createProbe(options: { publicAddress: PublicAddress; limits: LimitSettings; guard: DialGuard }): Probe {
  const { publicAddress, guard } = options;
  const limits = {
    ...options.limits,
    connectMs: Math.min(options.limits.connectMs, mostMs),
    firstByteMs: Math.min(options.limits.firstByteMs, mostMs),
  };

  return async (route, path) => {
    const forwarder = createForwarder(route.upstream, limits, guard);
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<ProbeResult>((resolve) => {
        timer = setTimeout(
          () => resolve(failed(Object.assign(new Error('no answer in time'), { code: 'UPSTREAM_TIMEOUT' }))),
          mostMs,
        );
        const answered = (status: number): void => void (status >= 200 && resolve(judge(status)));
        forwarder.dispatch(
          {
            method: 'GET',
            path,
            blocks: [fieldBlock(fixedHeaders(route, publicAddress))],
            headers: probeHeaders,
            body: null,
            contentLength: undefined,
          },
          {
            onRequestStart: () => undefined,
            onBodySent: () => undefined,
            onResponseStarted: () => undefined,
            onResponseStart: (_control, status) => answered(status),
            onHeadAlone: () => undefined,
            onResponseData: () => undefined,
            onResponseEnd: () => undefined,
            onResponseError: (_control, error) => resolve(failed(error)),
            onResponseAlone: (_control, status) => answered(status),
          },
        );
      });
    } finally {
      clearTimeout(timer);
      await forwarder.destroy();
    }
  };
}

function judge(status: number): ProbeResult {
  if (status < 500) return { outcome: 'answers', status };
  const remedy = 'Try again; if it stays, tell an administrator.';
  return { outcome: 'failed', reason: `It answers with an error (${status}).`, remedy, cause: `HTTP ${status}` };
}

function failed(error: Error): ProbeResult {
  const failure = failureOf(error);
  const isAway = failure === 'upstream_unreachable' || failure === 'upstream_timeout';
  return { outcome: isAway ? 'unreachable' : 'failed', ...wordsOf(failure), cause: errorCode(error) || failure };
}
