import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Visitor } from './knot.ts';
import type { RunningProxy } from './peers.ts';
import { processorMicroseconds } from './process-facts.ts';
import { runTool, startServer, stopServer } from './servers.ts';
import type { Upstream } from './upstream.ts';

/** Load from h2load and wrk, and what it cost the proxy meanwhile. */

export type Load = {
  proxy: RunningProxy;
  path: string;
  protocol: 'h1' | 'h2';
  connections: number;
  /** Requests in flight on one connection; 1 with HTTP/1.1. */
  streams: number;
  seconds: number;
};

/** One measured window in the middle of a run, after connections are open. */
export type Cost = { requests: number; cpuMicrosecondsPerRequest: number; requestsPerSecond: number };
export type Latency = { p50Ms: number; p99Ms: number };

/** Until every connection is open, and beyond the end of the window. */
const settleMs = 500;
const tailMs = 200;

/** What a browser sends besides the cookie; every proxy gets the same. */
const browserHeaders = [
  'accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
  'accept-language: en-US,en;q=0.5',
  'accept-encoding: gzip, deflate, br',
  'user-agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
];

export const hasHttp2Generator = existsSync('/usr/bin/h2load');
export const hasWrk = existsSync('/usr/bin/wrk');

/** As many requests as the connections carry. */
export async function saturate(load: Load, upstream: Upstream): Promise<Cost> {
  const run = runH2load(load, []);
  const cost = await watch(load.proxy.pid, load.seconds * 1000, upstream);
  assertAllAnswered(await run);
  return cost;
}

/**
 * A fixed number of requests a second, spread over the connections; times are those of single requests, from sending to the last byte.
 * What starts before the connections have settled is left out.
 */
export async function atRate(
  load: Load,
  rate: number,
  upstream: Upstream,
  folder: string,
): Promise<{ cost: Cost; latency: Latency }> {
  const logFile = join(folder, `h2load-${load.proxy.port}.tsv`);
  rmSync(logFile, { force: true });
  const startedAt = Date.now();
  const run = runH2load(load, [`--rps=${Math.max(1, Math.round(rate / load.connections))}`, `--log-file=${logFile}`]);
  const cost = await watch(load.proxy.pid, load.seconds * 1000, upstream);
  assertAllAnswered(await run);
  const from = (startedAt + settleMs) * 1000;
  const times = readFileSync(logFile, 'utf8')
    .split('\n')
    .map((line) => line.split('\t').map(Number) as [number, number, number])
    .filter(([at, status]) => status === 200 && at >= from)
    .map(([, , microseconds]) => microseconds);
  rmSync(logFile, { force: true });
  return { cost, latency: { p50Ms: quantile(times, 0.5) / 1000, p99Ms: quantile(times, 0.99) / 1000 } };
}

/** A single request: when it was to be sent (milliseconds since 1970) and how long it took from then. */
export type Probe = { at: number; ms: number };

const probingConnections = 10;

/**
 * Sends so many requests a second over ten connections until it is told to stop; resolves when the connections are open. A request that could
 * not be sent because the one before it was not answered yet is counted with the time it waited ("coordinated omission").
 */
export async function startProbing(
  proxy: RunningProxy & { isPlain?: boolean },
  path: string,
  rate: number,
  folder: string,
): Promise<{ stop(): Promise<Probe[]> }> {
  const logFile = join(folder, `probes-${proxy.port}.tsv`);
  rmSync(logFile, { force: true });
  const everyMs = (1000 * probingConnections) / rate;
  const args = [
    ...['--h1', '-c', String(probingConnections), '-m', '1', '-t', '1', '-D', '3600s'],
    ...[`--rps=${Math.round(rate / probingConnections)}`, `--log-file=${logFile}`],
    ...[`--connect-to=127.0.0.1:${proxy.port}`, ...headersOf(proxy)],
    `${proxy.isPlain === true ? 'http' : 'https'}://${proxy.host}:${proxy.port}${path}`,
  ];
  const child = startServer('h2load', args);
  await sleep(settleMs);
  const from = Date.now();
  return {
    async stop() {
      await stopServer(child);
      const rows = readFileSync(logFile, 'utf8').split('\n').slice(0, -1);
      rmSync(logFile, { force: true });
      return rows
        .map((row) => row.split('\t').map(Number) as [number, number, number])
        .flatMap(([startedAt, status, microseconds]) => {
          if (status !== 200) throw new Error(`a probe was answered with ${status}`);
          const [at, ms] = [startedAt / 1000, microseconds / 1000];
          const held = Math.floor(ms / everyMs);
          return Array.from({ length: 1 + held }, (_, index) => ({
            at: at + index * everyMs,
            ms: ms - index * everyMs,
          }));
        })
        .filter(({ at }) => at >= from);
    },
  };
}

function headersOf({ cookie }: RunningProxy): string[] {
  return [...browserHeaders, `cookie: ${cookie}`].flatMap((header) => ['-H', header]);
}

function runH2load({ proxy, path, protocol, connections, streams, seconds }: Load, more: string[]): Promise<string> {
  const totalSeconds = seconds + (settleMs + tailMs) / 1000;
  const args = [
    ...(protocol === 'h1' ? ['--h1'] : []),
    ...['-c', String(connections), '-m', String(streams), '-t', '1'],
    ...['-D', `${Math.round(totalSeconds * 1000)}ms`, `--connect-to=127.0.0.1:${proxy.port}`],
    ...more,
    ...headersOf(proxy),
    `https://${proxy.host}:${proxy.port}${path}`,
  ];
  return runTool('h2load', args, (totalSeconds + 20) * 1000);
}

function assertAllAnswered(output: string): void {
  const codes = /status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx/.exec(output);
  if (codes === null || Number(codes[1]) === 0 || [2, 3, 4].some((index) => Number(codes[index]) > 0)) {
    throw new Error(`not every request was answered with 200:\n${output.slice(-800)}`);
  }
}

/** As many requests as 50 connections carry, each of the next visitor in turn (wrk with a script; HTTP/1.1). */
export async function saturateAsMany(
  proxy: RunningProxy,
  visitors: readonly Visitor[],
  path: string,
  seconds: number,
  upstream: Upstream,
  folder: string,
): Promise<Cost> {
  const script = join(folder, `visitors-${proxy.port}.lua`);
  writeFileSync(script, visitorScript(proxy.port, visitors, path));
  const totalSeconds = Math.ceil(seconds + (settleMs + tailMs) / 1000);
  const args = ['-t', '1', '-c', '50', '-d', `${totalSeconds}s`, '-s', script, `https://localhost:${proxy.port}`];
  const run = runTool('wrk', args, (totalSeconds + 20) * 1000);
  const cost = await watch(proxy.pid, seconds * 1000, upstream);
  const output = await run;
  if (/Non-2xx|Socket errors/.test(output)) throw new Error(`not every request was answered with 200:\n${output}`);
  return cost;
}

function visitorScript(port: number, visitors: readonly Visitor[], path: string): string {
  const lines = browserHeaders.map((header) => `${header}\\r\\n`).join('');
  const requests = visitors.map(
    ({ host, cookie }) =>
      `"GET ${path} HTTP/1.1\\r\\nhost: ${host}:${port}\\r\\n${lines}cookie: ${cookie}\\r\\n\\r\\n"`,
  );
  return `local requests = {\n${requests.join(',\n')}\n}
local at = 0
request = function()
  at = at % #requests + 1
  return requests[at]
end
`;
}

/** Reads the proxy's processor time and the upstream's count at the same two moments: no handshake is in between. */
async function watch(pid: number, windowMs: number, upstream: Upstream): Promise<Cost> {
  await sleep(settleMs);
  const before = await reading(pid, upstream);
  await sleep(windowMs);
  const after = await reading(pid, upstream);
  const requests = after.requests - before.requests;
  return {
    requests,
    cpuMicrosecondsPerRequest: (after.cpu - before.cpu) / Math.max(1, requests),
    requestsPerSecond: requests / ((after.at - before.at) / 1000),
  };
}

async function reading(pid: number, upstream: Upstream): Promise<{ requests: number; cpu: number; at: number }> {
  const requests = await upstream.countRequests();
  return { requests, cpu: processorMicroseconds(pid), at: performance.now() };
}

export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) return NaN;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}

export function median(values: readonly number[]): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  if (sorted.length === 0) return NaN;
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
