/**
 * `npm run bench`: the gateway beside the proxies people use, on this machine, in one run. `--quick` takes two minutes,
 * `--only CASE[,CASE]` picks cases (`soak`, `population`, `files`, `services`, `registry`, `metrics`, `namespaces` and `cluster` only that way), `--rounds N`, `--size MIB` (of the layer of `registry`), `--json FILE`, `--strict` (exit status 1 when a bar is
 * missed). `--against FOLDER` compares with another checkout of the gateway instead of the peers; `--profile h1|h2` prints
 * where the gateway's time goes.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, tmpdir, totalmem } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Case, cases, type Figures, type Setting, type SubjectName } from './cases.ts';
import { makeCertificate } from './certificate.ts';
import { measureCluster } from './cluster/cluster.ts';
import { filesTable, measureFiles } from './files.ts';
import { hasHttp2Generator, hasWrk } from './generators.ts';
import {
  apartPopulation,
  largePopulation,
  peoplePopulation,
  type RunningKnot,
  startKnot,
  type Visitor,
} from './knot.ts';
import { installedPeers, type RunningProxy, startPeer } from './peers.ts';
import { measurePopulation, populationTable } from './population.ts';
import { profile } from './profile.ts';
import { measureHome } from './home.ts';
import { measureMetrics } from './metrics.ts';
import { measureNamespaces } from './namespaces.ts';
import { measureRegistry } from './registry.ts';
import { judge, type Result, tableOf, verdictLines } from './report.ts';
import { isPinned, killEverything, pinSelf, stopAll } from './servers.ts';
import { measureServices } from './services.ts';
import { soak } from './soak.ts';
import { startUpstream } from './upstream.ts';

const root = join(import.meta.dirname, '..', '..');
const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    strict: { type: 'boolean', default: false },
    profile: { type: 'string' },
    against: { type: 'string' },
    only: { type: 'string' },
    rounds: { type: 'string' },
    size: { type: 'string', default: '2048' },
    json: { type: 'string', default: join(root, '.cache', 'bench.json') },
  },
});
const wanted = options.only?.split(',');
const known = [
  ...cases.map(({ id }) => id),
  'soak',
  'population',
  'files',
  'services',
  'registry',
  'metrics',
  'home',
  'namespaces',
  'cluster',
];
const unknown = wanted?.find((id) => !known.includes(id));
if (unknown !== undefined) {
  console.error(`There is no case "${unknown}": ${known.join(', ')}.`);
  process.exit(2);
}
if ((!hasHttp2Generator || !hasWrk) && !['cluster', 'metrics', 'home'].includes(options.only ?? '')) {
  console.error('h2load and wrk are needed (Debian: nghttp2-client, wrk), nginx as the upstream.');
  process.exit(2);
}

process.on('exit', killEverything);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));
const folder = mkdtempSync(join(tmpdir(), 'knot-bench-'));
try {
  process.exitCode = await main();
} finally {
  await stopAll();
  rmSync(folder, { recursive: true, force: true });
}

async function main(): Promise<number> {
  const machine = describeMachine();
  console.log(machine.join('\n'));
  // Its programs run on every processor, as they would elsewhere.
  if (wanted?.includes('cluster')) {
    const figures = await measureCluster({ isQuick: options.quick }, Number(options.rounds ?? (options.quick ? 1 : 3)));
    console.log(`\ncluster\n${filesTable(figures)}`);
    console.log(`\nload of the machine at the end: ${loadavg()[0]!.toFixed(1)}`);
    if (wanted.length === 1) return options.strict && figures.some(({ isMet }) => isMet === false) ? 1 : 0;
  }

  if (wanted?.includes('metrics')) {
    const figures = measureMetrics({ isQuick: options.quick });
    console.log(`\nmetrics\n${filesTable(figures)}`);
    console.log(`\nload of the machine at the end: ${loadavg()[0]!.toFixed(1)}`);
    if (wanted.length === 1) return options.strict && figures.some(({ isMet }) => isMet === false) ? 1 : 0;
  }

  if (wanted?.includes('home')) {
    const figures = await measureHome({ isQuick: options.quick });
    console.log(`\nhome\n${filesTable(figures)}`);
    console.log(`\nload of the machine at the end: ${loadavg()[0]!.toFixed(1)}`);
    if (wanted.length === 1) return options.strict && figures.some(({ isMet }) => isMet === false) ? 1 : 0;
  }

  pinSelf();
  const peers = installedPeers();
  console.log(`peers: ${peers.map(({ name, version }) => `${name} ${version}`).join(', ')}`);
  if (options.quick) console.log('quick: one short round each, so expect figures to be off by a third');
  const upstream = await startUpstream(folder);
  const certificate = makeCertificate(folder);
  const setting: Setting = { upstream, folder, seconds: options.quick ? 0.6 : 3, isQuick: options.quick };

  let visitor: Visitor = { host: 'tool-0.localhost', cookie: '__Host-knot=none' };
  const started = new Map<string, Promise<RunningProxy>>();
  const subject = (name: SubjectName, kind: Case['upstream']): Promise<RunningProxy> => {
    const key = `${name} ${kind}`;
    let proxy = started.get(key);
    if (proxy === undefined) started.set(key, (proxy = start(name, kind)));
    return proxy;
  };
  async function start(name: SubjectName, kind: Case['upstream']): Promise<RunningProxy> {
    const upstreamPort = kind === 'files' ? upstream.filesPort : upstream.echoPort;
    const place = { folder, upstreamPort, certificate };
    if (name === 'knot') {
      const knot = await startKnot(place);
      visitor = { host: knot.host, cookie: knot.cookie };
      return knot;
    }
    if (name === 'knot-before') return startKnot({ ...place, checkout: resolve(options.against!) });
    if (name === 'knot-people') return startKnot({ ...place, population: peoplePopulation });
    if (name === 'knot-apart') return startKnot({ ...place, population: apartPopulation });
    if (name === 'knot-large') return startKnot({ ...place, population: largePopulation });
    return startPeer(name, place, visitor);
  }

  if (options.profile === 'h1' || options.profile === 'h2') {
    const copyTo = join(root, '.cache', `bench-${options.profile}.cpuprofile`);
    mkdirSync(dirname(copyTo), { recursive: true });
    console.log(await profile(options.profile, { folder, upstream, certificate, copyTo }));
    return 0;
  }
  if (wanted?.includes('soak')) {
    const gateways = { files: (await subject('knot', 'files')) as RunningKnot, echo: await subject('knot', 'echo') };
    const isFlat = await soak(gateways, { minutes: options.quick ? 1 : 10, folder, upstream });
    if (wanted.length === 1) return isFlat || !options.strict ? 0 : 1;
  }

  if (wanted?.includes('population')) {
    const setting = { folder, upstreamPort: upstream.echoPort, certificate };
    const rounds = Number(options.rounds ?? (options.quick ? 1 : 3));
    const before =
      options.against === undefined
        ? undefined
        : await measurePopulation({ ...setting, checkout: resolve(options.against) }, rounds);
    if (before !== undefined) console.log(`\npopulation, before\n${populationTable(before)}`);
    const now = await measurePopulation(setting, rounds);
    console.log(`\npopulation: what one act costs among 10,000 people\n${populationTable(now, before)}`);
    console.log(`\nload of the machine at the end: ${loadavg()[0]!.toFixed(1)}`);
    if (wanted.length === 1) return 0;
  }

  if (wanted?.includes('files')) {
    const setting = { folder, upstreamPort: upstream.echoPort, certificate, isQuick: options.quick };
    const figures = await measureFiles(setting, Number(options.rounds ?? (options.quick ? 1 : 3)));
    console.log(`\nfiles\n${filesTable(figures)}`);
    console.log(`\nload of the machine at the end: ${loadavg()[0]!.toFixed(1)}`);
    if (wanted.length === 1) return options.strict && figures.some(({ isMet }) => isMet === false) ? 1 : 0;
  }

  if (wanted?.includes('registry')) {
    const setting = { folder, certificate, isQuick: options.quick, mebibytes: Number(options.size) };
    const figures = await measureRegistry(setting, Number(options.rounds ?? (options.quick ? 1 : 3)));
    console.log(`\nregistry\n${filesTable(figures)}`);
    console.log(`\nload of the machine at the end: ${loadavg()[0]!.toFixed(1)}`);
    if (wanted.length === 1) return options.strict && figures.some(({ isMet }) => isMet === false) ? 1 : 0;
  }

  if (wanted?.includes('services')) {
    const setting = { folder, upstreamPort: upstream.filesPort, certificate, isQuick: options.quick };
    const figures = await measureServices(setting, Number(options.rounds ?? (options.quick ? 1 : 3)));
    console.log(`\nservices\n${filesTable(figures)}`);
    console.log(`\nload of the machine at the end: ${loadavg()[0]!.toFixed(1)}`);
    if (wanted.length === 1) return options.strict && figures.some(({ isMet }) => isMet === false) ? 1 : 0;
  }

  if (wanted?.includes('namespaces')) {
    const rounds = Number(options.rounds ?? (options.quick ? 3 : 9));
    const figures = await measureNamespaces({ folder, upstream, isQuick: options.quick }, rounds);
    console.log(`\nnamespaces\n${filesTable(figures)}`);
    console.log(`\nload of the machine at the end: ${loadavg()[0]!.toFixed(1)}`);
    if (wanted.length === 1) return options.strict && figures.some(({ isMet }) => isMet === false) ? 1 : 0;
  }

  const names = new Set<SubjectName>([
    'knot',
    'knot-large',
    'knot-apart',
    'knot-people',
    'knot-before',
    ...peers.map(({ name }) => name),
  ]);
  const results: Result[] = [];
  for (const one of cases.filter(({ id }) => wanted?.includes(id) ?? true)) {
    const everybody = options.quick ? (one.quickSubjects ?? one.subjects) : one.subjects;
    const subjects: readonly SubjectName[] = options.against === undefined ? everybody : ['knot', 'knot-before'];
    const present = subjects.filter((name) => names.has(name));
    const rounds = Math.min(Number(options.rounds ?? (options.quick ? 1 : 5)), one.mostRounds ?? Infinity);
    const result = await run(one, present, rounds, subject, setting);
    results.push(result);
    console.log(`\n${one.id}: ${one.title}\n${tableOf(one, result)}`);
  }

  const verdicts = judge(results);
  console.log(`\n${verdictLines(verdicts)}`);
  mkdirSync(dirname(options.json), { recursive: true });
  const facts = { at: new Date().toISOString(), isQuick: options.quick, machine, peers, results, verdicts };
  writeFileSync(options.json, `${JSON.stringify(facts, null, 2)}\n`);
  console.log(`\nload of the machine at the end: ${loadavg()[0]!.toFixed(1)}; figures of every round: ${options.json}`);
  const isBad =
    results.some(({ failure }) => failure !== undefined) || verdicts.some(({ isMet, isAim }) => !isMet && !isAim);
  return options.strict && isBad ? 1 : 0;
}

/** Every subject in turn, round after round, each round beginning with another one, so that a slow minute hits all alike. */
async function run(
  one: Case,
  names: readonly SubjectName[],
  rounds: number,
  subject: (name: SubjectName, kind: Case['upstream']) => Promise<RunningProxy>,
  setting: Setting,
): Promise<Result> {
  const all: Partial<Record<SubjectName, Figures[]>> = {};
  try {
    for (const name of names) {
      const proxy = await subject(name, one.upstream);
      all[name] = [];
      await untilListening(proxy);
      await one.warmUp?.(proxy, setting);
    }
    for (let round = 0; round < rounds; round++) {
      for (let turn = 0; turn < names.length; turn++) {
        const name = names[(round + turn) % names.length]!;
        all[name]!.push(await one.measure(await subject(name, one.upstream), setting));
      }
    }
    return { id: one.id, title: one.title, rounds: all };
  } catch (error) {
    return { id: one.id, title: one.title, rounds: all, failure: (error as Error).message };
  }
}

async function untilListening({ name, port }: RunningProxy): Promise<void> {
  const { connect } = await import('node:net');
  const end = Date.now() + 20_000;
  while (Date.now() < end) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
      setTimeout(() => socket.destroy(), 100);
    });
    if (isOpen) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const logFile = join(folder, `${name}-${port}.log`);
  throw new Error(`${name} does not listen: ${existsSync(logFile) ? readFileSync(logFile, 'utf8').slice(-500) : ''}`);
}

function describeMachine(): string[] {
  const gibibytes = (totalmem() / 1024 ** 3).toFixed(0);
  return [
    `machine: ${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, ${gibibytes} GiB, Linux ${release()}, Node ${process.version}`,
    isPinned
      ? 'pinning: load generators and upstreams on processor 0, the proxy that is measured on processor 1'
      : 'pinning: none (needs taskset and two processors)',
    `load of the machine at the start: ${loadavg()[0]!.toFixed(1)}`,
    'all on loopback; TLS with one ECDSA P-256 certificate; upstream plain HTTP/1.1 with keep-alive; one thread for every proxy',
    'knot: session, policy, header rules, signed identity, access log to a file and metrics on; peers: plain pass, no log',
  ];
}
