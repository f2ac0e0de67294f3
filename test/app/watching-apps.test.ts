import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { Health, Tile, Tiles } from '../../gateway/api/contract.ts';
import { eventually } from '../support/eventually.ts';
import { openRaw } from '../support/net/raw-client.ts';
import { caOf } from '../support/process/gateway.ts';
import { openPeople } from '../support/process/people.ts';
import { selfSignedPair } from '../support/net/self-signed.ts';

/** What Home and Health say of applications and of a hub that run elsewhere, on a running gateway. */

const folder = mkdtempSync(join(tmpdir(), 'knot-watch-'));
const servers: Server[] = [];
const seen: { name: string; request: IncomingMessage }[] = [];

async function listen(server: Server, port = 0): Promise<number> {
  servers.push(server);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

const app = (name: string, answer: RequestListener): Server =>
  createServer((request, response) => {
    seen.push({ name, request });
    answer(request, response);
  });

const status =
  (code: number, headers: Record<string, string> = {}): RequestListener =>
  (_request, response) =>
    response.writeHead(code, headers).end('x');

const pair = selfSignedPair();
const closed = createTcpServer();
const downPort = await listen(closed);
closed.close();
await once(closed, 'close');

const upstreams: Record<string, { port: number; more?: object }> = {
  up: { port: await listen(app('up', status(200))) },
  gated: { port: await listen(app('gated', status(401))) },
  refusing: { port: await listen(app('refusing', status(403))) },
  moved: { port: await listen(app('moved', status(302, { location: 'http://127.0.0.1:1/' }))) },
  bare: { port: await listen(app('bare', status(404))) },
  broken: { port: await listen(app('broken', status(503))) },
  long: { port: await listen(app('long', (_request, response) => void response.writeHead(200).write('never ends'))) },
  pathed: {
    port: await listen(
      app('pathed', (request, response) => void response.writeHead(request.url === '/alive?x=1' ? 200 : 500).end()),
    ),
    more: { probe: '/alive?x=1' },
  },
  down: { port: downPort },
  silent: { port: await listen(createTcpServer(() => undefined)) },
  garbage: { port: await listen(createTcpServer((socket) => socket.end('SSH-2.0-x\r\n'))) },
  unwatched: { port: await listen(app('unwatched', status(200))), more: { probe: false } },
};
const tlsPort = await listen(createTlsServer(pair, status(200)));
writeFileSync(join(folder, 'ca.pem'), pair.cert);
/** By https, with a certificate of an authority that nobody else knows. */
const hub = createTlsServer(pair, (request, response) => {
  seen.push({ name: 'hub', request });
  if (request.url !== '/hub/api') return void response.writeHead(request.url === '/hub/health' ? 200 : 500).end();
  response.writeHead(200, { 'content-type': 'application/json' }).end('{"version":"5.4.0"}');
});
const hubPort = await listen(hub);

t.teardown(() => {
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true, force: true });
});
const { gateway, ann, person } = await openPeople(t, {
  others: ['bob'],
  config: {
    integrations: {
      jupyterhub: { mode: 'external', upstream: `https://localhost:${hubPort}`, ca: join(folder, 'ca.pem') },
    },
    apps: [
      ...Object.entries(upstreams).map(([name, { port, more }]) => ({
        name,
        title: name.toUpperCase(),
        upstream: `http://127.0.0.1:${port}`,
        probe: true,
        ...more,
      })),
      { name: 'untrusted', upstream: `https://localhost:${tlsPort}`, probe: true },
      { name: 'trusted', upstream: `https://localhost:${tlsPort}`, ca: join(folder, 'ca.pem'), probe: true },
      { name: 'lost', upstream: 'http://no-such-host.invalid:80', probe: true },
    ],
  },
});

async function tiles(): Promise<Record<string, Tile['status']>> {
  const answer = (await ann.api('GET', '/tiles')).json<Tiles>();
  return Object.fromEntries(answer.tiles.map((tile) => [tile.name, tile.status]));
}

t.test('each application is what it is: only what answers is ready', async (t) => {
  await eventually('everything was asked', async () =>
    Object.values(await tiles()).every((tile) => tile.status !== 'unknown'),
  );
  const states = Object.fromEntries(Object.entries(await tiles()).map(([name, tile]) => [name, tile.status]));
  t.same(states, {
    jupyterhub: 'ready',
    up: 'ready',
    gated: 'ready',
    refusing: 'ready',
    moved: 'ready',
    bare: 'ready',
    broken: 'failed',
    long: 'ready',
    pathed: 'ready',
    down: 'unreachable',
    silent: 'unreachable',
    garbage: 'failed',
    unwatched: 'unwatched',
    untrusted: 'failed',
    trusted: 'ready',
    lost: 'unreachable',
  });
  t.match((await tiles())['broken'], { message: /503/ });
  t.match((await tiles())['silent'], { message: /too long/ });
  t.match((await tiles())['untrusted'], { message: /could not prove/ });
});

t.test('whoever opens what does not work is told what is known of it', async (t) => {
  const page = await ann.visit(`https://garbage.localhost:${gateway.port}/`);
  t.equal(page.status, 502);
  t.match(page.text, /GARBAGE does not work at the moment/);
  t.ok(page.text.includes((await tiles())['garbage']!.message), 'in the words of its tile');
});

t.test('health says the same, and why; what nobody watches is not counted', async (t) => {
  const { components } = (await ann.api('GET', '/health')).json<Health>();
  const of = (name: string) => components.find((component) => component.name === `app:${name}`);
  t.match(of('up'), { title: 'UP', status: 'ok' });
  t.match(of('down'), { status: 'failed', message: /ECONNREFUSED/, remedy: /probe: false/ });
  t.match(of('broken'), { status: 'failed', message: /503/ });
  t.equal(of('unwatched'), undefined);
  t.match(
    components.find(({ name }) => name === 'jupyterhub'),
    { status: 'ok' },
  );
});

t.test('a hub elsewhere is known by the authority that is named for it, to commands as well', async (t) => {
  const { status, stdout } = await gateway.knot(['integrations', 'check', 'jupyterhub']);
  t.match(stdout, /ok +answers: JupyterHub 5\.4\.0 answers\./);
  t.match(stdout, /WRONG +sign-in: Notebooks cannot be reached or does not answer/);
  t.equal(status, 1);
});

t.test('no address of the inside is told, to nobody who may not administer why', async (t) => {
  const bob = await person('bob');
  const text = (await bob.api('GET', '/tiles')).text;
  t.match(text, /unreachable/);
  t.notMatch(text, /127\.0\.0\.1|169\.254|no-such-host|ECONN|ENOTFOUND|knot\.yaml/);
  t.equal((await bob.api('GET', '/health')).status, 403);
});

t.test('a probe is nobody: it carries no identity, no cookie, and asks the host that people ask', async (t) => {
  const probe = seen.find(({ name }) => name === 'up')!.request;
  t.match(probe, { method: 'GET', url: '/' });
  t.equal(probe.headers.host, `up.localhost:${gateway.port}`);
  t.match(probe.headers['user-agent'], /Knot/);
  t.same(
    Object.keys(probe.headers).filter((name) => /^(cookie|authorization|x-knot)/.test(name)),
    [],
  );
  t.equal(
    seen.some(({ name }) => name === 'unwatched'),
    false,
  );
  t.match(seen.find(({ name }) => name === 'pathed')!.request.url, '/alive?x=1');
});

t.test('what comes back is seen by itself, and pages are told', async () => {
  const page = await openRaw({ port: gateway.port, ca: caOf(gateway) });
  let told = '';
  page.on('data', (bytes: Buffer) => (told += bytes.toString()));
  const cookie = `Cookie: __Host-knot=${ann.cookies('localhost').get('__Host-knot')}`;
  page.write(`GET /api/v1/events HTTP/1.1\r\nHost: localhost:${gateway.port}\r\n${cookie}\r\n\r\n`);
  await eventually('it listens', () => told.includes('text/event-stream'));
  const back = app('down', status(200));
  await listen(back, downPort);
  await eventually('it is ready', async () => (await tiles())['down']?.status === 'ready');
  await gateway.line(/answers again/);
  await eventually('it was told', () => told.includes('"topic":"tiles","id":"down"'));
  page.destroy();
});
