import { once } from 'node:events';
import { request as httpsRequest } from 'node:https';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { WebSocket } from 'ws';
import { median, sleep } from './generators.ts';
import { factsOf, type Population, type RunningKnot, startKnot } from './knot.ts';
import type { Certificate } from './peers.ts';
import { freePort, stopServer } from './servers.ts';
import { everybodysPassword, signIn } from './sign-in.ts';
import { open } from './sockets.ts';

/**
 * What one act costs a gateway that many people use: processor time of the whole process, and the most that went into one turn of
 * its event loop, during which nobody is answered, in milliseconds. Acts are done by another process on the store where they can be, so that what is counted is the
 * hearing of them.
 */

const manyPeople: Population = {
  ...{ routes: 10_000, users: 10_000, sessions: 10_000, policies: 200 },
  password: everybodysPassword,
};
const openStreams = { pages: 500, sockets: 500 };
const fewTools: Population = { routes: 20, users: 600, sessions: 600, policies: 200 };
const manyRules: Population = { routes: 1, users: 1, sessions: 1, policies: 1_900 };

export type Cost = { act: string; cpuMs: number; pauseMs: number };

type Setting = { folder: string; upstreamPort: number; certificate: Certificate; checkout?: string };
type Reading = { cpuMs: number; pauseMs: number };
/** `begin`: what is told as the longest turn is counted from now on. */
type Read = (from?: 'begin') => Promise<Reading>;

const quietMs = 4_000;

export async function measurePopulation(setting: Setting, rounds: number): Promise<Cost[]> {
  return [
    ...(await measureGateway(setting, rounds)),
    ...(await measureShownTiles(setting)),
    ...(await measureExplanation(setting)),
  ];
}

async function measureGateway(setting: Setting, rounds: number): Promise<Cost[]> {
  const costs: Cost[] = [];
  const note = (cost: Cost): void => {
    costs.push(cost);
    console.log(`${cost.act}: CPU ${cost.cpuMs.toFixed(1)} ms, longest turn ${cost.pauseMs.toFixed(1)} ms`);
  };
  const { knot, read } = await startProbed(setting, manyPeople);
  const afterStart = await whenIdle(read);
  note({ act: 'start, until all is quiet', ...afterStart });

  const { facts } = await factsOf(knot.configFile, setting.checkout);
  const pages = await openPages(knot, openStreams.pages);
  const sockets = await openSockets(knot, openStreams.sockets);
  await whenIdle(read);

  /** Does it so many times, each on its own; what passes with all streams open and nothing asked is measured just before. */
  const measured = async (act: string, times: number, spaceMs: number, work: (n: number) => unknown): Promise<void> => {
    const each: Cost[] = [];
    for (let round = 0; round < rounds; round++) {
      const quiet = await read();
      const quietFrom = performance.now();
      await sleep(quietMs);
      const before = await read('begin');
      const startedAt = performance.now();
      const idle = (before.cpuMs - quiet.cpuMs) / (startedAt - quietFrom);
      for (let n = 0; n < times; n++) {
        await work(round * times + n);
        if (spaceMs === 0) continue;
        await sleep(spaceMs);
        await untilDone(read, idle);
      }
      const elapsed = performance.now() - startedAt;
      const after = await read();
      const cpuMs = Math.max(0, (after.cpuMs - before.cpuMs - idle * elapsed) / times);
      each.push({ act, cpuMs, pauseMs: after.pauseMs });
    }
    const of = (figure: 'cpuMs' | 'pauseMs') => median(each.map((cost) => cost[figure]));
    note({ act, cpuMs: of('cpuMs'), pauseMs: of('pauseMs') });
  };

  const { store, accounts } = facts;
  const by = { name: 'benchmark' };
  const someone = await accounts.findUserByName(knot.people[20]!);
  const toldMs = 700;
  await measured('nothing (what the measurement itself costs)', 8, toldMs, () => undefined);
  await measured('one route changes', 8, toldMs, async (n) => {
    const host = `tool-${9_000 + n}.localhost`;
    await store.transaction(async ({ db, announce }) => {
      const { record } = await db
        .selectFrom('routes')
        .select('record')
        .where('host', '=', host)
        .executeTakeFirstOrThrow();
      const changed = JSON.stringify({ ...(JSON.parse(record) as object), title: `Changed ${n}` });
      await db.updateTable('routes').set({ record: changed }).where('host', '=', host).execute();
      announce({ topic: 'routes', key: host });
    });
  });
  await measured('one person changes', 8, toldMs, (n) => accounts.setEmail(someone!.id, `new${n}@example.org`, by));
  await measured('one event to admins', 8, toldMs, () =>
    accounts.createLink({ kind: 'invitation', lifetimeSeconds: 3600 }, by),
  );
  await measured('one sign-in', 10, 100, (n) => signIn(knot, knot.people[5_000 + n]!));
  await measured('one policy reload, up to the last page that is told', 2, 3_000, (n) =>
    writeFileSync(
      join(knot.policies, 'bench-more.cedar'),
      `@id("more-${n}") forbid (principal, action, resource) when { principal.username == "nobody-more" };\n`,
    ),
  );
  const admin = knot.visitors[0]!.mainCookie!;
  for (const [act, ...paths] of pagesListed) {
    const path = await firstTaken(knot, paths, admin);
    await measured(act, 8, 0, () => ask(knot, path, admin));
  }
  for (const page of pages) page.destroy();
  for (const socket of sockets) socket.terminate();
  await facts.close();
  await stopServer(knot.child);
  return costs;
}

/** Each with the address that earlier checkouts have for it, where that is another one. */
const pagesListed: readonly [act: string, ...paths: string[]][] = [
  ['page of people, the first', '/users?limit=50'],
  ['page of people, the last', '/users?limit=50&page=200', '/users?limit=50&offset=9950'],
  ['page of people, searched', '/users?limit=50&q=visitorbc', '/users?limit=50&search=visitorbc'],
  ['page of the audit record', '/audit?limit=50'],
  ['page of own sessions', '/account/sessions'],
  ['tiles of 10,000 applications', '/tiles'],
];

/** Pages that show twenty tiles each, and ask for them when they are told to. */
async function measureShownTiles(setting: Setting): Promise<Cost[]> {
  const { knot, read } = await startProbed(setting, fewTools);
  const { facts } = await factsOf(knot.configFile, setting.checkout);
  const answers = { waited: [] as number[] };
  const pages = await openPages(knot, openStreams.pages, (index, isTitle) => {
    const startedAt = performance.now();
    // A new title comes with the message: the page asks nothing.
    if (isTitle) return void answers.waited.push(0);
    void ask(knot, '/tiles', knot.visitors[index]!.mainCookie!).then(
      () => void answers.waited.push(performance.now() - startedAt),
      () => undefined,
    );
  });
  for (let index = 0; index < pages.length; index++) await ask(knot, '/tiles', knot.visitors[index]!.mainCookie!);
  const costs: Cost[] = [];
  const measured = async (act: string, asking: number, work: () => unknown) => {
    await whenIdle(read);
    answers.waited = [];
    const before = await read('begin');
    await work();
    // The files are tried in another process first.
    const end = performance.now() + 60_000;
    while (answers.waited.length < asking && performance.now() < end) await sleep(250);
    const after = await whenIdle(read);
    const waited = answers.waited.length > 0 ? `, each waits ${median(answers.waited).toFixed(0)} ms` : '';
    const cost = { act: `${act}${waited}`, cpuMs: after.cpuMs - before.cpuMs, pauseMs: after.pauseMs };
    costs.push(cost);
    console.log(`${cost.act}: CPU ${cost.cpuMs.toFixed(1)} ms, longest turn ${cost.pauseMs.toFixed(1)} ms`);
  };
  await measured('500 pages with twenty tiles: nothing', 0, () => sleep(5_000));
  await measured('one title changes, and all 500 show it', pages.length, async () => {
    await facts.store.transaction(async ({ db, announce }) => {
      const host = 'tool-3.localhost';
      const found = await db.selectFrom('routes').select('record').where('host', '=', host).executeTakeFirstOrThrow();
      const changed = JSON.stringify({ ...(JSON.parse(found.record) as object), title: 'Changed' });
      await db.updateTable('routes').set({ record: changed }).where('host', '=', host).execute();
      announce({ topic: 'routes', key: host });
    });
  });
  await measured('the policies change, and all 500 ask', pages.length, () =>
    writeFileSync(
      join(knot.policies, 'bench-more.cedar'),
      '@id("more") forbid (principal, action, resource) when { principal.username == "nobody-more" };\n',
    ),
  );
  for (const page of pages) page.destroy();
  await facts.close();
  await stopServer(knot.child);
  return costs;
}

async function measureExplanation(setting: Setting): Promise<Cost[]> {
  const { knot, read } = await startProbed(setting, manyRules);
  await whenIdle(read);
  const admin = knot.visitors[0]!.mainCookie!;
  const costs: Cost[] = [];
  const { facts } = await factsOf(knot.configFile, setting.checkout);
  await facts.accounts.createUser(
    { username: 'zoe', email: 'zoe@example.org', state: 'active' },
    { name: 'benchmark' },
  );
  await facts.close();
  const question = { as: 'zoe', method: 'DELETE', url: `https://tool-0.localhost:${knot.port}/` };
  for (let round = 0; round < 3; round++) {
    const before = await read('begin');
    await ask(knot, '/policies/explanations', admin, question);
    const after = await read();
    costs.push({
      act: 'explanation against 1,900 rules',
      cpuMs: after.cpuMs - before.cpuMs,
      pauseMs: after.pauseMs,
    });
  }
  await stopServer(knot.child);
  return [costs.at(-1)!];
}

async function startProbed(setting: Setting, population: Population) {
  const probePort = await freePort();
  const { folder, upstreamPort, certificate, checkout } = setting;
  const knot = await startKnot({
    ...{ folder, upstreamPort, certificate, population },
    ...(checkout !== undefined && { checkout }),
    nodeArguments: ['--import', join(import.meta.dirname, 'probe.mjs')],
    environment: { KNOT_BENCH_PROBE: String(probePort) },
  });
  const read: Read = async (from) =>
    (await (await fetch(`http://127.0.0.1:${probePort}/${from ?? ''}`)).json()) as Reading;
  return { knot, read };
}

/** Waits until two seconds cost less than 5 % of a processor; what was spent since the start of the process. */
async function whenIdle(read: Read): Promise<Reading> {
  let last = await read();
  const end = performance.now() + 120_000;
  for (let quiet = 0; quiet < 2 && performance.now() < end;) {
    await sleep(1_000);
    const now = await read();
    quiet = now.cpuMs - last.cpuMs < 50 ? quiet + 1 : 0;
    last = now;
  }
  return last;
}

/** Waits until hardly more happens than when nothing is asked, however busy the machine is otherwise. */
async function untilDone(read: Read, idlePerMs: number): Promise<void> {
  let last = await read();
  for (let calm = 0; calm < 2;) {
    const startedAt = performance.now();
    await sleep(250);
    const now = await read();
    calm = now.cpuMs - last.cpuMs < idlePerMs * (performance.now() - startedAt) + 8 ? calm + 1 : 0;
    last = now;
  }
}

/** So many people look at the dashboard. */
async function openPages(
  knot: RunningKnot,
  count: number,
  onTiles?: (index: number, isTitle: boolean) => void,
): Promise<{ destroy(): void }[]> {
  return inBatches(count, async (index) => {
    const request = httpsRequest({
      ...{ host: '127.0.0.1', port: knot.port, servername: 'localhost', agent: false, rejectUnauthorized: false },
      path: '/api/v1/events',
      headers: { host: `localhost:${knot.port}`, cookie: knot.visitors[index]!.mainCookie! },
    });
    request.on('error', () => undefined).end();
    const [response] = (await once(request, 'response')) as [{ statusCode?: number } & NodeJS.ReadableStream];
    if (response.statusCode !== 200) throw new Error(`the event stream was answered with ${response.statusCode}`);
    response.on('data', (data: Buffer) => {
      const [about] = /\{"topic":"tiles"[^}]*\}/.exec(data.toString()) ?? [];
      if (onTiles && about !== undefined) onTiles(index, about.includes('"title"'));
    });
    return request;
  });
}

/** As many others have a WebSocket open, each to an application of their own. */
async function openSockets(knot: RunningKnot, count: number): Promise<WebSocket[]> {
  return inBatches(count, (index) => open({ ...knot, ...knot.visitors[1_000 + index]! }));
}

async function inBatches<T>(count: number, make: (index: number) => Promise<T>): Promise<T[]> {
  const made: T[] = [];
  while (made.length < count) {
    const batch = Array.from({ length: Math.min(25, count - made.length) }, (_, index) => make(made.length + index));
    made.push(...(await Promise.all(batch)));
  }
  return made;
}

/** The first of some addresses that is no mistake to this checkout. */
async function firstTaken(knot: RunningKnot, paths: readonly string[], cookie: string): Promise<string> {
  for (const path of paths.slice(0, -1)) {
    const isTaken = await ask(knot, path, cookie).then(
      () => true,
      () => false,
    );
    if (isTaken) return path;
  }
  const last = paths.at(-1)!;
  await ask(knot, last, cookie);
  return last;
}

async function ask(knot: RunningKnot, path: string, cookie: string, body?: object): Promise<void> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const request = httpsRequest({
    ...{ host: '127.0.0.1', port: knot.port, servername: 'localhost', agent: false, rejectUnauthorized: false },
    method: text === undefined ? 'GET' : 'POST',
    path: `/api/v1${path}`,
    headers: {
      host: `localhost:${knot.port}`,
      cookie,
      origin: `https://localhost:${knot.port}`,
      ...(text !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
    },
  });
  request.end(text);
  const [response] = (await once(request, 'response')) as [
    { statusCode?: number; resume(): void } & NodeJS.EventEmitter,
  ];
  if (response.statusCode !== 200) throw new Error(`${path} was answered with ${response.statusCode}`);
  response.resume();
  await once(response, 'end');
}

/** As a table in Markdown, with the figures of another checkout beside where they were taken. */
export function populationTable(now: readonly Cost[], before?: readonly Cost[]): string {
  const one = (cost: Cost | undefined): string =>
    cost === undefined ? '– | –' : `${cost.cpuMs.toFixed(1)} | ${cost.pauseMs.toFixed(1)}`;
  const heads =
    before === undefined
      ? ['CPU ms', 'longest turn ms']
      : ['CPU ms before', 'longest turn ms before', 'CPU ms', 'longest turn ms'];
  const lines = now.map((cost) => {
    const earlier = before?.find(({ act }) => act === cost.act);
    return `| ${cost.act} | ${before === undefined ? '' : `${one(earlier)} | `}${one(cost)} |`;
  });
  return [`|  | ${heads.join(' | ')} |`, `| --- | ${heads.map(() => '---:').join(' | ')} |`, ...lines].join('\n');
}
