import { once } from 'node:events';
import { mkdirSync, readFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { request } from 'undici';
import type { Health } from '../../gateway/api/contract.ts';
import { dayMs, silentLog, systemClock } from '../../gateway/lib/index.ts';
import { createRoutes } from '../../gateway/routes/index.ts';
import { openStore, readSetting } from '../../gateway/store/index.ts';
import { metric } from '../attacks/house.ts';
import { openRequest } from '../guests/house.ts';
import { eventually } from '../support/eventually.ts';
import { startEcho } from '../support/net/echo.ts';
import { openRaw, readAnswer } from '../support/net/raw-client.ts';
import { caOf, startGateway } from '../support/process/gateway.ts';
import { openPeople, password } from '../support/process/people.ts';
import type { Person } from '../support/process/person.ts';

/** Lines of `app.ts` and `app/` that hand what one part tells to another: each of these tests fails without one of them. */

const echo = await startEcho();
t.teardown(() => echo.close());
const config = {
  apps: [{ name: 'echo', upstream: echo.address, probe: '/' }],
  trustedProxies: ['127.0.0.1/32'],
  limits: { drainDelayMs: 2_000 },
};
const { gateway, ann, person, stranger } = await openPeople(t, { config, others: ['bob'] });
const bob = await person('bob');
const origin = `https://echo.localhost:${gateway.port}`;

const isOpen = async () => (await metric(gateway, 'knot_live_streams')) > 0;
const isCut = async () => (await metric(gateway, 'knot_live_streams')) === 0;
/** What one person shares with another: larger than what lies in buffers, so that whoever stops reading keeps it open. */
const bigFile = '/api/v1/files/private/open/big.bin';

async function share(): Promise<string> {
  const body = { area: 'private', path: 'open', with: 'user:bob', right: 'view' };
  return (await ann.api('POST', '/shares', body)).json<{ share: { id: string } }>().share.id;
}

t.test('files of somebody', async (t) => {
  const { user } = (await ann.api('GET', '/me')).json<{ user: { id: string } }>();
  t.match((await ann.api('POST', '/files/private/open?op=mkdir', {})).status, 201);
  const headers = { origin: gateway.origin, 'content-type': 'application/octet-stream' };
  t.equal((await ann.request('PUT', bigFile, { headers, body: 'x' })).status, 201);
  truncateSync(join(gateway.data, 'files/private', user.id, 'open/big.bin'), 64 * 1024 * 1024);
});

t.test('a template among the files of a person is in the catalogue for them, and for nobody else', async (t) => {
  const { user } = (await ann.api('GET', '/me')).json<{ user: { id: string } }>();
  const folder = join(gateway.data, 'files/private', user.id, 'services/greeter');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'Chart.yaml'), 'apiVersion: v2\nname: greeter\nversion: 1.0.0\ndescription: Greets.\n');
  writeFileSync(
    join(folder, 'process.yaml'),
    'command: ["{node}", "{template}/x", "{socket}"]\nlisten: {socket: true}\n',
  );
  const seen = async (who: Person) => (await who.api('GET', '/templates/user:ann/greeter')).status;
  t.equal(await seen(ann), 200);
  t.equal(await seen(bob), 404);
});

t.test('what children of the gateway read above them is not the package of Knot', async (t) => {
  t.match(JSON.parse(readFileSync(join(gateway.data, 'package.json'), 'utf8')), { type: 'commonjs' });
});

t.test('each request is counted, and has a line in the log', async (t) => {
  await ann.visit(`${origin}/`);
  await ann.request('GET', `${origin}/counted`, { headers: { 'x-forwarded-for': '203.0.113.9' } });
  const metrics = await (await request(`${gateway.ops}/metrics`)).body.text();
  t.match(metrics, /^knot_requests_total\{route="echo",status_class="2xx",verdict="allow"\} [1-9]/m);
  t.match(metrics, /^knot_sessions [1-9]/m);
  t.match(await gateway.line(/"path":"\/counted"/), /"route":"echo".*"address":"203\.0\.113\.9"/);
});

t.test('the listener of operators takes no line that is not HTTP, though Node would', async (t) => {
  const line = connect(Number(new URL(gateway.ops).port), '127.0.0.1');
  t.teardown(() => line.destroy());
  line.end('GET /metrics RTSP/1.0\r\nHost: localhost\r\n\r\n');
  t.notMatch(await text(line), 'knot_requests_total');
});

t.test('the authority of its certificate is there for whoever is to trust it', async (t) => {
  t.equal((await stranger().request('GET', '/ca.pem')).text, caOf(gateway));
});

t.test('every part tells how it is', async (t) => {
  const { components } = (await ann.api('GET', '/health')).json<Health>();
  t.strictSame(
    components.map(({ name }) => name),
    ['store', 'policies', 'certificate', 'files', 'service-isolation', 'app:echo', 'node'],
  );
});

t.test('commands on the same machine are told where it answers, and why it is not started anew', async (t) => {
  t.match((await gateway.knot(['status'])).stdout, `Knot answers at ${gateway.origin}`);
  const file = join(gateway.policies, '../knot.yaml');
  const good = readFileSync(file, 'utf8');
  // A command reads the configuration; what it names the gateway looks at.
  writeFileSync(file, `${good}tls: { cert: gone.crt, key: gone.key }\n`);
  const refused = await gateway.knot(['restart']);
  writeFileSync(file, good);
  t.equal(refused.status, 1);
  t.match(refused.stderr, /goes on as it was: .*gone\.(crt|key) cannot be read/);
});

t.test('a token that is revoked takes the download with it that was begun with it', async (t) => {
  const made = await ann.api('POST', '/tokens', { name: 'ci', scopes: ['files:read'] });
  const { secret, token } = made.json<{ secret: string; token: { id: string } }>();
  const program = stranger();
  const download = openRequest(gateway, program, bigFile, { authorization: `Bearer ${secret}` }, 'GET');
  download.end();
  await download.begun;
  await eventually('it is open', isOpen);
  t.equal((await ann.api('DELETE', `/tokens/${token.id}`)).status, 204);
  await eventually('it is cut', isCut);
  download.cut();
});

t.test('a share that is revoked takes the download with it that was begun by it', async (t) => {
  const id = await share();
  const download = openRequest(gateway, bob, '/api/v1/files/user:ann/open/big.bin', {}, 'GET');
  download.end();
  await download.begun;
  await eventually('it is open', isOpen);
  t.equal((await ann.api('DELETE', `/shares/${id}`)).status, 200);
  await eventually('it is cut', isCut);
  download.cut();
});

t.test('what takes the place of what is shared is not shared', async (t) => {
  const { user } = (await ann.api('GET', '/me')).json<{ user: { id: string } }>();
  const shared = join(gateway.data, 'files/private', user.id, 'shared');
  mkdirSync(shared);
  writeFileSync(join(shared, 'f'), 'shared');
  const body = { area: 'private', path: 'shared', with: 'user:bob', right: 'view' };
  t.equal((await ann.api('POST', '/shares', body)).status, 201);
  const ask = () => bob.request('GET', '/api/v1/files/user:ann/shared/f');
  t.equal((await ask()).text, 'shared');
  renameSync(shared, `${shared}-before`);
  mkdirSync(shared);
  writeFileSync(join(shared, 'f'), 'not for bob');
  const answer = await eventually('it is seen', async () => {
    const now = await ask();
    return now.status === 200 && now.text === 'shared' ? undefined : now;
  });
  t.match(answer, { status: 403, text: /KNOT_API_DENIED/ });
});

t.test('a code that is shown by two browsers ends what the first one opened with it', async () => {
  const first = stranger();
  await first.signIn('ann', password);
  const navigation = { headers: { accept: 'text/html', 'sec-fetch-mode': 'navigate' } };
  let at = `${origin}/deep`;
  while (!at.includes('/.knot/callback')) {
    const answer = await first.request('GET', at, navigation);
    at = new URL(String(answer.headers['location']), at).href;
  }
  const binding = first.cookies('echo.localhost');
  await first.request('GET', at, navigation);
  const socket = first.socket(`${origin.replace('https', 'wss')}/socket`, { headers: { origin } });
  let isClosed = false;
  socket.on('close', () => (isClosed = true));
  await once(socket, 'open');
  const thief = stranger();
  thief.setCookies('echo.localhost', binding);
  await thief.request('GET', at, navigation);
  await eventually('it is cut', () => isClosed);
});

t.test('no route leads to the listener of metrics', async (t) => {
  const store = await openStore({ url: `sqlite:${join(gateway.data, 'knot.db')}`, clock: systemClock, log: silentLog });
  t.teardown(() => store.close());
  const routes = await createRoutes({ store, clock: systemClock, log: silentLog });
  t.teardown(() => routes.close());
  const route = routes.find('echo.localhost')!;
  const port = Number(new URL(gateway.ops).port);
  await routes.put({ ...route, name: 'own', host: 'own.localhost', upstream: { ...route.upstream, port } });
  const answer = await eventually('the route is there', () =>
    ann.visit(`https://own.localhost:${gateway.port}/metrics`).catch(() => undefined),
  );
  t.equal(answer.status, 502);
  t.notMatch(answer.text, 'knot_requests_total');
  await routes.remove('own.localhost');
});

t.test('before a gateway ends it is not ready, and says so on every connection', async (t) => {
  await share();
  const line = await openRaw({ port: gateway.port, ca: caOf(gateway) });
  const ask = async () => {
    line.write(`GET /readyz HTTP/1.1\r\nHost: localhost:${gateway.port}\r\n\r\n`);
    return readAnswer(line);
  };
  const before = (await ask()).bytes;
  t.match(before, /^HTTP\/1\.1 200 /);
  t.notMatch(before, /^connection: close/im);
  const ended = gateway.signal('SIGTERM');
  await eventually('it is not ready', async () => (await request(`${gateway.ops}/readyz`)).statusCode === 503);
  const after = (await ask()).bytes;
  t.match(after, /^HTTP\/1\.1 503 /);
  t.match(after, /^connection: close/im);
  line.destroy();
  t.equal(await ended, 0);
});

t.test('what was shared is so after a start, and policies that were checked are not checked again', async (t) => {
  const before = await openStore({
    url: `sqlite:${join(gateway.data, 'knot.db')}`,
    clock: systemClock,
    log: silentLog,
  });
  // Older than the configuration lets them be, and not as old as it would let them be by itself.
  await before.db
    .updateTable('signing_keys')
    .set({ created_at: Date.now() - 8 * dayMs })
    .execute();
  await before.close();
  const again = await startGateway({
    config: {
      ...config,
      integrations: { jupyterhub: { mode: 'off' } },
      listen: `127.0.0.1:${gateway.port}`,
      limits: { drainDelayMs: 0 },
      oidc: { keyRotationDays: 7 },
      sessions: { idleSeconds: 600, absoluteSeconds: 1200 },
    },
    data: gateway.data,
  });
  t.teardown(() => again.stop());
  const { keys } = (await ann.request('GET', '/.well-known/jwks.json')).json<{ keys: object[] }>();
  t.equal(keys.length, 4, 'the two that sign, and the two that will');
  t.equal((await bob.request('HEAD', '/api/v1/files/user:ann/open/big.bin')).status, 200);
  const store = await openStore({ url: `sqlite:${join(again.data, 'knot.db')}`, clock: systemClock, log: silentLog });
  t.ok(await readSetting(store.db, 'policy.verified'));
  // Sign-ins last as the configuration says, not as one by default does.
  await stranger().signIn('ann', password);
  const rows = store.db.selectFrom('sessions').select(['started_at', 'expires_at']).orderBy('started_at', 'desc');
  const { started_at, expires_at } = await rows.executeTakeFirstOrThrow();
  t.equal(expires_at - started_at, 1200 * 1000);
  await store.close();
});
