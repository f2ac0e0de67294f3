import { createServer, type Server } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import { openRaw, openResettable, sendRaw } from '../../support/net/raw-client.ts';
import { type Gateway, openGateway } from '../fixture.ts';
import { eventually } from '../../support/eventually.ts';

type Upstream = { server: Server; sockets: WebSocketServer; port: number; upgrades: string[] };

async function startUpstream(t: Test): Promise<Upstream> {
  const server = createServer((_request, response) => response.end('plain'));
  const upgrades: string[] = [];
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: (offered) => [...offered].at(-1) ?? false });
  server.on('upgrade', (request, socket, head) => {
    upgrades.push(request.url ?? '');
    const status = /^\/refuse\/(\d+)/.exec(request.url ?? '')?.[1];
    if (status !== undefined)
      return socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: 4\r\nx-why: because\r\n\r\nnope`);
    if (request.url === '/hang') return undefined;
    return sockets.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on('message', (data, isBinary) => webSocket.send(data, { binary: isBinary }));
      sockets.emit('connection', webSocket, request);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    for (const client of sockets.clients) client.terminate();
    server.close();
  });
  return { server, sockets, port: (server.address() as AddressInfo).port, upgrades };
}

async function setUp(t: Test, limits = {}): Promise<{ gateway: Gateway; upstream: Upstream; dial: Dial }> {
  const upstream = await startUpstream(t);
  const gateway = await openGateway(t, {
    limits,
    route: (route) => ({ ...route, upstream: { ...route.upstream, port: upstream.port } }),
  });
  const { cookie } = await gateway.signIn();
  const dial: Dial = (path = '/ws', options = {}) =>
    new WebSocket(`wss://echo.localhost:${gateway.port}${path}`, options.protocols ?? [], {
      ca: gateway.raw.ca,
      lookup: ((_host: string, { all }: { all?: boolean }, found: (...facts: unknown[]) => void) =>
        all ? found(null, [{ address: '127.0.0.1', family: 4 }]) : found(null, '127.0.0.1', 4)) as never,
      headers: {
        cookie: options.cookie ?? cookie,
        ...(options.origin === null ? {} : { origin: options.origin ?? gateway.address.originOf('echo.localhost') }),
        ...options.headers,
      },
    });
  return { gateway, upstream, dial };
}

type Dial = (
  path?: string,
  options?: { protocols?: string[]; cookie?: string; origin?: string | null; headers?: Record<string, string> },
) => WebSocket;

const opened = (socket: WebSocket) =>
  new Promise<void>((resolve, reject) => void socket.once('open', resolve).once('error', reject));
/** The status of a refused upgrade and its body. */
const refusal = (socket: WebSocket) =>
  new Promise<{ status: number; body: string; headers: Record<string, unknown> }>((resolve, reject) => {
    socket.once('open', () => reject(new Error('opened')));
    socket.on('error', () => resolve({ status: 0, body: '', headers: {} }));
    socket.once('unexpected-response', (_request, response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body, headers: response.headers }));
    });
  });
const ended = (socket: WebSocket) =>
  new Promise<{ code: number; reason: string }>((resolve) =>
    socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() })),
  );
const reply = (socket: WebSocket, data: string | Buffer) =>
  new Promise<Buffer>((resolve) => {
    socket.once('message', (received) => resolve(received as Buffer));
    socket.send(data);
  });

t.test('a WebSocket goes through untouched', async (t) => {
  const { upstream, dial, gateway } = await setUp(t);
  const socket = dial('/ws?x=%2F&y=%22&z');
  await opened(socket);
  t.equal((await reply(socket, 'hello')).toString(), 'hello');
  const big = Buffer.alloc(3 * 1024 * 1024, 7);
  t.equal((await reply(socket, big)).length, big.length);
  t.equal(upstream.upgrades[0], '/ws?x=%2F&y=%22&z', 'raw path and query');
  socket.close(4000, 'bye');
  t.strictSame(await ended(socket), { code: 4000, reason: 'bye' });
  await eventually('the access line', () => gateway.entries.some((entry) => entry.protocol === 'ws'));
  t.match(
    gateway.entries.find((entry) => entry.protocol === 'ws'),
    { status: 101, user: 'ann', verdict: 'allow', path: '/ws', route: 'echo' },
  );
  t.equal(gateway.live.count(), 0);
});

t.test('W1 only a page of the same origin may open one', async (t) => {
  const { dial, gateway, upstream } = await setUp(t);
  for (const origin of [
    'https://evil.example',
    gateway.address.originOf('open.localhost'),
    gateway.address.origin,
    'null',
    `http://echo.localhost:${gateway.port}`,
    'https://echo.localhost:1',
    null,
  ]) {
    t.equal((await refusal(dial('/ws', { origin }))).status, 403, String(origin));
  }
  t.strictSame(upstream.upgrades, [], 'nothing reached the upstream');
  const withToken = dial('/ws', { origin: null, headers: { authorization: 'token x' } });
  await opened(withToken);
  withToken.terminate();
});

t.test('R10 without a session the answer is 401, never a redirect', async (t) => {
  const { dial } = await setUp(t);
  t.equal((await refusal(dial('/ws', { cookie: 'a=1' }))).status, 401);
});

t.test('W2 the refusal of the upstream is what the client gets', async (t) => {
  const { dial, gateway } = await setUp(t, { firstByteMs: 300 });
  for (const status of [401, 403, 404, 500]) {
    const answer = await refusal(dial(`/refuse/${status}`));
    t.equal(answer.status, status);
    t.equal(answer.body, 'nope');
    t.equal(answer.headers['x-why'], 'because');
  }
  t.equal((await refusal(dial('/hang'))).status, 504, 'silence is a timeout');
  const dead = { ...gateway.echo, upstream: { ...gateway.echo.upstream, port: 1 } };
  await gateway.setRoutes(dead);
  const answer = await refusal(dial('/ws'));
  t.equal(answer.status, 502);
  t.notMatch(answer.body, /127\.0\.0\.1|ECONN/, 'U4 no address leaves');
});

t.test('W3 a client that leaves at any moment leaves nothing behind', async (t) => {
  const { gateway, upstream } = await setUp(t);
  const { cookie } = await gateway.signIn();
  const handshake = (path: string) =>
    `GET ${path} HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${cookie}\r\nOrigin: ${gateway.address.originOf('echo.localhost')}\r\n` +
    `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${'A'.repeat(22)}==\r\n\r\n`;
  for (let round = 0; round < 60; round++) {
    const { socket, reset } = await openResettable(gateway.raw);
    socket.write(handshake(round % 3 === 0 ? '/hang' : '/ws'));
    if (round % 4 === 0) await new Promise((resolve) => setImmediate(resolve));
    if (round % 4 === 1) await new Promise((resolve) => setTimeout(resolve, round % 7));
    if (round % 4 === 2)
      await new Promise(
        (resolve) => socket.once('readable', resolve).once('close', resolve) && setTimeout(resolve, 50),
      );
    reset();
  }
  await eventually('every tunnel is gone', () => gateway.proxy.counts().webSockets === 0);
  await eventually('every upstream socket is gone', () => upstream.sockets.clients.size === 0);
  t.equal(gateway.live.count(), 0);
  const answer = await sendRaw(gateway.raw, `GET / HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${cookie}\r\n\r\n`);
  t.equal(answer.status, 200, 'and the process answers');
});

t.test('W4 the upstream picks the subprotocol', async (t) => {
  const { dial } = await setUp(t);
  const socket = dial('/ws', { protocols: ['v1.kernel', 'v2.kernel'] });
  await opened(socket);
  t.equal(socket.protocol, 'v2.kernel');
  socket.terminate();
});

t.test('W6 W7 a side that does not read stops the other one', async (t) => {
  let written = 0;
  const flood = createTcpServer((socket: Socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n');
      const frame = Buffer.concat([Buffer.from([0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]), Buffer.alloc(65_536)]);
      const more = (): void => {
        while (!socket.destroyed && written < 300 * 1024 * 1024 && socket.write(frame)) written += frame.length;
      };
      socket.on('drain', more);
      more();
    });
  });
  await new Promise<void>((resolve) => flood.listen(0, '127.0.0.1', resolve));
  t.teardown(() => flood.close());
  const port = (flood.address() as AddressInfo).port;
  const gateway = await openGateway(t, { route: (route) => ({ ...route, upstream: { ...route.upstream, port } }) });
  const { cookie } = await gateway.signIn();
  const socket = await openRaw(gateway.raw);
  socket.pause();
  const before = process.memoryUsage().rss;
  socket.write(
    `GET /ws HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${cookie}\r\nOrigin: ${gateway.address.originOf('echo.localhost')}\r\n` +
      `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${'A'.repeat(22)}==\r\n\r\n`,
  );
  await eventually('the flood began', () => written > 0);
  let last = -1;
  while (last !== written) {
    last = written;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  t.ok(written < 64 * 1024 * 1024, `the upstream was stopped after ${written >> 20} MiB`);
  t.ok(process.memoryUsage().rss - before < 96 * 1024 * 1024, 'memory stays flat');
  socket.destroy();
});

t.test('W8 a socket ends when its right ends, and is told why', async (t) => {
  const ways: Record<string, (gateway: Gateway, sessionId: string) => Promise<unknown>> = {
    'the session ends': (gateway, id) => gateway.sessions.end(id, { actor: 'ann', reason: 'sign-out' }),
    'the account is disabled': (gateway) => gateway.accounts.setState(gateway.user.id, 'disabled', { name: 'root' }),
    'the policy forbids it': (gateway) => {
      gateway.decideWith(() => ({ effect: 'deny', rules: [], policyVersion: '2', reason: 'no_permit' }));
      return gateway.live.rejudge();
    },
    'the route is removed': async (gateway) => {
      await gateway.setRoutes(gateway.open);
      await gateway.live.rejudge();
    },
  };
  for (const [name, change] of Object.entries(ways)) {
    await t.test(name, async (t) => {
      const { gateway, dial, upstream } = await setUp(t);
      const { cookie, sessionId } = await gateway.signIn();
      const socket = dial('/ws', { cookie });
      await opened(socket);
      t.equal((await reply(socket, 'hello')).toString(), 'hello');
      const end = ended(socket);
      await change(gateway, sessionId);
      const { code, reason } = await end;
      t.equal(code, 1008);
      t.not(reason, '');
      await eventually('the upstream side is gone too', () => upstream.sockets.clients.size === 0);
      t.ok([0, 401, 403].includes((await refusal(dial('/ws', { cookie }))).status), 'and cannot be opened again');
    });
  }
});

t.test('W8 a right that ends while the upstream is being asked ends the socket too', async (t) => {
  const { gateway, dial } = await setUp(t);
  let asked = 0;
  gateway.decideWith(() => {
    asked += 1;
    return { effect: asked === 1 ? 'allow' : 'deny', rules: [], policyVersion: '1', reason: 'x' };
  });
  const socket = dial('/ws');
  socket.on('error', () => undefined);
  t.equal((await ended(socket)).code, 1008);
});

t.test('W10 odd upgrades are refused', async (t) => {
  const { gateway, upstream } = await setUp(t);
  const { cookie } = await gateway.signIn();
  const key = `Sec-WebSocket-Key: ${'A'.repeat(22)}==\r\n`;
  const own = `Host: echo.localhost\r\nCookie: ${cookie}\r\nOrigin: ${gateway.address.originOf('echo.localhost')}\r\n`;
  const cases: [name: string, bytes: string, status: number][] = [
    [
      'h2c',
      `GET /ws HTTP/1.1\r\n${own}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n`,
      400,
    ],
    ['foo', `GET /ws HTTP/1.1\r\n${own}Connection: Upgrade\r\nUpgrade: foo\r\n\r\n`, 400],
    ['a list', `GET /ws HTTP/1.1\r\n${own}Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n\r\n`, 400],
    [
      'POST',
      `POST /ws HTTP/1.1\r\n${own}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n${key}\r\n`,
      400,
    ],
    ['no Connection', `GET /ws HTTP/1.1\r\n${own}Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n${key}\r\n`, 400],
    [
      'no key',
      `GET /ws HTTP/1.1\r\n${own}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n`,
      400,
    ],
    [
      'a body',
      `GET /ws HTTP/1.1\r\n${own}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n${key}Content-Length: 2\r\n\r\nhi`,
      400,
    ],
    [
      'unknown host',
      `GET /ws HTTP/1.1\r\nHost: no.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n${key}\r\n`,
      404,
    ],
    [
      'main host',
      `GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n${key}\r\n`,
      404,
    ],
  ];
  for (const [name, bytes, status] of cases) {
    const answer = await sendRaw(gateway.raw, bytes);
    t.equal(answer.status, status, name);
    t.ok(answer.isClosed, `${name}: closed`);
  }
  t.strictSame(upstream.upgrades, []);
});

t.test('H17 H18 the 101 of an upstream carries nothing it may not', async (t) => {
  const hostile = createTcpServer((socket: Socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade, x-hop\r\nupgrade: websocket\r\nx-hop: 1\r\nkeep-alive: x\r\nalt-svc: h3=":443"\r\n' +
          'x-knot-user: evil\r\nset-cookie: __Host-knot=evil; Path=/\r\nset-cookie: a=1; Domain=localhost\r\nset-cookie: fine=1\r\nx-app: kept\r\n\r\n',
      );
    });
  });
  await new Promise<void>((resolve) => hostile.listen(0, '127.0.0.1', resolve));
  t.teardown(() => hostile.close());
  const port = (hostile.address() as AddressInfo).port;
  const gateway = await openGateway(t, { route: (route) => ({ ...route, upstream: { ...route.upstream, port } }) });
  const { cookie } = await gateway.signIn();
  const answer = await sendRaw(
    gateway.raw,
    `GET /ws HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${cookie}\r\nOrigin: ${gateway.address.originOf('echo.localhost')}\r\n` +
      `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${'A'.repeat(22)}==\r\n\r\n`,
  );
  t.equal(answer.status, 101);
  t.notMatch(answer.bytes, /x-hop|keep-alive|alt-svc|evil|a=1/i);
  t.match(answer.bytes, /set-cookie: fine=1\r\n/);
  t.match(answer.bytes, /x-app: kept\r\n/);
});
