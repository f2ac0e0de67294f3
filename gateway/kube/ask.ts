import type { Dispatcher } from 'undici';
import type { KubeRequest } from './request.ts';
import { faultOf, isKubeFault, retryOf, statusIn, unreachable } from './faults.ts';
import { type Pace, pause, pauseAfter } from './pace.ts';

const mostAttempts = 4;
/** Longer than that nobody is kept waiting: whoever asked is told, and tries again in time. */
const mostWaitMs = 15_000;
/** A page of 500 objects of 100 KiB. */
const mostBytes = 64 * 1024 * 1024;

/**
 * Asks for JSON, and again where that can help and does no harm: what was refused for now (429) or could not be connected to always, what
 * failed in the middle (500, 503, 504, a connection that broke) only where a second time is the same as one.
 */
export function createAsk(
  send: (asked: KubeRequest) => Promise<Dispatcher.ResponseData>,
  pace: Pick<Pace, 'firstPauseMs' | 'mostPauseMs'>,
): <T>(asked: KubeRequest) => Promise<T> {
  return async <T>(asked: KubeRequest) => {
    const isRepeatable = asked.isRepeatable ?? (asked.method === 'GET' || asked.method === 'DELETE');
    let waitedMs = 0;
    for (let attempt = 1; ; attempt++) {
      try {
        return await askOnce<T>(send, asked);
      } catch (error) {
        const retry = asked.signal?.aborted ? undefined : retryOf(error);
        if (retry === undefined || (retry.mayHaveBeenDone && !isRepeatable) || attempt === mostAttempts) throw error;
        const pauseMs = Math.max(pauseAfter(attempt, pace), retry.afterMs ?? 0);
        waitedMs += pauseMs;
        if (waitedMs > mostWaitMs) throw error;
        await pause(pauseMs, asked.signal);
        if (asked.signal?.aborted) throw error;
      }
    }
  };
}

async function askOnce<T>(
  send: (asked: KubeRequest) => Promise<Dispatcher.ResponseData>,
  asked: KubeRequest,
): Promise<T> {
  const what = `${asked.method} ${asked.path}`;
  const answer = await send(asked);
  let text: string;
  try {
    text = await textOf(answer.body);
  } catch (error) {
    if (asked.signal?.aborted) throw error;
    throw unreachable(error, what);
  }
  if (answer.statusCode < 200 || answer.statusCode >= 300)
    throw faultOf(answer.statusCode, statusIn(text), what, String(answer.headers['retry-after'] ?? ''));
  try {
    return JSON.parse(text) as T;
  } catch {
    throw unreachable(new Error('the answer is no JSON'), what);
  }
}

async function textOf(body: AsyncIterable<Buffer>): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of body) {
    size += part.length;
    if (size > mostBytes) throw new Error(`the answer is larger than ${mostBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** What `act` resolves with, or undefined where there is no such object. */
export async function orNone<T>(act: Promise<T>): Promise<T | undefined> {
  try {
    return await act;
  } catch (error) {
    if (isKubeFault(error, 'KNOT_KUBE_NOT_FOUND')) return undefined;
    throw error;
  }
}
