import { createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import t from 'tap';
import { selfSignedPair } from '../../support/net/self-signed.ts';
import { ClientConnection } from '../../../gateway/proxy/listener/client-connection.ts';
import { openRaw, openResettable, readAnswer } from '../../support/net/raw-client.ts';
import { openGateway } from '../fixture.ts';
import { eventually } from '../../support/eventually.ts';

t.test('a client that asks for the end of the connection gets it, however it says so', async (t) => {
  const gateway = await openGateway(t);
  const { cookie } = await gateway.signIn();
  for (const fields of [
    'Connection: close\r\n',
    'Connection: keep-alive\r\nConnection: close\r\n',
    'Connection: close\r\nConnection: keep-alive\r\n',
    'CONNECTION:\tCLOSE \r\n',
  ]) {
    const socket = await openRaw(gateway.raw);
    const answer = readAnswer(socket, false, 2_000);
    socket.write(`GET /x HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${cookie}\r\n${fields}\r\n`);
    t.match(await answer, { status: 200, isClosed: true }, JSON.stringify(fields));
    t.equal((await answer).headers.get('connection')?.join(), 'close');
    socket.destroy();
  }
});

t.test('a client that resets under its answer leaves nothing open at an HTTP/2 upstream', async (t) => {
  const open = new Set<string>();
  const finished = new Set<string>();
  const upstream = createHttp2Server().on('stream', (stream, headers) => {
    const path = String(headers[':path']);
    open.add(path);
    stream.on('error', () => undefined).on('close', () => open.delete(path));
    stream.on('finish', () => finished.add(path)).resume();
    // An early answer, whole, while the request goes on.
    const size = Number(path.slice(1));
    stream.respond({ ':status': 200, 'content-length': String(size) });
    stream.end(Buffer.alloc(size, 'a'));
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  t.teardown(() => void upstream.close());
  const { port } = upstream.address() as AddressInfo;
  const gateway = await openGateway(t, {
    route: (route) => ({ ...route, upstream: { ...route.upstream, port, http2: true } }),
  });
  const { cookie } = await gateway.signIn();
  const underWay = () => gateway.proxy.counts().requests;
  const fates = { 'all of it left': 0, 'the end waits with us': 0, 'the end waits upstream': 0 };
  // How much the kernel takes for a client that does not read is its own affair: from less to more than that.
  for (let size = 1 << 20; fates['the end waits upstream'] < 6; size += 96 * 1024) {
    const path = `/${size}`;
    const { socket, reset } = await openResettable(gateway.raw);
    socket.once('data', () => socket.pause());
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${cookie}\r\nOrigin: https://echo.localhost:${gateway.port}\r\n` +
        'Content-Length: 1000000\r\n\r\nabc',
    );
    const isFinished = await eventually('the end of the answer', () => finished.has(path), 300).then(
      () => true,
      () => false,
    );
    fates[!isFinished ? 'the end waits upstream' : underWay() === 1 ? 'the end waits with us' : 'all of it left'] += 1;
    reset();
    await eventually('the exchange is over', () => underWay() === 0);
    await eventually(`the stream of ${size} bytes is over: ${JSON.stringify(fates)}`, () => !open.has(path));
  }
  t.ok(fates['all of it left'] > 0, JSON.stringify(fates));
});

t.test('a connection that ends because it is idle takes no request any more', async (t) => {
  const pair = selfSignedPair();
  const ca = pair.cert;
  const server = createTlsServer(pair);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => void server.close());
  const served: string[] = [];
  server.on('secureConnection', (socket) => {
    const connection = new ClientConnection(socket, {
      limits: { headerBytes: 1_000, headersMs: 5_000, keepAliveMs: 5_000 },
      keepAliveLine: '',
      forget: () => undefined,
      noteUse: () => undefined,
      isEnding: () => true,
      serve: (_socket, { target }) => served.push(target) > 0,
      leave: (_connection, unread) => void served.push(unread.toString()),
    });
    connection.endIfIdle();
    // Read already, but not looked at yet.
    socket.unshift('GET /late HTTP/1.1\r\nHost: x\r\n\r\n');
    connection.endIfIdle();
  });
  const client = await openRaw({ port: (server.address() as AddressInfo).port, ca });
  let isClosed = false;
  client.on('close', () => (isClosed = true)).resume();
  await eventually('the end of the connection', () => isClosed);
  t.strictSame(served, []);
});
