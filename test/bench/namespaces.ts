import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import type { FileFigure } from './files.ts';
import { type Cost, median, saturate, sleep } from './generators.ts';
import { type Facts, routeNames } from './namespaces-gateway.ts';
import { startServer, stopServer } from './servers.ts';
import type { Upstream } from './upstream.ts';

/** What it costs that an address leads into somebody's namespace, and that a request carries a credential of the gateway. */

const path = '/api/v1/workflows/knot-ann/first';
const most = 1.05;

type Name = (typeof routeNames)[number];

/** Processor time of the gateway for a request to each of three routes, in turns, round after round. Under two minutes. */
export async function measureNamespaces(
  { folder, upstream, isQuick }: { folder: string; upstream: Upstream; isQuick: boolean },
  rounds: number,
): Promise<FileFigure[]> {
  const body = join(folder, 'files', path);
  mkdirSync(dirname(body), { recursive: true });
  writeFileSync(body, randomBytes(1024));
  const file = join(folder, 'namespaces.json');
  const script = join(import.meta.dirname, 'namespaces-gateway.ts');
  const child = startServer(process.execPath, [script, String(upstream.filesPort), file], {
    isProxy: true,
    logFile: join(folder, 'namespaces.log'),
  });
  const facts = (): Facts => JSON.parse(readFileSync(file, 'utf8')) as Facts;
  for (let waited = 0; !existsSync(file); waited += 100) {
    if (waited > 60_000) throw new Error(readFileSync(join(folder, 'namespaces.log'), 'utf8').slice(-1000));
    await sleep(100);
  }
  const { port, cookies } = facts();
  const measure = (name: Name, seconds: number): Promise<Cost> => {
    const proxy = { name: 'knot', port, pid: child.pid!, host: `${name}.localhost`, cookie: cookies[name]! } as const;
    return saturate({ proxy, path, protocol: 'h1', connections: 50, streams: 1, seconds }, upstream);
  };
  // Until its code is compiled.
  for (const name of routeNames) await measure(name, isQuick ? 1 : 4);
  const costs: Record<Name, number[]> = { plain: [], spaced: [], told: [] };
  const askedBefore = facts().asked;
  let requests = 0;
  const startedAt = performance.now();
  for (let round = 0; round < rounds; round++)
    for (let turn = 0; turn < routeNames.length; turn++) {
      const name = routeNames[(round + turn) % routeNames.length]!;
      const cost = await measure(name, isQuick ? 1 : 2);
      costs[name].push(cost.cpuMicrosecondsPerRequest);
      if (name === 'told') requests += cost.requests;
    }
  const minutes = (performance.now() - startedAt) / 60_000;
  const asked = facts().asked - askedBefore;
  await stopServer(child);
  const ratio = (name: Name): number => median(costs[name].map((cost, round) => cost / costs.plain[round]!));
  const isRare = asked <= Math.ceil(minutes) + 1;
  return [
    { what: 'a request to a plain route', value: median(costs.plain), unit: 'µs CPU' },
    {
      what: 'into a namespace ÷ to a plain route',
      value: ratio('spaced'),
      unit: '',
      bar: `≤ ${most}`,
      isMet: ratio('spaced') <= most,
    },
    { what: 'the same with a credential of the gateway ÷ to a plain route', value: ratio('told'), unit: '' },
    {
      what: `questions for a credential, for ${requests} requests in ${minutes.toFixed(1)} minutes`,
      value: asked,
      unit: '',
      bar: 'one a minute',
      isMet: isRare,
    },
  ];
}
