import { type Agent, request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { type Probe, quantile, sleep, startProbing } from './generators.ts';
import type { RunningKnot } from './knot.ts';
import { runTool } from './servers.ts';
import type { Upstream } from './upstream.ts';

/** What everybody of the population signs in with. */
export const everybodysPassword = 'correct-horse-staple-7';

/** What the process of `sign-in-load.ts` is told, and what it tells. */
export type SignInLoad = { port: number; people: readonly string[]; count: number; spreadSeconds: number };
export type SignInLoadFigures = { waitsMs: number[]; askedToWait: number; seconds: number };

export type SignInFigures = {
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** Answers "not now" (503 with Retry-After), after which the person tried again. */
  askedToWait: number;
  lagP99Ms: number;
  lagMostMs: number;
  /** Of the requests that are forwarded: nobody signs in, all the time somebody does, and the first five seconds of it. */
  idleP99Ms: number;
  forwardedP99Ms: number;
  burstP99Ms: number;
  /** Of the forwarded requests' p99 while people sign in, to that of a quiet gateway. */
  slower: number;
  burstSlower: number;
  /** Of the same requests sent to the upstream directly at the same time: what the machine and the load itself cost. */
  directP99Ms: number;
};

export type SignInSetting = { upstream: Upstream; folder: string; people: number; spreadSeconds: number };

const probesPerSecond = 100;
const quietSeconds = 15;
const burstSeconds = 5;

/**
 * So many people sign in, spread over a time or all at once (0), each with a connection of its own, while requests are forwarded
 * at an even pace for as long as the last of them needs. The delay of the event loop is what the gateway itself reports.
 */
export async function signInMany(knot: RunningKnot, setting: SignInSetting): Promise<SignInFigures> {
  const { upstream, folder, people, spreadSeconds } = setting;
  const direct = { ...knot, host: '127.0.0.1', port: upstream.filesPort, isPlain: true };
  const begin = async () => {
    const probing = [
      await startProbing(knot, '/1k', probesPerSecond, folder),
      await startProbing(direct, '/1k', probesPerSecond, folder),
    ] as const;
    return { from: Date.now(), stop: () => Promise.all([probing[0].stop(), probing[1].stop()]) };
  };
  const quietProbes = await begin();
  await sleep(quietSeconds * 1000);
  const [quiet] = await quietProbes.stop();

  const probing = await begin();
  // Scraping begins a new histogram.
  await lagOf(knot);
  const from = Date.now();
  const load = await signIns({ port: knot.port, people: knot.people, count: people, spreadSeconds });
  const lag = await lagOf(knot);
  const [forwarded, past] = await probing.stop();
  const burst = forwarded.filter(({ at }) => at >= from && at < from + burstSeconds * 1000);

  const idleP99Ms = p99(quiet);
  const forwardedP99Ms = p99(forwarded.filter(({ at }) => at >= from));
  const burstP99Ms = p99(burst);
  return {
    perSecond: people / load.seconds,
    p50Ms: quantile(load.waitsMs, 0.5),
    p99Ms: quantile(load.waitsMs, 0.99),
    askedToWait: load.askedToWait,
    lagP99Ms: lag.p99 * 1000,
    lagMostMs: lag.most * 1000,
    idleP99Ms,
    forwardedP99Ms,
    burstP99Ms,
    slower: forwardedP99Ms / idleP99Ms,
    burstSlower: burstP99Ms / idleP99Ms,
    directP99Ms: p99(past.filter(({ at }) => at >= from)),
  };
}

function p99(probes: readonly Probe[]): number {
  return quantile(
    probes.map(({ ms }) => ms),
    0.99,
  );
}

async function signIns(load: SignInLoad): Promise<SignInLoadFigures> {
  const script = join(import.meta.dirname, 'sign-in-load.ts');
  return JSON.parse(await runTool(process.execPath, [script, JSON.stringify(load)], 600_000)) as SignInLoadFigures;
}

/** One attempt; without an agent on a connection of its own. */
export function signIn(
  { port }: { port: number },
  username: string,
  agent: Agent | false = false,
): Promise<{ status: number; retryAfter: number }> {
  const body = new URLSearchParams({ username, password: everybodysPassword }).toString();
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      {
        host: '127.0.0.1',
        port,
        servername: 'localhost',
        method: 'POST',
        path: '/login',
        agent,
        rejectUnauthorized: false,
        headers: {
          host: `localhost:${port}`,
          'content-type': 'application/x-www-form-urlencoded',
          'content-length': Buffer.byteLength(body),
          accept: 'text/html',
          'sec-fetch-mode': 'navigate',
          'sec-fetch-site': 'same-origin',
          origin: `https://localhost:${port}`,
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
