import { connect } from 'node:net';
import t from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import { openRaw, readAnswer, sendHttp2 } from '../../support/net/raw-client.ts';
import { openGateway } from '../fixture.ts';
import { eventually } from '../../support/eventually.ts';

t.test('W9 a drain lets answers finish, takes nothing new and tells sockets to come back', async (t) => {
  const sockets = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  t.teardown(() => void sockets.close());
  await eventually('the upstream listens', () => sockets.address() !== null);
  const webSocketPort = (sockets.address() as { port: number }).port;
  const gateway = await openGateway(t);
  await gateway.setRoutes(gateway.echo, {
    ...gateway.open,
    upstream: { ...gateway.open.upstream, port: webSocketPort },
  });
  const { cookie } = await gateway.signIn();
  const open = await gateway.signIn('open.localhost');

  let answer: () => void = () => undefined;
  gateway.recorder.answerWith((request, socket) => {
    if (request.target !== '/slow') return 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
    answer = () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone');
    return undefined;
  });
  const slow = await openRaw(gateway.raw);
  slow.write(`GET /slow HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${cookie}\r\n\r\n`);
  const idle = await openRaw(gateway.raw);
  idle.write(`GET /x HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${cookie}\r\n\r\n`);
  await readAnswer(idle);
  let isIdleClosed = false;
  idle.on('close', () => (isIdleClosed = true)).resume();
  const webSocket = new WebSocket(`wss://open.localhost:${gateway.port}/`, {
    ca: gateway.raw.ca,
    lookup: ((_host: string, { all }: { all?: boolean }, found: (...facts: unknown[]) => void) =>
      all ? found(null, [{ address: '127.0.0.1', family: 4 }]) : found(null, '127.0.0.1', 4)) as never,
    headers: { cookie: open.cookie, origin: gateway.address.originOf('open.localhost') },
  });
  await new Promise((resolve) => webSocket.once('open', resolve));
  const told = new Promise<number>((resolve) => webSocket.once('close', resolve));
  await eventually('the slow request is under way', () =>
    gateway.recorder.requests.some(({ target }) => target === '/slow'),
  );

  let isDrained = false;
  void gateway.edge.close(30_000).then(() => (isDrained = true));
  await eventually('the idle connection is closed', () => isIdleClosed);
  await t.rejects(
    new Promise(
      (resolve, reject) => void connect(gateway.port, '127.0.0.1').once('connect', resolve).once('error', reject),
    ),
    { code: 'ECONNREFUSED' },
  );
  await t.rejects(
    sendHttp2(gateway.raw, { ':path': '/', ':authority': 'echo.localhost' }).then(
      ({ status }) => status || Promise.reject(new Error('refused')),
    ),
  );
  const finished = readAnswer(slow);
  answer();
  t.match(await finished, { status: 200, body: 'done' });
  t.equal(await told, 1012);
  await eventually('it does not wait longer than needed', () => isDrained, 25_000);
});

t.test('what does not finish is ended when the grace is over', async (t) => {
  const gateway = await openGateway(t);
  const { cookie } = await gateway.signIn();
  gateway.recorder.answerWith(() => undefined);
  const socket = await openRaw(gateway.raw);
  let isClosed = false;
  socket.on('close', () => (isClosed = true)).resume();
  socket.write(`GET /never HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${cookie}\r\n\r\n`);
  await eventually('the request is under way', () => gateway.recorder.requests.length === 1);
  await gateway.edge.close(200);
  await eventually('the connection is ended', () => isClosed);
  await eventually('and so is the exchange', () => gateway.proxy.counts().requests === 0);
});
