import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashSecret, newId, newSecret, silentLog, systemClock } from '../../gateway/lib/index.ts';
import { openGroups } from '../../gateway/process/index.ts';
import type { Usage } from '../../gateway/services/index.ts';
import { createServiceMetrics } from '../../gateway/services/metrics/metrics.ts';
import type { FileFigure } from './files.ts';
import { median, sleep } from './generators.ts';
import { factsOf, type RunningKnot, startKnot } from './knot.ts';
import type { Certificate } from './peers.ts';
import { ownMicroseconds } from './process-facts.ts';
import { freePort, pinUpstreamsOf } from './servers.ts';
import { measureWaking } from './waking.ts';

/** What services cost the gateway: beginning one, a request to it, having two hundred. */

type Setting = { folder: string; upstreamPort: number; certificate: Certificate; isQuick: boolean };
type Note = (figure: FileFigure) => void;

const many = 200;
const small = 'x'.repeat(1024);
const serve = join(import.meta.dirname, '../../charts/templates/web/serve.mjs');

export async function measureServices(setting: Setting, rounds: number): Promise<FileFigure[]> {
  const figures: FileFigure[] = [];
  const note: Note = (figure) => {
    figures.push(figure);
    const bar = figure.bar === undefined ? '' : `  (${figure.bar}: ${figure.isMet ? 'met' : 'MISSED'})`;
    console.log(`${figure.what}: ${figure.value.toFixed(2)} ${figure.unit}${bar}`);
  };
  const twin = await startTwin(setting.folder);
  const knot = await startKnot({ ...setting, upstreamPort: twin.port });
  const ids = await measureLaunch(knot, rounds, note);
  pinUpstreamsOf(knot.pid);
  const visitor = await measureRequest(knot, ids[0]!, { rounds, isQuick: setting.isQuick }, note);
  const stateOf = async () => (JSON.parse(await call(knot, 'GET', `/services/${ids[0]}`)) as { state: string }).state;
  note(await measureWaking(knot, { id: ids[0]!, agent, stateOf, ...visitor }, rounds * 3));
  await measureMany(knot, rounds, setting.isQuick, note);
  await measureSamples(setting.folder, rounds, note);
  await twin.stop();
  return figures;
}

/** From the record to the first answer, by the gateway's own times, beside the same program alone. */
async function measureLaunch(knot: RunningKnot, rounds: number, note: Note): Promise<string[]> {
  const alone: number[] = [];
  for (let round = 0; round < rounds * 3; round++) alone.push(await startAlone());
  const begun: number[] = [];
  const ids: string[] = [];
  for (let round = 0; round < rounds * 3; round++) {
    const values = { folder: '/files/private' };
    const launched = await call(knot, 'POST', '/services', { template: 'web', name: `web-${round}`, values });
    const { id } = (JSON.parse(launched) as { service: { id: string } }).service;
    ids.push(id);
    const times = await timesUntil(knot, id, 'ready');
    begun.push(times.get('ready')! - times.get('requested')!);
    // The first stays for what comes; of the others the machine would soon have no room for the next.
    if (round === 0) continue;
    await call(knot, 'POST', `/services/${id}/stop`);
    await timesUntil(knot, id, 'stopped');
  }
  const value = median(begun) - median(alone);
  note({ what: 'the program alone, to its first answer', value: median(alone), unit: 'ms' });
  note({ what: 'launch without the start of the program', value, unit: 'ms', bar: '≤ 300', isMet: value <= 300 });
  return ids;
}

/** When a service first was in each state, ms since 1970 (events come newest first), as soon as it has been in this one. */
async function timesUntil(knot: RunningKnot, id: string, state: string): Promise<Map<string, number>> {
  for (;;) {
    const { events } = JSON.parse(await call(knot, 'GET', `/services/${id}/events`)) as {
      events: { at: number; state: string }[];
    };
    const times = new Map(events.map((event) => [event.state, event.at]));
    if (times.has('failed')) throw new Error(await call(knot, 'GET', `/services/${id}`));
    if (times.has(state)) return times;
    await sleep(20);
  }
}

async function startAlone(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'knot-alone-'));
  const startedAt = performance.now();
  const { stop } = await serveAlone(serve, folder, { socketPath: join(folder, 's') });
  const ms = performance.now() - startedAt;
  await stop();
  rmSync(folder, { recursive: true });
  return ms;
}

/** The program of `web` without Knot; resolves when it answers. */
async function serveAlone(program: string, folder: string, where: { socketPath: string } | { port: number }) {
  const listens = 'port' in where ? where.port : where.socketPath;
  const child = spawn(process.execPath, [program, `--socket=${listens}`, `--folder=${folder}`], { stdio: 'ignore' });
  for (;;) {
    const isThere = await new Promise<boolean>((resolve) => {
      const asked = request({ ...where, host: '127.0.0.1', path: '/', agent: false });
      asked.on('response', (response) => resolve(response.resume() !== undefined)).on('error', () => resolve(false));
      asked.end();
    });
    if (isThere) break;
    await sleep(5);
  }
  return {
    async stop() {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

/** The program of `web` that differs in nothing but where it listens. */
async function startTwin(within: string) {
  const folder = join(within, 'twin');
  mkdirSync(folder);
  writeFileSync(join(folder, 'small.txt'), small);
  const listens = 'server.listen(values.socket)';
  const source = readFileSync(serve, 'utf8');
  if (!source.includes(listens)) throw new Error(`${serve} does not say ${listens}`);
  const program = join(within, 'twin.mjs');
  writeFileSync(program, source.replace(listens, "server.listen(Number(values.socket), '127.0.0.1')"));
  const port = await freePort();
  return { port, ...(await serveAlone(program, folder, { port })) };
}

/**
 * One request after the other over a connection that stays, in turns: to a service on its socket, and to an application on loopback whose
 * program is the same. Processor time is the gateway's alone.
 */
async function measureRequest(
  knot: RunningKnot,
  id: string,
  { rounds, isQuick }: { rounds: number; isQuick: boolean },
  note: Note,
): Promise<{ host: string; cookie: string }> {
  const { config, facts } = await factsOf(knot.configFile);
  const person = (await facts.accounts.findUserByName(knot.people[0]!))!;
  const root = join(config.data, 'files', 'private', person.id);
  writeFileSync(join(root, 'small.txt'), small);
  const service = new URL((JSON.parse(await call(knot, 'GET', `/services/${id}`)) as { url: string }).url).hostname;
  const { session } = (await facts.sessions.start({ user: person, device: 'bench', address: '127.0.0.1' }))!;
  const binding = hashSecret(newSecret());
  const code = await facts.sessions.issueCode(session, { host: service, binding, next: '/' });
  const visit = { host: service, bindings: [binding], isInUse: () => false, device: 'bench', address: '127.0.0.1' };
  const redeemed = await facts.sessions.redeemCode(code, visit);
  if (redeemed === undefined || !('secret' in redeemed)) throw new Error('the visitor is not let in');
  await facts.close();
  const { host, cookie } = knot.visitors[0]!;
  const ways = [
    { host: service, cookie: `__Host-knot=${String(redeemed.secret)}`, path: '/small.txt' },
    { host, cookie, path: '/small.txt' },
  ];
  const times = ways.map((): number[] => []);
  // Short turns, so that what else the machine does meets both alike.
  const requests = 100;
  // What is thrown away: connections are opened, and code is compiled until thousands of requests have gone by.
  const warmUps = isQuick ? 4 : 40;
  for (let turn = 0; turn < rounds * 30 + warmUps; turn++)
    for (const [index, way] of ways.entries()) {
      const before = ownMicroseconds(knot.pid);
      for (let n = 0; n < requests; n++) await visitOnce(knot, way);
      if (turn >= warmUps) times[index]!.push((ownMicroseconds(knot.pid) - before) / requests);
    }
  const [socket, loopback] = times.map(median) as [number, number];
  note({ what: 'request to a service over its socket, CPU of the gateway', value: socket, unit: 'µs' });
  note({ what: 'the same to an application on loopback', value: loopback, unit: 'µs' });
  const value = median(times[0]!.map((each, turn) => each / times[1]![turn]!));
  note({ what: 'the one in parts of the other', value, unit: '×', bar: '≤ 1.05', isMet: value <= 1.05 });
  return ways[0]!;
}

function visitOnce(knot: RunningKnot, { host, cookie, path }: { host: string; cookie: string; path: string }) {
  return new Promise<void>((resolve, reject) => {
    const asked = httpsRequest({
      ...{ agent, path, host: '127.0.0.1', port: knot.port, servername: host },
      headers: { host: `${host}:${knot.port}`, cookie },
    });
    asked.on('response', (response) => {
      if (response.statusCode !== 200) reject(new Error(`${host}${path} was answered with ${response.statusCode}`));
      response.resume().on('end', () => resolve());
    });
    asked.on('error', reject).end();
  });
}

/** Two hundred services that are listed; stopped, because it is the list that is measured. */
async function measureMany(knot: RunningKnot, rounds: number, isQuick: boolean, note: Note): Promise<void> {
  const { facts } = await factsOf(knot.configFile);
  const row = await facts.store.db.selectFrom('services').selectAll().executeTakeFirstOrThrow();
  for (let n = 0; n < many; n++)
    await facts.store.db
      .insertInto('services')
      .values({ ...row, id: newId(), name: `more-${n}`, label: `more-${n}-x`, wish: 'stopped', state: 'stopped' })
      .execute();
  await facts.close();
  await call(knot, 'GET', '/services');
  const times: number[] = [];
  for (let round = 0; round < rounds * 5; round++) {
    const startedAt = performance.now();
    await call(knot, 'GET', '/services');
    times.push(performance.now() - startedAt);
  }
  const value = median(times);
  note({ what: `list of ${many} services`, value, unit: 'ms', bar: '≤ 100', isMet: value <= 100 });
  // What the lists left behind is cleared away first; then there are two of the looks that come every half minute.
  await sleep(isQuick ? 0 : 10_000);
  const before = ownMicroseconds(knot.pid);
  const restMs = isQuick ? 10_000 : 60_000;
  await sleep(restMs);
  const share = (ownMicroseconds(knot.pid) - before) / (restMs * 1000);
  note({
    what: 'the gateway with them, left alone',
    value: share * 100,
    unit: '% of a core',
    bar: '≤ 1',
    isMet: share <= 0.01,
  });
}

/** Samples of as many as run, in this process: groups of their own, and the files that are written. */
async function measureSamples(folder: string, rounds: number, note: Note): Promise<void> {
  const groups = await openGroups({ stateFolder: join(folder, 'groups'), log: silentLog });
  if (groups === undefined) return;
  const all = await Promise.all(
    Array.from({ length: many }, (_, n) => groups.make(`s${n}`, { cpu: 1, memory: 1e9, processes: 100 })),
  );
  let now = systemClock.now();
  const metrics = createServiceMetrics({
    engine: {
      usages: async () => new Map(all.map((group, n): [string, Usage] => [`s${n}`, group.usage()!])),
    },
    folder: join(folder, 'metrics'),
    book: { add: () => undefined, write: async () => undefined },
    clock: { now: () => (now += 15_000) },
    log: silentLog,
  });
  await metrics.sample();
  const before = process.cpuUsage();
  for (let round = 0; round < rounds * 5; round++) await metrics.sample();
  const { user, system } = process.cpuUsage(before);
  const share = (user + system) / (rounds * 5) / 15_000_000;
  note({
    what: `samples of ${many} that run`,
    value: share * 100,
    unit: '% of a core',
    bar: '≤ 1',
    isMet: share <= 0.01,
  });
  await groups.close();
}

const agent = new Agent({ keepAlive: true, rejectUnauthorized: false });

function call(knot: RunningKnot, method: string, path: string, body?: unknown): Promise<string> {
  const origin = `https://localhost:${knot.port}`;
  return new Promise((resolve, reject) => {
    const asked = httpsRequest({
      ...{ agent, method, host: '127.0.0.1', port: knot.port, path: `/api/v1${path}`, servername: 'localhost' },
      headers: {
        ...{ host: `localhost:${knot.port}`, origin, 'sec-fetch-site': 'same-origin' },
        cookie: knot.visitors[0]!.mainCookie ?? '',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
    });
    asked.on('response', async (response) => {
      const text = (await response.toArray()).join('');
      if ((response.statusCode ?? 500) < 300) resolve(text);
      else reject(new Error(`${path} was answered with ${response.statusCode}: ${text}`));
    });
    asked.on('error', reject).end(body === undefined ? undefined : JSON.stringify(body));
  });
}
