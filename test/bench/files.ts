import { once } from 'node:events';
import { closeSync, constants, linkSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { randomFillSync } from 'node:crypto';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { openAreas } from '../../gateway/files/walk/areas.ts';
import { walk } from '../../gateway/files/walk/held-folder.ts';
import { pathOfText } from '../../gateway/files/walk/names.ts';
import { silentLog } from '../../gateway/lib/index.ts';
import { median, sleep } from './generators.ts';
import { factsOf, type RunningKnot, startKnot } from './knot.ts';
import type { Certificate } from './peers.ts';
import { processorMicroseconds, residentKiB } from './process-facts.ts';
import { freePort, runTool, startServer } from './servers.ts';

/** What files cost: folders of 100,000 entries, large transfers beside nginx on the same disk, zip, the walk, the way of a change to a page. */

/** `bar` in words, when the design has one. */
export type FileFigure = { what: string; value: number; unit: string; bar?: string; isMet?: boolean };

type Setting = { folder: string; upstreamPort: number; certificate: Certificate; isQuick: boolean };
type Note = (figure: FileFigure) => void;

const manyEntries = 100_000;
const mebibyte = 1024 * 1024;
const { O_DIRECTORY, O_NOFOLLOW } = constants;

export async function measureFiles(setting: Setting, rounds: number): Promise<FileFigure[]> {
  const figures: FileFigure[] = [];
  const note: Note = (figure) => {
    figures.push(figure);
    const bar = figure.bar === undefined ? '' : `  (${figure.bar}: ${figure.isMet ? 'met' : 'MISSED'})`;
    console.log(`${figure.what}: ${shown(figure.value)} ${figure.unit}${bar}`);
  };
  const knot = await startKnot(setting);
  const { config, facts } = await factsOf(knot.configFile);
  const person = await facts.accounts.findUserByName(knot.people[0]!);
  await facts.close();
  const root = join(config.data, 'files', 'private', person!.id);
  mkdirSync(root, { recursive: true });
  measureWalk(setting.folder, note);
  await measureFolder(knot, root, rounds, note);
  await measureSearch(knot, rounds, note);
  await measureChange(knot, root, rounds, note);
  rmSync(join(root, 'many'), { recursive: true });
  await measureTransfers(setting, knot, root, rounds, note);
  return figures;
}

const shown = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toFixed(2));

/**
 * In this process, because a request is a thousand times as much: six components from a held folder; the same from an area, whose root is
 * looked up too; and six openings and closings with nothing else, which is what the system itself takes of it on this machine.
 */
function measureWalk(folder: string, note: Note): void {
  const areas = openAreas({ folder: join(folder, 'walk'), log: silentLog });
  const area = { kind: 'shared' } as const;
  mkdirSync(join(folder, 'walk/shared/a/b/c/d/e/f'), { recursive: true });
  const path = pathOfText('a/b/c/d/e/f');
  const root = areas.root(area);
  const ways: [string, () => void, most?: number][] = [
    ['walk of six components', () => walk(root, path).close(), 30],
    ['the same in an area, with its root', () => areas.folder(area, path).close()],
    ['six openings alone, by /proc/self/fd', () => openAlone(root.descriptor, 'abcdef')],
  ];
  const times = ways.map((): number[] => []);
  // In turns, so that all of them see the same machine.
  for (let round = 0; round < 12; round++)
    for (const [index, [, work]] of ways.entries()) {
      const startedAt = performance.now();
      for (let n = 0; n < 5_000; n++) work();
      if (round > 2) times[index]!.push((performance.now() - startedAt) / 5);
    }
  root.close();
  areas.close();
  for (const [index, [what, , most]] of ways.entries()) {
    const value = median(times[index]!);
    note({ what, value, unit: 'µs', ...(most && { bar: `≤ ${most}`, isMet: value <= most }) });
  }
}

function openAlone(descriptor: number, names: string): void {
  let here = descriptor;
  for (const name of names) {
    const next = openSync(`/proc/self/fd/${here}/${name}`, O_DIRECTORY | O_NOFOLLOW);
    if (here !== descriptor) closeSync(here);
    here = next;
  }
  closeSync(here);
}

async function measureFolder(knot: RunningKnot, root: string, rounds: number, note: Note): Promise<void> {
  mkdirSync(join(root, 'many'));
  for (let n = 0; n < manyEntries; n++) writeFileSync(join(root, 'many', `file-${n}.txt`), '');
  const page = (query: string) => ask(knot, `/files/private/many?limit=100${query}`);
  for (let n = 0; n < 5; n++) await page('');
  const before = residentKiB(knot.pid);
  const times: number[] = [];
  for (let n = 0; n < rounds * 10; n++) times.push((await page('')).ms);
  const first = median(times);
  note({ what: 'first page of 100,000 entries', value: first, unit: 'ms', bar: '≤ 150', isMet: first <= 150 });
  note({ what: 'the same, sorted by size', value: (await page('&sort=-size')).ms, unit: 'ms' });
  const grown = (residentKiB(knot.pid) - before) / 1024;
  note({ what: 'memory grown by that', value: grown, unit: 'MiB', bar: 'flat (≤ 64)', isMet: grown <= 64 });
}

async function measureSearch(knot: RunningKnot, rounds: number, note: Note): Promise<void> {
  for (const [what, query] of [
    ['search by name among 100,000', 'q=file-99999.'],
    ['search that finds nearly all', 'q=file'],
    ['usage of 100,000 as a picture', 'list=usage'],
  ] as const) {
    await ask(knot, `/files/private?${query}`);
    const before = residentKiB(knot.pid);
    const times: number[] = [];
    for (let n = 0; n < rounds * 2; n++) times.push((await ask(knot, `/files/private?${query}`)).ms);
    const grown = (residentKiB(knot.pid) - before) / 1024;
    note({ what, value: median(times), unit: 'ms' });
    note({ what: 'memory grown by that', value: grown, unit: 'MiB', bar: 'flat (≤ 64)', isMet: grown <= 64 });
    const cpuBefore = processorMicroseconds(knot.pid);
    const asked = Array.from({ length: 5 }, () => ask(knot, `/files/private?${query}`, { giveUpMs: 10 }));
    await Promise.allSettled(asked);
    await sleep(2_000);
    const spent = (processorMicroseconds(knot.pid) - cpuBefore) / 1000;
    note({ what: 'five of them given up after 10 ms: processor time', value: spent, unit: 'ms' });
  }
}

/** As a page does: listens, lists, is told and lists again. */
async function measureChange(knot: RunningKnot, root: string, rounds: number, note: Note): Promise<void> {
  mkdirSync(join(root, 'seen'));
  const stream = sendTo(knot, 'GET', '/events');
  const [response] = (await once(stream, 'response')) as [NodeJS.EventEmitter];
  let hear: (() => void) | undefined;
  response.on('data', (data: Buffer) => {
    if (data.toString().includes('"files"')) hear?.();
  });
  const times: number[] = [];
  for (let n = 0; n < rounds * 5; n++) {
    await ask(knot, '/files/private/seen');
    await sleep(1_500);
    const told = new Promise<void>((resolve) => (hear = resolve));
    const startedAt = performance.now();
    writeFileSync(join(root, 'seen', `new-${n}.txt`), 'x');
    await told;
    const { text } = await ask(knot, '/files/private/seen?limit=1000');
    if (!text.includes(`new-${n}.txt`)) throw new Error('the page was told before the file was there');
    times.push(performance.now() - startedAt);
  }
  stream.destroy();
  const most = Math.max(...times);
  note({ what: 'a change by a notebook is seen after (median)', value: median(times), unit: 'ms' });
  note({ what: 'at most', value: most, unit: 'ms', bar: '≤ 2,000', isMet: most <= 2_000 });
}

async function measureTransfers(setting: Setting, knot: RunningKnot, root: string, rounds: number, note: Note) {
  const bytes = (setting.isQuick ? 128 : 1024) * mebibyte;
  const big = join(root, 'big');
  fill(big, bytes);
  const nginx = await startNginx(setting, root);
  const cookie = knot.visitors[0]!.mainCookie!;
  const own = { port: knot.port, pid: knot.pid, path: '/api/v1/files/private', cookie };
  const its = { port: nginx.port, pid: nginx.pid, path: '', cookie: '' };
  for (const [what, file, target] of [
    ['down', undefined, '/big'],
    ['up', big, '/sent'],
  ] as const) {
    await transfer(own, target, bytes, file);
    await transfer(its, target, bytes, file);
    const ratios: number[] = [];
    const speeds: number[] = [];
    const grown: number[] = [];
    for (let n = 0; n < rounds; n++) {
      const mine = await transfer(own, target, bytes, file);
      const other = await transfer(its, target, bytes, file);
      ratios.push(mine.perSecond / other.perSecond);
      speeds.push(mine.perSecond);
      grown.push(mine.grownMiB);
    }
    const [ratio, most] = [median(ratios), Math.max(...grown)];
    note({ what: `${bytes / mebibyte} MiB ${what}`, value: median(speeds), unit: 'MiB/s' });
    note({ what: 'beside nginx', value: ratio, unit: '×', bar: '≥ 0.6', isMet: ratio >= 0.6 });
    note({ what: 'memory grown by that', value: most, unit: 'MiB', bar: 'flat (≤ 64)', isMet: most <= 64 });
  }
  mkdirSync(join(root, 'packed'));
  for (let n = 0; n < 4; n++) linkSync(big, join(root, 'packed', `part-${n}`));
  const zipped = () => transfer(own, '/packed?zip=store', bytes * 4, undefined);
  await zipped();
  const all: Transferred[] = [];
  for (let n = 0; n < rounds; n++) all.push(await zipped());
  const speed = (median(all.map(({ perSecond }) => perSecond)) * mebibyte) / 1e6;
  const most = Math.max(...all.map(({ grownMiB }) => grownMiB));
  note({ what: 'zip, stored', value: speed, unit: 'MB/s', bar: '≥ 200', isMet: speed >= 200 });
  note({ what: 'memory grown by that', value: most, unit: 'MiB', bar: 'flat (≤ 64)', isMet: most <= 64 });
}

function fill(file: string, bytes: number): void {
  const block = Buffer.alloc(16 * mebibyte);
  const descriptor = openSync(file, 'w');
  for (let written = 0; written < bytes; written += block.length) writeSync(descriptor, randomFillSync(block));
  closeSync(descriptor);
}

/** Serves and takes files on the same disk, with TLS and one process. */
async function startNginx({ folder, certificate }: Setting, root: string): Promise<{ port: number; pid: number }> {
  const port = await freePort();
  const base = join(folder, `nginx-files-${port}`);
  mkdirSync(`${base}-body`);
  const temporary = ['proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${base}-${kind};`).join(' ');
  writeFileSync(
    `${base}.conf`,
    `daemon off; ${process.getuid?.() === 0 ? 'user root;' : ''} worker_processes 1; pid ${base}.pid;
events { worker_connections 1024; }
http {
  access_log off; ${temporary} client_body_temp_path ${base}-body; client_max_body_size 0;
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${certificate.cert}; ssl_certificate_key ${certificate.key};
    ssl_protocols TLSv1.3;
    root ${root}; sendfile on; dav_methods PUT;
  }
}
`,
  );
  const child = startServer('/usr/sbin/nginx', ['-c', `${base}.conf`, '-e', `${base}.log`, '-p', folder], {
    isProxy: true,
    logFile: `${base}.out`,
  });
  await sleep(500);
  return { port, pid: child.pid! };
}

type Server = { port: number; pid: number; path: string; cookie: string };
type Transferred = { perSecond: number; grownMiB: number };

/** One body with curl over one connection; `file` is sent when given. */
async function transfer(server: Server, target: string, bytes: number, file: string | undefined): Promise<Transferred> {
  const { port, pid, path, cookie } = server;
  const origin = `https://localhost:${port}`;
  const args = [
    ...['--silent', '--show-error', '--fail', '--insecure', '--http1.1', '--output', '/dev/null'],
    ...['--write-out', '%{http_code} %{size_download} %{size_upload} %{time_total}'],
    ...['--connect-to', `::127.0.0.1:${port}`, '-H', `cookie: ${cookie}`, '-H', `origin: ${origin}`, '-H', 'expect:'],
    ...(file === undefined ? [] : ['-T', file]),
    `${origin}${path}${target}`,
  ];
  const before = residentKiB(pid);
  let most = before;
  const sampler = setInterval(() => (most = Math.max(most, residentKiB(pid))), 50);
  try {
    const output = (await runTool('curl', args, 300_000)).trim().split(' ').map(Number);
    const [status = 0, down = 0, up = 0, seconds = 0] = output;
    if (status < 200 || status > 204 || Math.max(down, up) < bytes)
      throw new Error(`the transfer broke: ${output.join(' ')}`);
    return { perSecond: bytes / mebibyte / seconds, grownMiB: (most - before) / 1024 };
  } finally {
    clearInterval(sampler);
  }
}

function sendTo(knot: RunningKnot, method: string, path: string) {
  const origin = `https://localhost:${knot.port}`;
  const cookie = knot.visitors[0]!.mainCookie!;
  const request = httpsRequest({
    ...{ host: '127.0.0.1', port: knot.port, servername: 'localhost', agent: false, rejectUnauthorized: false },
    ...{ method, path: `/api/v1${path}`, headers: { host: `localhost:${knot.port}`, cookie, origin } },
  });
  request.on('error', () => undefined);
  request.end();
  return request;
}

async function ask(knot: RunningKnot, path: string, { giveUpMs }: { giveUpMs?: number } = {}) {
  const startedAt = performance.now();
  const request = sendTo(knot, 'GET', path);
  if (giveUpMs !== undefined) {
    await sleep(giveUpMs);
    request.destroy();
    return { text: '', ms: giveUpMs };
  }
  const [response] = (await once(request, 'response')) as [NodeJS.EventEmitter & { statusCode?: number }];
  let text = '';
  response.on('data', (data: Buffer) => (text += String(data)));
  await once(response, 'end');
  if (response.statusCode !== 200) throw new Error(`${path} was answered with ${response.statusCode}: ${text}`);
  return { text, ms: performance.now() - startedAt };
}

/** As a table in Markdown. */
export function filesTable(figures: readonly FileFigure[]): string {
  const lines = figures.map(
    ({ what, value, unit, bar, isMet }) =>
      `| ${what} | ${shown(value)} ${unit} | ${bar ?? ''} | ${isMet === undefined ? '' : isMet ? 'met' : 'missed'} |`,
  );
  return ['| what | figure | bar |  |', '| --- | ---: | --- | --- |', ...lines].join('\n');
}
