import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import t from 'tap';
import { createBodyRate } from '../../../gateway/proxy/exchange/body-rate.ts';
import { networkOf } from '../../../gateway/lib/index.ts';
import { readAnswer, sendRaw } from '../../support/net/raw-client.ts';
import { type Gateway, openGateway } from '../fixture.ts';
import { eventually } from '../../support/eventually.ts';

/** A connection that comes from an address of its own. */
async function openFrom(gateway: Gateway, localAddress: string, protocol = 'http/1.1'): Promise<TLSSocket> {
  const { port, ca } = gateway.raw;
  const from = { port, host: '127.0.0.1', localAddress };
  const socket = connectTls({ ...from, ca, servername: 'localhost', ALPNProtocols: [protocol] });
  await new Promise<void>((resolve, reject) => void socket.once('secureConnect', resolve).once('error', reject));
  socket.on('error', () => undefined);
  return socket;
}

t.test('D1 connections of one address are bounded, and another address is served', async (t) => {
  const gateway = await openGateway(t, { limits: { connectionsPerAddress: 4 } });
  const { cookie } = await gateway.signIn();
  const request = `GET /x HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${cookie}\r\n\r\n`;
  const ask = (socket: TLSSocket) => {
    socket.write(request);
    return readAnswer(socket);
  };
  const held: TLSSocket[] = [];
  t.teardown(() => held.forEach((socket) => socket.destroy()));
  for (let count = 0; count < 4; count += 1) held.push(await openFrom(gateway, '127.0.0.1'));
  gateway.recorder.reset();

  const beyond = await ask(await openFrom(gateway, '127.0.0.1'));
  t.match(beyond, { status: 429, body: /KNOT_PROXY_TOO_MANY_CONNECTIONS/, isClosed: true });
  t.ok(beyond.headers.get('retry-after'));
  t.equal(gateway.recorder.bytes(), '', 'nothing of it reaches the upstream');
  t.equal(gateway.entries.at(-1)?.reason, 'too_many_connections');

  const upgrade = await openFrom(gateway, '127.0.0.1');
  upgrade.write(
    `GET /x HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${cookie}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  t.match(await readAnswer(upgrade), { status: 429 });

  const third = await openFrom(gateway, '127.0.0.1', 'h2');
  const session = connectHttp2(`https://localhost:${gateway.port}`, { createConnection: () => third });
  const stream = session.request({ ':path': '/x', ':authority': 'echo.localhost', cookie });
  const status = await new Promise((resolve) => stream.on('response', (headers) => resolve(headers[':status'])));
  t.equal(status, 429, 'over HTTP/2 too');
  await eventually('and the connection is told to go', () => session.closed || session.destroyed);

  t.match(await ask(await openFrom(gateway, '127.0.0.2')), { status: 200 }, 'another address is served');
  t.match(await ask(held[0]!), { status: 200 }, 'and so is who was there before');
  for (const socket of held.splice(0)) socket.destroy();
  await eventually('it still listens', () => gateway.edge.server.listening);
  let answer = await ask(await openFrom(gateway, '127.0.0.1'));
  for (let tries = 0; answer.status === 429 && tries < 50; tries += 1) {
    answer = await ask(await openFrom(gateway, '127.0.0.1'));
  }
  t.equal(answer.status, 200, 'when the flood is over, the address is served again');
});

t.test('D1 far beyond the bound connections are reset before TLS costs anything', async (t) => {
  const gateway = await openGateway(t, { limits: { connectionsPerAddress: 2 } });
  const held = await Promise.all(Array.from({ length: 4 }, () => openFrom(gateway, '127.0.0.1')));
  await t.rejects(openFrom(gateway, '127.0.0.1'));
  const other = await openFrom(gateway, '127.0.0.2');
  other.write('GET /x HTTP/1.1\r\nHost: echo.localhost\r\n\r\n');
  t.match(await readAnswer(other), { status: 401 });
  for (const socket of [...held, other]) socket.destroy();
});

t.test('D1 a connection beyond the bound that asks nothing is not kept', async (t) => {
  const gateway = await openGateway(t, { limits: { connectionsPerAddress: 1, headersMs: 300 } });
  const held = await openFrom(gateway, '127.0.0.1');
  const silent = await openFrom(gateway, '127.0.0.1');
  let isClosed = false;
  silent.resume().on('close', () => (isClosed = true));
  await eventually('it is closed', () => isClosed);
  held.destroy();
});

t.test('a trusted proxy may hold as many connections as it needs', async (t) => {
  const gateway = await openGateway(t, { limits: { connectionsPerAddress: 1 }, trustedProxies: ['127.0.0.1'] });
  const { cookie } = await gateway.signIn();
  const held = await Promise.all(Array.from({ length: 5 }, () => openFrom(gateway, '127.0.0.1')));
  const answer = await sendRaw(gateway.raw, `GET /x HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${cookie}\r\n\r\n`);
  t.equal(answer.status, 200);
  for (const socket of held) socket.destroy();
});

t.test('an IPv6 address counts with its /64 network', (t) => {
  const cases: [address: string, network: string][] = [
    ['10.0.0.1', '10.0.0.1'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::9', '2001:db8:1:2'],
    ['2001:db8::9', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
  ];
  for (const [address, network] of cases) t.equal(networkOf(address), network, address);
  t.end();
});

t.test('D6 streams of one sign-in are bounded; its plain requests and other sign-ins go on', async (t) => {
  const gateway = await openGateway(t, { limits: { streamsPerSession: 2 } });
  const first = await gateway.signIn();
  const other = await gateway.signIn();
  gateway.recorder.answerWith(({ target }) =>
    target === '/events'
      ? 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: hi\n\n'
      : 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  );
  const open = async (cookie: string) => {
    const socket = await openFrom(gateway, '127.0.0.1');
    socket.write(
      `GET /events HTTP/1.1\r\nHost: echo.localhost\r\nAccept: text/event-stream\r\nCookie: ${cookie}\r\n\r\n`,
    );
    const head = await new Promise<string>((resolve) =>
      socket.once('data', (data: Buffer) => resolve(data.toString())),
    );
    return { socket, status: Number(head.split(' ')[1]) };
  };
  const held = [await open(first.cookie), await open(first.cookie)];
  t.same(
    held.map(({ status }) => status),
    [200, 200],
  );
  const third = await open(first.cookie);
  t.equal(third.status, 429);
  t.equal(gateway.entries.at(-1)?.reason ?? '', 'too_many_streams');
  const upgrade = await sendRaw(
    gateway.raw,
    `GET /ws HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${first.cookie}\r\nOrigin: https://echo.localhost:${gateway.port}\r\n` +
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  t.match(upgrade, { status: 429, body: /KNOT_PROXY_TOO_MANY_STREAMS/ });
  const plain = await sendRaw(
    gateway.raw,
    `GET /x HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${first.cookie}\r\n\r\n`,
  );
  t.equal(plain.status, 200, 'a plain request of the same person');
  const theirs = await open(other.cookie);
  t.equal(theirs.status, 200, 'a stream of another sign-in');
  held[0]!.socket.destroy();
  await eventually('one of the streams is over', () => gateway.proxy.counts().requests === 2);
  const again = await open(first.cookie);
  t.equal(again.status, 200, 'its place is free again');
  for (const { socket } of [...held, third, theirs, again]) socket.destroy();
});

t.test('D4 a body that drips ends with 408, one that flows does not', async (t) => {
  const limits = { bodyBytesPerSecond: 100, bodyRateMs: 600 };
  const gateway = await openGateway(t, { limits });
  const { cookie } = await gateway.signIn();
  const head =
    `POST /x HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${cookie}\r\nOrigin: https://echo.localhost:${gateway.port}\r\n` +
    'Content-Length: 2000\r\n\r\n';
  const send = async (bytesEach: number) => {
    const socket = await openFrom(gateway, '127.0.0.1');
    socket.write(head);
    let left = 2000;
    const timer = setInterval(() => {
      if (left <= 0 || !socket.writable) return clearInterval(timer);
      socket.write('a'.repeat(Math.min(left, bytesEach)));
      left -= bytesEach;
    }, 100);
    try {
      return await readAnswer(socket);
    } finally {
      clearInterval(timer);
      socket.destroy();
    }
  };
  const [dripping, flowing] = await Promise.all([send(1), send(80)]);
  t.match(dripping, { status: 408, body: /KNOT_PROXY_BODY_TOO_SLOW/ });
  t.match(flowing, { status: 200 });
});

t.test('the rate of a body', (t) => {
  const rate = createBodyRate(0, { bodyBytesPerSecond: 100, bodyRateMs: 10_000 });
  t.notOk(rate.isTooSlow(9_999, 0, false), 'nothing counts within the grace');
  t.notOk(rate.isTooSlow(10_000, 0, false));
  t.notOk(rate.isTooSlow(20_000, 1_000, false), 'exactly the least');
  t.notOk(rate.isTooSlow(25_000, 1_000, false), 'not before the window is over');
  t.ok(rate.isTooSlow(30_000, 1_999, false), 'a byte less');
  t.notOk(rate.isTooSlow(40_000, 1_999, true), 'the upstream does not read: the client is not to blame');
  t.notOk(rate.isTooSlow(45_000, 1_999, false));
  t.ok(rate.isTooSlow(50_000, 1_999, false));
  const off = createBodyRate(0, { bodyBytesPerSecond: 0, bodyRateMs: 1 });
  t.notOk(off.isTooSlow(1e6, 0, false));
  t.notOk(off.isTooSlow(2e6, 0, false));
  t.end();
});
