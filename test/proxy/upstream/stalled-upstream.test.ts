import { createServer as createHttp2Server, type ServerHttp2Session } from 'node:http2';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import type { LimitSettings } from '../../../gateway/config/index.ts';
import { openRaw, readAnswer, sendRaw } from '../../support/net/raw-client.ts';
import { openGateway } from '../fixture.ts';
import { eventually } from '../../support/eventually.ts';

async function setUp(t: Test, server: Server, limits: Partial<LimitSettings>, http2 = false) {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const gateway = await openGateway(t, {
    limits,
    route: (route) => ({ ...route, upstream: { ...route.upstream, port, http2 } }),
  });
  const { cookie } = await gateway.signIn();
  const origin = `https://echo.localhost:${gateway.port}`;
  const head = (method: string, fields = '') =>
    `${method} /x HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${cookie}\r\nOrigin: ${origin}\r\n${fields}\r\n`;
  return { gateway, head };
}

t.test('a connection that its upstream will not use again is closed, not kept', async (t) => {
  const sockets = new Set<Socket>();
  let opened = 0;
  let seconds = 0;
  const server = createServer((socket) => {
    opened += 1;
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    socket.on('data', () =>
      socket.write(`HTTP/1.1 200 OK\r\nKeep-Alive: timeout=${seconds}\r\nContent-Length: 2\r\n\r\nok`),
    );
  });
  const { gateway, head } = await setUp(t, server, {});
  for (seconds of [0, 1]) {
    t.equal((await sendRaw(gateway.raw, head('GET'))).status, 200);
    await eventually(`no connection is left after timeout=${seconds}`, () => sockets.size === 0);
  }
  t.equal(opened, 2);
});

t.test('D4 a client is not to blame for an upstream that does not read for a while', async (t) => {
  let held: Socket | undefined;
  let left = 32 * 1024 * 1024;
  const fields = `Content-Length: ${left}\r\n`;
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (first: Buffer) => {
      held = socket.pause();
      left -= first.length - (first.indexOf('\r\n\r\n') + 4);
      socket.on('data', (chunk: Buffer) => {
        left -= chunk.length;
        if (left === 0) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      });
      socket.pause();
    });
  });
  const { gateway, head } = await setUp(t, server, { bodyBytesPerSecond: 100, bodyRateMs: 500 });
  const client = await openRaw(gateway.raw);
  let isAnswered = false;
  const answer = readAnswer(client, false, 15_000).finally(() => (isAnswered = true));
  client.write(head('POST', fields));
  client.write(Buffer.alloc(left, 'a'));
  const start = performance.now();
  await eventually('several times the window', () => isAnswered || performance.now() - start > 3_000);
  held!.resume();
  t.match(await answer, { status: 200, body: 'ok' });
  client.destroy();
});

t.test('an upstream that never reads a request to its end is given up', async (t) => {
  const sessions = new Set<ServerHttp2Session>();
  // A window of 64 KiB that never grows: what is behind it stays with us.
  const server = createHttp2Server().on('stream', (stream) => void stream.on('error', () => undefined).pause());
  server.on('session', (session) => sessions.add(session));
  t.teardown(() => {
    for (const session of sessions) session.destroy();
  });
  const limits = { firstByteMs: 1_000, bodyIdleMs: 1_000 };
  const { gateway, head } = await setUp(t, server, limits, true);
  const sizes = Array.from({ length: 40 }, (_, index) => 56 * 1024 + index * 1024);
  const answers = await Promise.all(
    sizes.map(async (size) => {
      const client = await openRaw(gateway.raw);
      client.write(head('POST', `Content-Length: ${size}\r\n`));
      client.write(Buffer.alloc(size, 'a'));
      const { status } = await readAnswer(client, false, 5_000);
      client.destroy();
      return { size, status };
    }),
  );
  for (const { size, status } of answers) t.ok(status === 504 || status === 408, `${size} bytes: ${status}`);
});
