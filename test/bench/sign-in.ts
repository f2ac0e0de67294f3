import { request as httpsRequest } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import { atRate } from './generators.ts';
import type { RunningKnot } from './knot.ts';
import type { Upstream } from './upstream.ts';

/** What everybody of the population signs in with. */
export const everybodysPassword = 'correct-horse-staple-7';

export type SignInFigures = {
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** Answers "not now" (503 with Retry-After), after which the person tried again. */
  askedToWait: number;
  lagP99Ms: number;
  lagMostMs: number;
  idleP99Ms: number;
  forwardedP99Ms: number;
  /** Of the forwarded requests' p99 while people sign in, to that of a quiet gateway. */
  slower: number;
};

export type SignInSetting = { upstream: Upstream; folder: string; people: number; spreadSeconds: number };

const probesPerSecond = 100;

/**
 * So many people sign in, spread over a time or all at once (0), each with a connection of its own, while requests are forwarded
 * at an even pace. The delay of the event loop is what the gateway itself reports.
 */
export async function signInMany(knot: RunningKnot, setting: SignInSetting): Promise<SignInFigures> {
  const { upstream, folder, people, spreadSeconds } = setting;
  const load = { proxy: knot, path: '/1k', protocol: 'h1', connections: 10, streams: 1 } as const;
  const quiet = await atRate({ ...load, seconds: 5 }, probesPerSecond, upstream, folder);
  // Scraping begins a new histogram.
  await lagOf(knot);
  const startedAt = performance.now();
  const waits: number[] = [];
  let askedToWait = 0;
  const everybody = Array.from({ length: people }, async (_, index) => {
    await delay((spreadSeconds * 1000 * index) / people);
    const from = performance.now();
    askedToWait += await signInUntilIn(knot, knot.people[index % knot.people.length]!);
    waits.push(performance.now() - from);
  });
  const probing = atRate({ ...load, seconds: Math.max(5, spreadSeconds) }, probesPerSecond, upstream, folder);
  await Promise.all(everybody);
  const seconds = (performance.now() - startedAt) / 1000;
  const lag = await lagOf(knot);
  const busy = await probing;
  waits.sort((a, b) => a - b);
  return {
    perSecond: people / seconds,
    p50Ms: waits[Math.floor(waits.length * 0.5)]!,
    p99Ms: waits[Math.floor(waits.length * 0.99)]!,
    askedToWait,
    lagP99Ms: lag.p99 * 1000,
    lagMostMs: lag.most * 1000,
    idleP99Ms: quiet.latency.p99Ms,
    forwardedP99Ms: busy.latency.p99Ms,
    slower: busy.latency.p99Ms / quiet.latency.p99Ms,
  };
}

/** Tries again when asked to, as the page says; the number of times that was. */
async function signInUntilIn(knot: RunningKnot, username: string): Promise<number> {
  for (let asked = 0; ; asked++) {
    const { status, retryAfter } = await signIn(knot, username);
    if (status === 303) return asked;
    if (status !== 503 || asked > 120) throw new Error(`signing in as ${username} was answered with ${status}`);
    await delay(retryAfter * 1000 * (0.5 + Math.random()));
  }
}

export function signIn(knot: RunningKnot, username: string): Promise<{ status: number; retryAfter: number }> {
  const body = new URLSearchParams({ username, password: everybodysPassword }).toString();
  const origin = `https://localhost:${knot.port}`;
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      {
        host: '127.0.0.1',
        port: knot.port,
        servername: 'localhost',
        method: 'POST',
        path: '/login',
        agent: false,
        rejectUnauthorized: false,
        headers: {
          host: `localhost:${knot.port}`,
          'content-type': 'application/x-www-form-urlencoded',
          'content-length': Buffer.byteLength(body),
          accept: 'text/html',
          'sec-fetch-mode': 'navigate',
          'sec-fetch-site': 'same-origin',
          origin,
        },
      },
      (response) => {
        response.resume();
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, retryAfter: Number(response.headers['retry-after'] ?? 1) }),
        );
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

async function lagOf(knot: RunningKnot): Promise<{ p99: number; most: number }> {
  const text = await (await fetch(`http://127.0.0.1:${knot.opsPort}/metrics`)).text();
  const figure = (name: string) => Number(new RegExp(`^${name} (\\S+)`, 'm').exec(text)?.[1]);
  return { p99: figure('nodejs_eventloop_lag_p99_seconds'), most: figure('nodejs_eventloop_lag_max_seconds') };
}
