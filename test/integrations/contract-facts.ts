import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Test } from 'tap';
import { describeIntegration, integrationNames, openIntegrations } from '../../gateway/app/integrations.ts';
import { createWatch } from '../../gateway/app/watch.ts';
import { type Config, loadConfig, parseListen, publicAddress } from '../../gateway/config/index.ts';
import type { Integration, ToolOwner } from '../../gateway/integrations/index.ts';
import { KnotError, type Principal, silentLog, systemClock } from '../../gateway/lib/index.ts';
import { createProbe } from '../../gateway/proxy/upstream/probe.ts';
import { resourceAt } from '../../gateway/routes/resource.ts';
import { normalRoute } from '../../gateway/routes/route.ts';
import { caFileIn } from '../../gateway/tls/index.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/net/free-port.ts';
import { selfSignedPair } from '../support/net/self-signed.ts';
import { startStandIn } from '../support/net/stand-in.ts';
import { administratorsSecret, toolRows, toolSettings } from './tool-rows.ts';

const ann: Principal = {
  ...{ id: 'id-ann', username: 'ann', email: 'ann@example.org', isAdmin: false, state: 'active', version: 1 },
  ...{ groups: ['knot:user:ann'], teams: [] },
} as Principal;
const owner: ToolOwner = {
  ...{ kind: 'user', id: 'id-ann', name: 'ann', title: 'ann', email: 'ann@example.org', isPaused: false },
};

/** Every tool as the configuration opens it, each at this address. None is started. */
async function openTools(
  t: Pick<Test, 'teardown'>,
  folder: string,
  upstream: string,
  { timeoutMs, behindMs = 0 }: { timeoutMs?: number; behindMs?: number } = {},
) {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'knot.yaml');
  const settings = toolSettings(folder, () => upstream);
  const data = join(folder, 'data');
  writeFileSync(file, JSON.stringify({ domain: 'knot.example.org', data, engine: 'kubernetes', ...settings }));
  const { config } = loadConfig({ config: file }, {});
  const address = publicAddress(config, parseListen(config.listen).port);
  const tools = await openIntegrations(config, {
    publicAddress: address,
    caFile: caFileIn(config.data),
    ownCaPem: undefined,
    metricsCookieOf: async () => 'knot-metrics=grant',
    cluster: {
      requestToken: () => Promise.resolve({ token: 'of-the-account', lifeMs: 600_000 }),
      sampleNamespace: () => Promise.resolve('knot-ann'),
    } as never,
    supervisor: { endEarlierRun: async () => undefined } as never,
    listenAddress: { host: '127.0.0.1', port: 443 },
    timeoutMs,
    clock: { ...systemClock, now: () => systemClock.now() - behindMs },
    log: silentLog,
  });
  t.teardown(() => Promise.all(tools.map((tool) => tool.stop())));
  return { config, address, tools };
}

/** What each says of itself, and what is said of each that is down, slow, failing or somebody else. */
export async function describeOpenedTools(t: Test, folder: string): Promise<void> {
  const opened = await openTools(t, join(folder, 'opened'), `http://127.0.0.1:${await freePort()}`);
  t.strictSame(
    [opened.tools, integrationNames(opened.config), toolRows].map((list) => list.map(({ name }) => name)),
    [0, 1, 2].map(() => toolRows.map(({ name }) => name)),
    'the list of them is that of the configuration',
  );
  for (const tool of opened.tools)
    await t.test(tool.name, (t) => describeOpened(t, tool, opened as Pick<typeof opened, 'config' | 'address'>));
  await t.test('each that is older than Knot was made for says so, to who asks it and on its tile', (t) =>
    describeOlder(t, folder),
  );
  await t.test('each that cannot be used says why, in plain words', (t) => describeFaults(t, folder));
  await t.test('each is stopped though it was never started, and twice', async (t) => {
    const stopped = (tool: Integration) => tool.stop().then(() => tool.stop());
    await t.resolves(Promise.all(opened.tools.map(stopped)));
  });
}

async function describeOpened(
  t: Test,
  tool: Integration,
  { config, address }: { config: Config; address: ReturnType<typeof publicAddress> },
): Promise<void> {
  const { name, title, url, route, client } = tool;
  const host = `${name}.knot.example.org`;
  const origin = `https://${host}:${new URL(address.origin).port}`;

  t.equal(route.host, host, 'it is at its name below the domain');
  t.equal(route.name, name);
  t.equal(route.kind, 'integration');
  t.equal(new URL(url).origin, origin);
  t.equal(new URL(tool.urlOf?.('ann') ?? url).origin, origin);
  t.ok(title.length > 0);
  t.strictSame(normalRoute(normalRoute(route)), normalRoute(route), 'its route is one that is stored');
  const resource = resourceAt(normalRoute(route), '/', '');
  t.equal(resource.attributes.name, name, 'the rules speak of it by its name');

  if (client !== undefined) {
    t.ok(client.secret.length >= 32, 'its secret is made by Knot');
    t.equal(client.clientId, name);
    for (const uri of client.redirectUris) t.ok(uri.startsWith(`${origin}/`), uri);
    for (const uri of client.postLogoutRedirectUris) t.ok([origin, address.origin].includes(new URL(uri).origin), uri);
  }

  const { ownSignIn = [], withheld, identityFields } = normalRoute(route).switches;
  // What the facts say the contract tries on the gateway: "a sign-in of its own counts for nobody else".
  const { cookie: expected } = toolRows.find((row) => row.name === name)!;
  t.strictSame(tool.ownSessions, expected ? [{ cookie: expected.name, ends: expected.is }] : []);
  for (const { cookie, ends } of tool.ownSessions) {
    t.equal(ownSignIn.includes(cookie), ends === 'tied', `${cookie} is tied to our session`);
    t.equal(withheld?.cookies.includes(cookie) ?? false, ends === 'withheld', `${cookie} goes neither way`);
  }
  const given = (await tool.credentials?.(ann, resource, { isProgram: true })) ?? [];
  for (let index = 0; index < given.length; index += 2) {
    const field = given[index]!;
    t.equal(field, field.toLowerCase());
    const cookie = field === 'cookie' ? given[index + 1]!.split('=')[0]! : undefined;
    const isKept = cookie === undefined ? withheld?.headers.includes(field) : withheld?.cookies.includes(cookie);
    t.ok(isKept, `nobody but Knot sends ${cookie ?? field}`);
  }
  for (const field of Object.values(identityFields ?? {})) t.ok(withheld?.headers.includes(field), field);

  t.match(tool.tile(), { status: /unknown|unwatched/ }, 'nobody knows how it is before it was asked');
  t.ok(tool.probePath?.startsWith('/'));
  t.equal(tool.isManaged, undefined);

  const settings = tool.settings();
  t.equal(settings, describeIntegration(config, name), 'a command prints what the gateway says');
  t.notMatch(settings, administratorsSecret, 'and no secret that is not shared with it');
  t.ok(settings.length > 40, settings);
  if (client !== undefined) t.match(settings, client.secret);
}

/** Every tool at this address, and asked from time to time as a gateway does. */
async function watchTools(t: Test, folder: string, upstream: string, patienceMs: number, behindMs?: number) {
  const { config, address, tools } = await openTools(t, folder, upstream, {
    timeoutMs: patienceMs,
    ...(behindMs !== undefined && { behindMs }),
  });
  const watch = createWatch({ log: silentLog, pace: { answeringMs: 60_000, otherwiseMs: 60_000, firstMs: 1 } });
  t.teardown(() => watch.close());
  const watched = tools.map(watch.follow);
  watch.start(
    createProbe({
      publicAddress: address,
      limits: { ...config.limits, firstByteMs: patienceMs },
      guard: { ownPorts: () => [] },
    }),
  );
  return { tools, watched };
}

async function describeOlder(t: Test, folder: string): Promise<void> {
  const version = { version: '1.2.3' };
  const old = await startStandIn({
    says: {
      '/hub/api': version,
      '/api/v1/version': version,
      '/api/v2.0/systeminfo': { harbor_version: 'v1.2.3-0a1b2c3d' },
      '/api/health': version,
    },
  });
  t.teardown(() => old.close());
  const { tools, watched } = await watchTools(t, join(folder, 'older'), old.url, 20_000, 90_000);
  const says = {
    message: /^It is [\w ]+ 1\.2\.3, and Knot was made for \d+\.\d+ and later\./,
    remedy: /upgrades .* to \d/,
  };
  for (const tool of tools) {
    const { checked } = toolRows.find(({ name }) => name === tool.name)!;
    const seen = watched.find(({ name }) => name === tool.name)!;
    if (checked) t.match(await tool.older!(), says, tool.name);
    else t.equal(tool.older, undefined, tool.name);
    await eventually(
      `${tool.name} was asked`,
      () => seen.tile().status === 'ready' && (!checked || seen.tile().remedy),
    );
    if (!checked) {
      t.equal(seen.tile().remedy, undefined, tool.name);
      continue;
    }
    t.match(seen.tile(), { status: 'ready', ...says }, tool.name);
    t.match(seen.health()[0], { name: tool.name, status: 'warning', ...says });
    // Whether Argo's differ is asked of one that asks who one is: argo-check.test.ts.
    if (tool.name === 'argo') continue;
    const clock = (await tool.check!()).find(({ name }) => name === 'clock');
    t.match(clock, { status: 'failed', message: /(89|9\d) s ahead of that of Knot/, remedy: /NTP/ }, tool.name);
  }
}

type Fault = {
  name: string;
  upstream: string;
  patienceMs: number;
  /** What its tile says to everybody. */
  tile: { status: string; message: RegExp; remedy: RegExp };
  /** What is said where Knot asks it something for somebody. */
  message: RegExp;
};

async function describeFaults(t: Test, folder: string): Promise<void> {
  const sockets = new Set<Socket>();
  async function at(server: Server, scheme = 'http', host = '127.0.0.1'): Promise<string> {
    server.on('connection', (socket) => void sockets.add(socket)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.teardown(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return `${scheme}://${host}:${(server.address() as AddressInfo).port}`;
  }
  const away = /cannot be reached or does not answer|answers \d+|could not be stopped/;
  const failing = await startStandIn({ failing: 'pq: password of db at 10.0.0.3' });
  t.teardown(() => failing.close());
  const another = createTlsServer(selfSignedPair(), (_request, response) => response.end('{}'));
  const patienceMs = 20_000;
  const faults: Fault[] = [
    {
      ...{ name: 'down', patienceMs },
      upstream: `http://127.0.0.1:${await freePort()}`,
      tile: { status: 'unreachable', message: /does not answer at the moment/, remedy: /Try again/ },
      message: away,
    },
    {
      ...{ name: 'slow', patienceMs: 300 },
      upstream: await at(createTcpServer(() => undefined)),
      tile: { status: 'unreachable', message: /took too long to answer/, remedy: /Try again/ },
      message: away,
    },
    {
      ...{ name: 'failing', patienceMs },
      upstream: failing.url,
      tile: { status: 'failed', message: /answers with an error \(500\)/, remedy: /tell an administrator/ },
      message: away,
    },
    {
      ...{ name: 'another', patienceMs },
      upstream: await at(another, 'https', 'localhost'),
      tile: { status: 'failed', message: /could not prove that it is the right one/, remedy: /An administrator/ },
      message: /could not prove that it is the right one/,
    },
  ];
  await Promise.all(faults.map((fault) => t.test(fault.name, (t) => describeFault(t, fault, folder))));
}

async function describeFault(
  t: Test,
  { name, upstream, patienceMs, tile, message }: Fault,
  folder: string,
): Promise<void> {
  const { tools, watched } = await watchTools(t, join(folder, name), upstream, patienceMs);
  const isPlain = (text: string, of: string) => {
    t.notMatch(text, /127\.0\.0\.1|10\.0\.0\.3|localhost:|ECONN|CERT|undici|Timeout/, `${of}: nothing of its inside`);
  };

  const asked = tools.map(async (tool) => {
    const failures = await Promise.all([
      ...(tool.provide ? [failureOf(() => tool.provide!(owner))] : []),
      ...(tool.workflows ? [failureOf(() => tool.workflows!.list('knot-ann', 1))] : []),
      ...(tool.registry ? [failureOf(() => tool.registry!.imagesOf('ann'))] : []),
      ...(tool.runsFor ? [failureOf(() => tool.runsFor!('ann'))] : []),
    ]);
    for (const failure of failures) {
      t.match(failure, { message, remedy: /\w/ }, `${tool.name}: ${String(failure)}`);
      isPlain(`${failure.message} ${failure.remedy}`, tool.name);
    }
    const findings = (await tool.check?.()) ?? [];
    if (!tool.check) return;
    const wrong = findings.filter(({ status }) => status === 'failed');
    t.ok(wrong.length > 0 && wrong.every(({ remedy }) => remedy !== undefined), `${tool.name} is checked`);
    t.match(wrong[0]!.message, message, tool.name);
    isPlain(JSON.stringify(findings), tool.name);
  });
  for (const tool of watched) {
    await eventually(`${tool.name} was asked`, () => tool.tile().status !== 'unknown');
    t.match(tool.tile(), tile, tool.name);
    isPlain(JSON.stringify(tool.tile()), tool.name);
    t.match(tool.health(), [{ name: tool.name, status: 'failed', remedy: /\w/ }]);
  }
  await Promise.all(asked);
}

async function failureOf(work: () => Promise<unknown>): Promise<KnotError> {
  try {
    throw new Error(`it was answered: ${JSON.stringify(await work())}`);
  } catch (error) {
    if (error instanceof KnotError) return error;
    throw error;
  }
}
