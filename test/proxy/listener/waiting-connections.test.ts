import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { clientHello } from '../../support/net/client-hello.ts';
import { openRaw, readAnswer, sendRaw } from '../../support/net/raw-client.ts';
import { eventually } from '../../support/eventually.ts';
import { type Gateway, openGateway } from '../fixture.ts';

const until = (isTrue: () => boolean, what: string) => eventually(what, isTrue);

const hello = clientHello(Buffer.from('echo.localhost'));

type RawSocket = { socket: Socket; received: number; isClosed: boolean; isReset: boolean };

/** TCP connections on which nothing is said, all accepted. */
async function openMany(t: Test, { port, edge }: Gateway, count: number): Promise<RawSocket[]> {
  let accepted = 0;
  const onConnection = (): void => void (accepted += 1);
  edge.server.on('connection', onConnection);
  const all = Array.from({ length: count }, (): RawSocket => {
    const socket = connectTcp({ port, host: '127.0.0.1' });
    const one: RawSocket = { socket, received: 0, isClosed: false, isReset: false };
    socket.on('data', (bytes) => (one.received += bytes.length));
    socket.on('error', (error: NodeJS.ErrnoException) => (one.isReset = error.code === 'ECONNRESET'));
    socket.on('close', () => (one.isClosed = true));
    t.teardown(() => socket.destroy());
    return one;
  });
  await until(() => accepted === count, 'all are accepted');
  edge.server.off('connection', onConnection);
  return all;
}

async function requestOf(gateway: Gateway, path = '/x'): Promise<string> {
  const { cookie } = await gateway.signIn();
  return `GET ${path} HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${cookie}\r\n\r\n`;
}

/** Asks again and again on one connection that is in use. */
async function openAsker(t: Test, gateway: Gateway, protocol: 'HTTP/1.1' | 'HTTP/2'): Promise<() => Promise<void>> {
  if (protocol === 'HTTP/1.1') {
    const request = await requestOf(gateway);
    const used = await openRaw({ ...gateway.raw, servername: 'echo.localhost' });
    t.teardown(() => used.destroy());
    return async () => {
      used.write(request);
      const { status } = await readAnswer(used);
      if (status !== 200) throw new Error(`answered with ${status}`);
    };
  }
  const { cookie } = await gateway.signIn();
  const session = connectHttp2(`https://echo.localhost:${gateway.port}`, {
    ca: gateway.raw.ca,
    lookup: (_host, _options, done) => done(null, [{ address: '127.0.0.1', family: 4 }]),
  });
  t.teardown(() => session.destroy());
  return async () => {
    const stream = session.request({ ':path': '/x', cookie });
    const [headers] = (await once(stream, 'response')) as [{ ':status'?: number }];
    if (headers[':status'] !== 200) throw new Error(`answered with ${headers[':status']}`);
    stream.resume();
    await once(stream, 'close');
  };
}

t.test('D9 handshakes that never go on take no place from anybody', async (t) => {
  const gateway = await openGateway(t, { limits: { connectionsWaiting: 2 } });
  const request = await requestOf(gateway);
  const half = hello.subarray(0, 20);
  const [silent, begun] = [await openMany(t, gateway, 50), await openMany(t, gateway, 50)];
  for (const { socket } of begun) {
    socket.write(half);
    // One after the other, as there is room for two.
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  }
  t.equal((await sendRaw(gateway.raw, request)).status, 200, 'a new connection is served at once');
  const isOpen = ({ isClosed }: RawSocket) => !isClosed;
  t.ok(silent.every(isOpen) && begun.every(isOpen), 'the slow ones have their time still');
});

t.test('D9 connections in use go before new ones', async (t) => {
  const gateway = await openGateway(t);
  const request = await requestOf(gateway);
  const used = await openRaw({ ...gateway.raw, servername: 'echo.localhost' });
  t.teardown(() => used.destroy());
  used.write(request);
  await readAnswer(used);

  const many = await openMany(t, gateway, 200);
  const begun = () => many.filter(({ received }) => received > 0).length;
  for (const { socket } of many) socket.write(hello);
  used.write(request);
  let begunBefore = Infinity;
  used.prependOnceListener('data', () => (begunBefore = begun()));
  t.equal((await readAnswer(used)).status, 200);
  t.ok(begunBefore < 100, `answered when ${begunBefore} of 200 handshakes had begun`);
  await until(() => begun() === 200, 'all of them have their turn');
});

for (const protocol of ['HTTP/1.1', 'HTTP/2'] as const) {
  t.test(`D9 while somebody works over ${protocol}, new connections take what time that leaves`, async (t) => {
    const gateway = await openGateway(t);
    const ask = await openAsker(t, gateway, protocol);
    await ask();
    await ask();
    const many = await openMany(t, gateway, 60);
    const begun = () => many.filter(({ received }) => received > 0).length;
    for (const { socket } of many) socket.write(hello);
    let answered = 0;
    while (begun() < 60) {
      await ask();
      if (begun() > 0) answered += 1;
    }
    t.ok(answered > 3 * 60, `${answered} requests were answered while 60 handshakes began`);
  });
}

t.test('D9 more new connections at once than may wait: the rest is reset, those who wait are served', async (t) => {
  const gateway = await openGateway(t, { limits: { connectionsWaiting: 5 } });
  const request = await requestOf(gateway);
  const many = await openMany(t, gateway, 60);
  for (const { socket } of many) socket.write(hello);
  await until(() => many.every(({ received, isClosed }) => received > 0 || isClosed), 'each is served or ended');
  const refused = many.filter(({ isClosed }) => isClosed);
  t.ok(refused.length > 0 && refused.length < 60, `${refused.length} of 60 were refused`);
  t.ok(
    refused.every(({ isReset, received }) => isReset && received === 0),
    'by a reset, so that the client knows at once',
  );
  t.equal((await sendRaw(gateway.raw, request)).status, 200, 'and then there is room again');
});

t.test('D9 what is no ClientHello does not wait in memory', async (t) => {
  // Only what is tested here ends them within this test.
  const gateway = await openGateway(t, { limits: { headersMs: 3_600_000 } });
  const many = await openMany(t, gateway, 40);
  // The beginning of a ClientHello of 100 KB, which TLS would wait for.
  const record = Buffer.concat([Buffer.from([0x16, 3, 1, 0x40, 0]), Buffer.alloc(16 * 1024)]);
  const first = Buffer.from(record).fill(Buffer.from([1, 1, 0x86, 0xa0, 3, 3]), 5, 11);
  const endless = Buffer.concat([first, record, record]);
  for (const { socket } of many) socket.write(endless);
  await until(() => many.filter(({ isClosed }) => isClosed).length > 20, 'whoever would have to wait is ended');
  t.equal((await sendRaw(gateway.raw, await requestOf(gateway))).status, 200);
});

t.test('who comes while the gateway starts is answered when it can', async (t) => {
  let early: Promise<{ status: number; body: string }> | undefined;
  await openGateway(t, {
    async whileStarting(raw) {
      early = sendRaw(
        { ...raw, servername: 'localhost' },
        'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
      );
      // Far more turns of the loop than a handshake and an answer take.
      for (let turn = 0; turn < 500; turn++) await new Promise((resolve) => setImmediate(resolve));
    },
  });
  t.match(await early, { status: 200, body: 'main' });
});

t.test('who leaves while waiting leaves nothing behind', async (t) => {
  const gateway = await openGateway(t, { limits: { connectionsWaiting: 20 } });
  const { server } = gateway.edge;
  const countOpen = () => new Promise<number>((resolve) => server.getConnections((_, open) => resolve(open)));
  const isGone = (what: string) => eventually(what, async () => (await countOpen()) === 0);
  for (const { socket } of await openMany(t, gateway, 10)) socket.resetAndDestroy();
  await isGone('reset without a word');
  for (const { socket } of await openMany(t, gateway, 10)) socket.end();
  await isGone('ended without a word');
  const both = await openMany(t, gateway, 20);
  for (const { socket } of both) socket.write(hello, () => socket.resetAndDestroy());
  await isGone('reset in the middle of a handshake');
  t.equal((await sendRaw(gateway.raw, await requestOf(gateway))).status, 200);
});

t.test('closing serves those who have spoken and does not wait for those who have not', async (t) => {
  const gateway = await openGateway(t);
  const silent = await openMany(t, gateway, 3);
  const spoken = await openMany(t, gateway, 30);
  for (const { socket } of spoken) socket.write(hello);
  let isClosed = false;
  // Far longer than this test may take.
  const closed = gateway.edge.close(3_600_000).then(() => (isClosed = true));
  await until(() => spoken.every(({ received }) => received > 0), 'who had spoken is answered');
  for (const { socket } of spoken) socket.destroy();
  await until(() => silent.every((one) => one.isClosed), 'who had not is ended');
  await closed;
  t.ok(isClosed);
});

t.test('a handshake that arrives in pieces while others wait is one handshake', async (t) => {
  const gateway = await openGateway(t);
  const request = await requestOf(gateway);
  const many = await openMany(t, gateway, 100);
  for (const { socket } of many) socket.setNoDelay(true).write(hello.subarray(0, 10));
  for (const { socket } of many) socket.write(hello.subarray(10, 30));
  for (const { socket } of many) socket.write(hello.subarray(30));
  await until(() => many.every(({ received, isClosed }) => received > 0 && !isClosed), 'each is answered');
  const later = connectTcp({ port: gateway.port, host: '127.0.0.1' });
  await once(later, 'connect');
  later.destroy();
  t.equal((await sendRaw(gateway.raw, request)).status, 200);
});
