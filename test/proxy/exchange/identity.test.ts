import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { decodeJwt } from 'jose';
import t from 'tap';
import { readAnswer, openRaw, sendHttp2, sendRaw } from '../../support/net/raw-client.ts';
import { openGateway } from '../fixture.ts';

/** Everything a client might say about who or where it is, or what it asks for; none of it may pass (H1, H5, H8, H19, P16). */
const spoofedNames = [
  // What the gateway says itself.
  ...['X-Knot-User', 'x-KNOT-Groups', 'X-Knot-Email', 'X-Knot-Assertion', 'X-Knot-Groups-Truncated', 'X-Knot-Anything'],
  ...['X-Forwarded-For', 'X-Forwarded-Proto', 'X-Forwarded-Host', 'X-Forwarded-Port', 'X-Forwarded-Prefix'],
  ...['X-Forwarded-Uri', 'X-Forwarded-Method', 'X-Forwarded-User', 'X-Forwarded-Ssl', 'X-Forwarded-Client-Cert'],
  // What other proxies say of a client.
  ...['Forwarded', 'Via', 'X-Real-IP', 'X-Client-IP', 'X-Cluster-Client-IP', 'X-ProxyUser-IP', 'True-Client-IP'],
  ...[
    'CF-Connecting-IP',
    'Fastly-Client-IP',
    'Front-End-Https',
    'X-Scheme',
    'X-URL-Scheme',
    'X-Host',
    'X-Original-Host',
  ],
  ...['X-Original-URL', 'X-Original-URI', 'X-Original-Method', 'X-Rewrite-URL', 'Alt-Used'],
  // What back ends take for an identity.
  ...['Remote-User', 'Remote-Groups', 'X-Remote-User', 'X-Remote-Group', 'X-WebAuth-User', 'X-WebAuth-Role'],
  ...[
    'Impersonate-User',
    'Impersonate-Group',
    'Impersonate-Extra-Scopes',
    'X-Auth-Request-User',
    'X-Auth-Request-Email',
  ],
  ...['X-User', 'X-UserId', 'X-Username', 'X-Email', 'X-Groups', 'X-Roles', 'Auth-User', 'Auth-Email', 'Auth-Groups'],
  ...['X-Auth-User', 'X-Auth-Email', 'X-Auth-Groups', 'X-Authenticated-User', 'X-Authenticated-Email'],
  ...['X-Authenticated-Groups', 'X-Client-Cert', 'X-Client-Verify', 'X-Client-DN', 'X-SSL-Client-Cert'],
  ...['X-SSL-Client-Verify', 'SSL-Client-Cert', 'SSL-Client-S-DN', 'Proxy-Authorization', 'Proxy-Authenticate'],
  // Methods in disguise.
  ...['X-HTTP-Method', 'X-HTTP-Method-Override', 'X-Method-Override'],
];
/** The same, which mean something only on one connection; HTTP/2 clients cannot even send them. */
const hopNames = ['Keep-Alive', 'Proxy-Connection', 'TE', 'Trailer', 'HTTP2-Settings'];
/** Sent in each of them, so that no other value can hide one. */
const spoofed = 'spoofed-6.6.6.6-evil';
const lines = spoofedNames.map((name) => `${name}: ${spoofed}\r\n`).join('');
/** Those of them that an upstream gets from the gateway itself. */
const own = new Set(
  ['user', 'groups', 'email', 'assertion']
    .map((name) => `x-knot-${name}`)
    .concat(['for', 'proto', 'host', 'port'].map((name) => `x-forwarded-${name}`)),
);

t.test('who the upstream thinks is asking', async (t) => {
  const gateway = await openGateway(t);
  const { recorder, raw, port } = gateway;
  const { cookie } = await gateway.signIn();
  const get = (fields: string, path = '/x', own = cookie) =>
    sendRaw(
      raw,
      `GET ${path} HTTP/1.1\r\nHost: echo.localhost:${port}\r\n${own && `Cookie: ${own}\r\n`}${fields}Connection: close\r\n\r\n`,
    );
  const only = (name: string): string[] => recorder.requests.at(-1)?.headers.get(name) ?? [];

  t.beforeEach(() => recorder.reset());

  await t.test('H1 H4 H7 H8 the gateway alone names the person and the client', async (t) => {
    await get(lines);
    t.strictSame(only('x-knot-user'), ['ann']);
    t.strictSame(only('x-knot-email'), ['ann@example.org']);
    t.strictSame(only('x-knot-groups'), ['knot:user:ann']);
    t.strictSame(only('x-forwarded-for'), ['127.0.0.1']);
    t.strictSame(only('x-forwarded-proto'), ['https']);
    t.strictSame(only('x-forwarded-host'), [`echo.localhost:${port}`]);
    t.strictSame(only('host'), [`echo.localhost:${port}`]);
    t.notMatch(recorder.bytes(), /evil|6\.6\.6\.6/i, 'nothing spoofed arrives');
    await get(lines.replaceAll('X-', 'x-'));
    t.notMatch(recorder.bytes(), /evil|6\.6\.6\.6/i, 'in no casing');
  });

  await t.test('H1 H5 H8 H19 P16 each of these names is dropped by itself', async (t) => {
    for (const name of [...spoofedNames, ...hopNames]) {
      recorder.reset();
      const answer = await get(`X-Before: 1\r\n${name}: ${spoofed}\r\nX-After: 1\r\n`);
      t.equal(answer.status, 200, name);
      t.notMatch(recorder.bytes(), spoofed, name);
      if (!own.has(name.toLowerCase())) t.strictSame(only(name.toLowerCase()), [], name);
      t.strictSame([only('x-before'), only('x-after')], [['1'], ['1']], 'and nothing else is');
    }
  });

  await t.test('H1 the same over HTTP/2', async (t) => {
    const lower = Object.fromEntries(spoofedNames.map((name) => [name.toLowerCase(), spoofed]));
    const answer = await sendHttp2(raw, { ':path': '/x', ':authority': `echo.localhost:${port}`, cookie, ...lower });
    t.equal(answer.status, 200);
    t.strictSame(only('x-knot-user'), ['ann']);
    t.notMatch(recorder.bytes(), /evil|6\.6\.6\.6/i);
  });

  await t.test('H1 neighbour: ordinary fields pass untouched, in their casing', async (t) => {
    await get('X-CuStom: One  two\r\nAuthorization: token abc\r\nAccept-Language: de;q=0.8\r\nRange: bytes=1-2\r\n');
    t.match(recorder.bytes(), /\r\nX-CuStom: One {2}two\r\n/);
    t.strictSame(only('authorization'), ['token abc']);
    t.strictSame(only('range'), ['bytes=1-2']);
  });

  await t.test('R11 a personal token of Knot stays here, whatever route it is sent to', async (t) => {
    const token = `knot_pat_${'a'.repeat(42)}`;
    for (const [path, own] of [
      ['/x', cookie],
      ['/tokens/x', ''],
    ] as const) {
      recorder.reset();
      await get(`Authorization: Bearer ${token}\r\nX-After: 1\r\n`, path, own);
      t.strictSame([only('authorization'), only('x-after')], [[], ['1']], path);
      t.notMatch(recorder.bytes(), /knot_pat_/);
    }
  });

  await t.test('H5 a path without a session names nobody', async (t) => {
    await get(lines, '/tokens/x', '');
    t.equal(recorder.requests.length, 1);
    t.notMatch(recorder.bytes(), /x-knot|evil/i);
    await get(lines, '/tokens/x');
    t.notMatch(recorder.bytes(), /x-knot|evil/i, 'also when the browser has one');
  });

  await t.test('H6 fields named in Connection are the client own, never ours', async (t) => {
    await sendRaw(
      raw,
      `GET /x HTTP/1.1\r\nHost: echo.localhost:${port}\r\nCookie: ${cookie}; app=1\r\nX-Mine: hop\r\nX-Other: kept\r\n` +
        'Connection: close, x-knot-user, x-forwarded-host, cookie\r\nConnection: X-Mine\r\n\r\n',
    );
    t.strictSame(only('x-knot-user'), ['ann']);
    t.strictSame(only('x-forwarded-host'), [`echo.localhost:${port}`]);
    t.strictSame(only('cookie'), []);
    t.strictSame(only('x-mine'), []);
    t.strictSame(only('x-other'), ['kept']);
  });

  await t.test('H16 trailers of a request are dropped', async (t) => {
    await sendRaw(
      raw,
      `POST /x HTTP/1.1\r\nHost: echo.localhost:${port}\r\nCookie: ${cookie}\r\nOrigin: https://echo.localhost:${port}\r\nTrailer: X-Knot-User\r\n` +
        'Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nhello\r\n0\r\nX-Knot-User: evil\r\n\r\n',
    );
    t.equal(recorder.requests[0]?.body, 'hello');
    t.notMatch(recorder.bytes(), /evil/);
  });

  await t.test('the assertion is a short-lived token for this host alone', async (t) => {
    await get('');
    const claims = decodeJwt(only('x-knot-assertion')[0]!);
    t.match(claims, {
      iss: gateway.address.origin,
      sub: gateway.user.id,
      aud: 'echo.localhost',
      preferred_username: 'ann',
      groups: ['knot:user:ann'],
    });
    t.ok(claims.exp! - claims.iat! <= 120);
    const first = only('x-knot-assertion')[0];
    await get('');
    t.equal(only('x-knot-assertion')[0], first, 'signed once a minute, not once a request');
  });

  await t.test('C4 the gateway cookies stay here, those of the application arrive byte for byte', async (t) => {
    await get('', '/x', `a=1; ${cookie}; b="x y"; __Host-knot-handoff=${'h'.repeat(43)};  c=%20`);
    t.strictSame(only('cookie'), ['a=1; b="x y";  c=%20']);
    recorder.reset();
    await get('', '/x', `${cookie}`);
    t.strictSame(only('cookie'), [], 'no empty field');
    recorder.reset();
    await sendHttp2(raw, { ':path': '/x', ':authority': 'echo.localhost', cookie: ['a=1', cookie, 'b=2'] });
    t.strictSame(only('cookie'), ['a=1; b=2'], 'split over lines in HTTP/2');
    t.notMatch(recorder.bytes(), /__Host-knot/i);
  });

  await t.test('C1 a cookie that only looks like ours is no session, and does not pass', async (t) => {
    const value = cookie.slice(cookie.indexOf('=') + 1);
    for (const own of [
      `${cookie}; __Host-knot=${'x'.repeat(43)}`,
      `${cookie}; ${cookie}`,
      `__host-knot=${value}`,
      `\xe2\x80\x80__Host-knot=${value}`,
      `$Version=1,__Host-knot=${value}`,
      `=__Host-knot=${value}`,
      `__Host-knot="${value}x"`,
      `__Host-knot=${value.slice(1)}`,
    ]) {
      const answer = await get('', '/x', own);
      t.equal(answer.status, 401, own.slice(0, 24));
      await get('', '/tokens/x', own);
      t.notMatch(recorder.bytes(), /__host-knot/i);
    }
  });

  await t.test('C3 a cookie of another host is nobody', async (t) => {
    const other = await gateway.signIn('open.localhost');
    t.equal((await get('', '/x', other.cookie)).status, 401);
    t.equal(recorder.requests.length, 0);
  });

  await t.test('H11 H14 nothing but a session lets anyone in', async (t) => {
    for (const fields of [
      'User-Agent: kube-probe/1.30\r\n',
      'User-Agent: GoogleHC/1.0\r\n',
      'Authorization: Bearer garbage\r\n',
      'Authorization: Basic x\r\n',
    ]) {
      t.equal((await get(fields, '/x?access_token=x', '')).status, 401);
    }
    t.equal(recorder.requests.length, 0);
  });

  await t.test('S14 fifty pipelined requests of two people are judged one by one, in order', async (t) => {
    const socket = await openRaw(raw);
    const request = (own: string, index: number) =>
      `GET /p${index} HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${own}\r\n\r\n`;
    let text = '';
    for (let index = 0; index < 50; index++) text += request(index % 2 === 0 ? cookie : '__Host-knot=nobody', index);
    let received = '';
    socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
    socket.write(text);
    const statuses = () => [...received.matchAll(/HTTP\/1\.1 (\d+)/g)].map((match) => match[1]);
    while (statuses().length < 50) await new Promise((resolve) => setTimeout(resolve, 5));
    t.strictSame(
      statuses(),
      Array.from({ length: 50 }, (_, index) => (index % 2 === 0 ? '200' : '401')),
    );
    t.equal(recorder.requests.length, 25);
    socket.destroy();
  });

  await t.test('S13 nothing glued behind a refused upgrade is answered', async (t) => {
    const socket = await openRaw(raw);
    const answer = readAnswer(socket);
    socket.write(
      `GET /ws HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${cookie}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 99\r\nSec-WebSocket-Key: ${'A'.repeat(22)}==\r\n\r\nGET /admin HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${cookie}\r\n\r\n`,
    );
    const { status, bytes, isClosed } = await answer;
    t.equal(status, 426);
    t.ok(isClosed);
    t.equal(bytes.match(/HTTP\/1\.1/g)?.length, 1);
    t.equal(recorder.bytes(), '');
  });
});

t.test('H9 H10 the client address is believed from trusted proxies only', async (t) => {
  const gateway = await openGateway(t, { trustedProxies: ['127.0.0.0/8', '10.0.0.0/8', '::1'] });
  const { cookie } = await gateway.signIn();
  const cases: [sent: string, seen: string][] = [
    ['X-Forwarded-For: 203.0.113.9\r\n', '203.0.113.9'],
    ['X-Forwarded-For: 6.6.6.6, 203.0.113.9, 10.1.2.3\r\n', '203.0.113.9'],
    ['X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 203.0.113.9\r\n', '203.0.113.9'],
    ['X-Forwarded-For: ::ffff:203.0.113.9\r\n', '203.0.113.9'],
    ['X-Forwarded-For: a\r\n', '127.0.0.1'],
    ['X-Forwarded-For: 1.2.3.4:99\r\n', '127.0.0.1'],
    ['X-Forwarded-For: [::1]\r\n', '127.0.0.1'],
    ['X-Forwarded-For:\r\n', '127.0.0.1'],
    ['X-Forwarded-For: 203.0.113.9, 10.9.9.9, junk\r\n', '127.0.0.1'],
    [`X-Forwarded-For: ${Array.from({ length: 50 }, (_, index) => `10.0.0.${index}`).join(',')}\r\n`, '10.0.0.0'],
  ];
  for (const [sent, seen] of cases) {
    gateway.recorder.reset();
    await sendRaw(
      gateway.raw,
      `GET / HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${cookie}\r\n${sent}Connection: close\r\n\r\n`,
    );
    t.strictSame(gateway.recorder.requests[0]?.headers.get('x-forwarded-for'), [seen], sent.trim().slice(0, 60));
  }
});

t.test('an assertion is used again until it ages or the signing keys change', async (t) => {
  const gateway = await openGateway(t);
  const { cookie } = await gateway.signIn();
  const assertion = async (): Promise<string> => {
    gateway.recorder.reset();
    await sendRaw(gateway.raw, `GET / HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${cookie}\r\n\r\n`);
    return /x-knot-assertion: (\S+)/i.exec(gateway.recorder.bytes())![1]!;
  };
  const first = await assertion();
  t.equal(await assertion(), first);
  gateway.proxy.forgetAssertions();
  const second = await assertion();
  t.not(second, first);
  t.equal(decodeJwt(second).sub, decodeJwt(first).sub);
});

t.test('a person in 250 teams can open what an ordinary Node server serves', async (t) => {
  const server = createServer((request, response) => response.end(JSON.stringify(request.headers)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const gateway = await openGateway(t, { route: (route) => ({ ...route, upstream: { ...route.upstream, port } }) });
  const by = { name: 'test' };
  for (let index = 0; index < 250; index += 1) {
    const { id } = await gateway.accounts.createTeam({ name: `research${index}`, title: `Research ${index}` }, by);
    await gateway.accounts.setMember(id, gateway.user.id, 'member', by);
  }
  const { cookie } = await gateway.signIn();
  const answer = await sendRaw(gateway.raw, `GET /x HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${cookie}\r\n\r\n`);
  t.equal(answer.status, 200);
  const seen = JSON.parse(answer.body.slice(answer.body.indexOf('{'), answer.body.lastIndexOf('}') + 1));
  const own = Object.entries(seen as Record<string, string>).filter(([name]) => name.startsWith('x-knot-'));
  const bytes = own.reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0);
  t.ok(bytes <= 4_096 && bytes > 3_600, `${bytes} bytes, as many groups as find room`);
  const claims = decodeJwt(seen['x-knot-assertion']);
  t.equal(claims['groups_truncated'], true);
  t.strictSame((claims['groups'] as string[]).join(','), seen['x-knot-groups']);
  t.equal((claims['groups'] as string[])[0], 'knot:user:ann', 'whose they are is never left out');
});
