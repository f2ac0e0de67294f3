import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { decodeJwt } from 'jose';
import t from 'tap';
import { parse } from 'yaml';
import { openHouse } from '../attacks/house.ts';
import { startByteRecorder } from '../support/net/byte-recorder.ts';
import { runKnot } from '../support/process/gateway.ts';
import { sendHttp2, sendRaw } from '../support/net/raw-client.ts';
import { eventually } from '../support/eventually.ts';

/** Every switch of a route, set in the configuration of a real gateway. */
const open = await startByteRecorder();
t.teardown(() => open.close());
const switches = {
  methods: ['PROPFIND'],
  encodedSlash: true,
  doubleSlash: true,
  pathParameters: true,
  publicPaths: ['/hooks/', '/status'],
  ownedPaths: ['/user/'],
  crossOrigins: ['https://friend.example', 'https://spa.localhost:8443'],
  groups: ['knot:team:b3', 'knot-admins', 'knot:team:nobody'],
};
const house = await openHouse(t, {
  apps: [{ name: 'open', upstream: `http://127.0.0.1:${open.port}`, ...switches }],
  limits: { identityBytes: 1_024 },
});
const { gateway, raw, ann } = house;
const cookie = await house.cookieOf(ann, 'open.localhost');
const host = `open.localhost:${gateway.port}`;
const send = (line: string, fields = '', own = `Cookie: ${cookie}\r\n`) =>
  sendRaw(raw, `${line} HTTP/1.1\r\nHost: ${host}\r\n${own}${fields}Connection: close\r\n\r\n`);
const nobody = '';

t.beforeEach(() => open.reset());

t.test('paths, methods and oddities pass where the configuration says so, and nowhere else', async (t) => {
  for (const line of ['GET /a%2fb', 'GET /a//b', 'GET /a;b', 'PROPFIND /x']) {
    t.equal((await send(line, `Origin: https://${host}\r\n`)).status, 200, line);
    const strict = await house.send(`${line} HTTP/1.1\r\nHost: HOST\r\nCookie: COOKIE\r\nOrigin: ORIGIN\r\n\r\n`);
    t.ok(strict.status >= 400, `${line} by default: ${strict.status}`);
  }
});

t.test('public paths pass as nobody, without a session', async (t) => {
  for (const [path, status] of [
    ['/hooks/x?y', 200],
    ['/hooks/', 200],
    ['/status', 200],
    ['/hooks', 401],
    ['/hooksx', 401],
    ['/status/x', 401],
    ['/Status', 401],
    ['/x', 401],
  ] as const) {
    t.equal((await send(`GET ${path}`, '', nobody)).status, status, path);
  }
  t.notMatch(open.bytes(), /x-knot-/i);
});

t.test('pages of listed origins may ask and change things; their preflights reach the application', async (t) => {
  const preflight = (from: string, fields = 'Access-Control-Request-Method: PUT\r\n') =>
    send('OPTIONS /x', `Origin: ${from}\r\n${fields}`, nobody);
  for (const origin of switches.crossOrigins) {
    t.equal((await preflight(origin)).status, 200, `preflight of ${origin}`);
    const site = `Origin: ${origin}\r\nSec-Fetch-Site: same-site\r\nContent-Length: 0\r\n`;
    t.equal((await send('POST /x', site)).status, 200, `POST of ${origin}`);
    const refused = await send('POST /x', site, nobody);
    t.equal(refused.status, 401);
    t.strictSame(refused.headers.get('access-control-allow-origin'), [origin], 'the page can read why');
    t.strictSame(refused.headers.get('access-control-allow-credentials'), ['true']);
    t.match(refused.headers.get('vary')?.join(), /origin/i);
  }
  open.reset();
  t.equal((await preflight(switches.crossOrigins[0]!, '')).status, 401, 'OPTIONS that is no preflight');
  for (const origin of ['https://evil.example', 'https://friend.example.evil', 'http://friend.example', 'null']) {
    const refused = await preflight(origin);
    t.equal(refused.status, 401, `preflight of ${origin}`);
    t.notOk(refused.headers.has('access-control-allow-origin'));
    t.equal((await send('POST /x', `Origin: ${origin}\r\nContent-Length: 0\r\n`)).status, 403, `POST of ${origin}`);
  }
  t.equal(open.requests.length, 0);
});

t.test('nothing but a preflight passes as one: it carries no credentials and no content (Fetch)', async (t) => {
  open.reset();
  const asks = 'Access-Control-Request-Method: PUT\r\n';
  const own = switches.crossOrigins[0]!;
  for (const [what, fields, body] of [
    ['content', `${asks}Content-Length: 3\r\n`, 'abc'],
    ['content in chunks', `${asks}Transfer-Encoding: chunked\r\n`, '3\r\nabc\r\n0\r\n\r\n'],
    ['a cookie of the application', `${asks}Cookie: session=stolen\r\n`, ''],
    ['a cookie that is no session', `${asks}Cookie: __Host-knot=${'x'.repeat(43)}\r\n`, ''],
    ['credentials', `${asks}Authorization: Basic YTpi\r\n`, ''],
    ['two methods', `${asks}${asks}`, ''],
    ['no method', 'Access-Control-Request-Method:\r\n', ''],
    ['no method at all', 'Access-Control-Request-Method: a b\r\n', ''],
  ] as const) {
    const line = `OPTIONS /x HTTP/1.1\r\nHost: ${host}\r\nOrigin: ${own}\r\n`;
    const { status } = await house.send(`${line}${fields}\r\n${body}`);
    t.equal(status, 401, what);
  }
  const over2 = await sendHttp2(
    house.raw,
    {
      ...{ ':method': 'OPTIONS', ':path': '/x', ':authority': host, origin: own },
      'access-control-request-method': 'PUT',
    },
    'abc',
  );
  t.equal(over2.status, 401, 'content without a length over HTTP/2');
  t.equal(open.requests.length, 0);
  t.equal((await send('OPTIONS /x', `Origin: ${own}\r\n${asks}`)).status, 200, 'who is signed in may send any of them');
});

t.test('an application is told of the groups it names; the others as many as find room', async (t) => {
  const me = (await ann.api('GET', '/me')).text.match(/"id":"([^"]+)"/)![1]!;
  for (let index = 0; index < 40; index += 1) {
    const made = await ann.api('POST', '/teams', { name: `b${index}`, title: `B${index}` });
    t.equal(made.status, 201, made.text);
    const { id } = made.json<{ id: string }>();
    const joined = await ann.api('PUT', `/teams/${id}/members/${me}`, { role: 'member' });
    t.ok(joined.status < 300, joined.text);
  }
  await send('GET /x');
  const told = open.requests.at(-1)!.headers;
  t.strictSame(told.get('x-knot-groups'), ['knot:team:b3,knot-admins']);
  t.strictSame(decodeJwt(told.get('x-knot-assertion')![0]!)['groups'], ['knot:team:b3', 'knot-admins']);
  t.notOk(told.has('x-knot-groups-truncated'), 'nothing that was asked for is missing');

  await house.send('GET /x HTTP/1.1\r\nHost: HOST\r\nCookie: COOKIE\r\n\r\n');
  const all = house.recorder.requests.at(-1)!.headers;
  const groups = all.get('x-knot-groups')![0]!.split(',');
  t.ok(groups.length > 3 && groups.length < 42, `${groups.length} groups`);
  t.strictSame(groups.slice(0, 3), ['knot-admins', 'knot:user:ann', 'knot:team:b0']);
  t.strictSame(all.get('x-knot-groups-truncated'), ['true']);
  t.match(decodeJwt(all.get('x-knot-assertion')![0]!), { groups, groups_truncated: true });
  const own = [...all].filter(([name]) => name.startsWith('x-knot-'));
  const bytes = own.reduce((sum, [name, [value]]) => sum + name.length + value!.length + 4, 0);
  t.ok(bytes <= 1_024, `${bytes} bytes`);
  await eventually('one line in the log', () => /find no room/.test(gateway.output()));
  await house.send('GET /x HTTP/1.1\r\nHost: HOST\r\nCookie: COOKIE\r\n\r\n');
  t.equal(gateway.output().match(/find no room/g)?.length, 1);
});

t.test('each start says what is open, and `routes show` and `config example` know every switch', async (t) => {
  t.match(await gateway.line(/apps\[\d\]\.publicPaths.*without signing in/), /\/hooks\/, \/status/);
  t.match(await gateway.line(/apps\[\d\]\.crossOrigins.*whoever is signed in/), /friend\.example/);
  const shown = await gateway.knot(['routes', 'show', host]);
  t.equal(shown.status, 0, shown.stderr);
  const { publicPaths, ownedPaths, ...rest } = switches;
  t.match(parse(shown.stdout), { untouchedPrefixes: publicPaths, ownedPrefixes: ownedPaths, switches: rest });
  const example = await runKnot(['config', 'example']);
  for (const key of Object.keys(switches)) t.match(example.stdout, new RegExp(`#\\s+${key}: `), key);
});

t.test('what cannot be meant is refused before anything starts', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  const folder = t.testdir({
    'knot.yaml': JSON.stringify({
      apps: [
        {
          name: 'bad',
          upstream: `http://127.0.0.1:${port}`,
          crossOrigins: [
            '*',
            'null',
            'http://a.example',
            'https://a.example/',
            'https://A.example',
            'https://a.example:443',
          ],
          publicPaths: ['x', '/a/../b', '//', '/a?b', '/a%2f', '/.knot/', '/.knot', '/.knot/callback'],
          methods: ['propfind', '', 'CONNECT', 'TRACE', 'TRACK', 'A B'],
          ownedPaths: ['/user', '/'],
          groups: ['a,b', ''],
        },
      ],
    }),
  });
  const checked = await runKnot(['config', 'check', '--config', `${folder}/knot.yaml`]);
  t.not(checked.status, 0);
  const said = checked.stdout + checked.stderr;
  for (const place of [
    ...[0, 1, 2, 3, 4, 5].map((at) => `crossOrigins\\[${at}\\]`),
    ...[0, 1, 2, 3, 4, 5, 6, 7].map((at) => `publicPaths\\[${at}\\]`),
    ...[0, 1].map((at) => `ownedPaths\\[${at}\\]`),
    ...[0, 1, 5].map((at) => `methods\\[${at}\\] must be a method in capital letters`),
    ...[2, 3, 4].map((at) => `methods\\[${at}\\] .*never forwarded`),
    `publicPaths\\[5\\] .*reserved for signing in`,
    ...[0, 1].map((at) => `groups\\[${at}\\]`),
  ]) {
    t.match(said, new RegExp(`apps\\[0\\]\\.${place}`), place);
  }
});
