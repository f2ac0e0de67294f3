import { createHash } from 'node:crypto';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { WebSocket } from 'ws';
import type { LimitSettings } from '../../../gateway/config/index.ts';
import { openRaw } from '../../support/net/raw-client.ts';
import { openGateway } from '../fixture.ts';
import { eventually } from '../../support/eventually.ts';

const switching = 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n';

type Up = { socket: Socket; bytes: Buffer };

/** An upstream that accepts every upgrade, keeps the client's bytes and says what a test makes it say. */
async function setUp(t: Test, limits: Partial<LimitSettings>) {
  const upstreams: Up[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (head: Buffer) => {
      const up: Up = { socket, bytes: Buffer.alloc(0) };
      upstreams.push(up);
      socket.on('data', (chunk: Buffer) => (up.bytes = Buffer.concat([up.bytes, chunk])));
      const key = /sec-websocket-key: (\S+)/i.exec(head.toString('latin1'))?.[1];
      socket.write(`${switching}sec-websocket-accept: ${acceptOf(key!)}\r\n\r\n`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    for (const { socket } of upstreams) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const gateway = await openGateway(t, {
    limits,
    route: (route) => ({ ...route, upstream: { ...route.upstream, port } }),
  });
  const { cookie } = await gateway.signIn();
  const origin = gateway.address.originOf('echo.localhost');

  /** A client by hand: collects what it is sent, answers nothing by itself. */
  async function openByHand() {
    const socket = await openRaw(gateway.raw);
    const client = { socket, frames: Buffer.alloc(0) as Buffer, isClosed: false };
    let received = Buffer.alloc(0) as Buffer;
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const end = received.indexOf('\r\n\r\n');
      if (end !== -1) client.frames = received.subarray(end + 4);
    });
    socket.on('close', () => (client.isClosed = true));
    socket.write(
      `GET /ws HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${cookie}\r\nOrigin: ${origin}\r\n` +
        `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${rawKey}\r\n\r\n`,
    );
    await eventually('the upgrade', () => received.includes('\r\n\r\n'));
    return client;
  }

  function openWs(): WebSocket {
    return new WebSocket(`wss://echo.localhost:${gateway.port}/ws`, {
      ca: gateway.raw.ca,
      lookup: ((_host: string, { all }: { all?: boolean }, found: (...facts: unknown[]) => void) =>
        all ? found(null, [{ address: '127.0.0.1', family: 4 }]) : found(null, '127.0.0.1', 4)) as never,
      headers: { cookie, origin },
    });
  }
  const reasons = () => gateway.entries.filter(({ protocol }) => protocol === 'ws').map(({ reason }) => reason);
  return { gateway, upstreams, openByHand, openWs, reasons };
}

const rawKey = `${'A'.repeat(22)}==`;

function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}

function masked(first: number, payload: Uint8Array): Buffer {
  const mask = Uint8Array.of(9, 8, 7, 6);
  return Buffer.concat([
    Buffer.from([first, 0x80 | payload.length]),
    mask,
    payload.map((byte, index) => byte ^ mask[index & 3]!),
  ]);
}

/** Where our pings are in what a client got: 0x89, 16 bytes. */
function pingsIn(frames: Buffer): Buffer[] {
  const pings: Buffer[] = [];
  for (let at = 0; at + 18 <= frames.length; at += 2 + frames[at + 1]!) {
    if (frames[at] === 0x89 && frames[at + 1] === 16) pings.push(frames.subarray(at + 2, at + 18));
  }
  return pings;
}

t.test('a client that answers pings stays, and the upstream never hears of them', async (t) => {
  const { openWs, upstreams, gateway, reasons } = await setUp(t, { webSocketPingMs: 100, webSocketPongMs: 300 });
  const socket = openWs();
  let pings = 0;
  socket.on('ping', () => (pings += 1));
  await new Promise<void>((resolve, reject) => void socket.once('open', resolve).once('error', reject));
  await eventually('four pings', () => pings >= 4);
  t.equal(socket.readyState, WebSocket.OPEN);
  t.equal(upstreams[0]!.bytes.length, 0, 'no pong of ours went on');
  socket.pong('own');
  await eventually('a pong of its own goes on', () => upstreams[0]!.bytes.length === 9);
  t.equal(upstreams[0]!.bytes[0], 0x8a);
  socket.terminate();
  await eventually('the access line', () => reasons().length === 1);
  t.equal(gateway.live.count(), 0);
});

t.test('a client that answers nothing is closed, freed and named in the access line', async (t) => {
  const { openByHand, upstreams, gateway, reasons } = await setUp(t, { webSocketPingMs: 100, webSocketPongMs: 200 });
  const client = await openByHand();
  t.equal(gateway.live.count(), 1);
  await eventually('the end', () => client.isClosed && reasons().length === 1);
  t.equal(pingsIn(client.frames).length, 1, 'after one ping');
  t.strictSame(reasons(), ['client_silent']);
  t.equal(gateway.live.count(), 0);
  t.strictSame(gateway.proxy.counts(), { requests: 0, webSockets: 0 });
  await eventually(
    'the upstream side is gone',
    () => upstreams[0]!.socket.destroyed || upstreams[0]!.socket.readableEnded,
  );
});

t.test('any byte is a sign of life; each answer is taken out, wherever it stands', async (t) => {
  const { openByHand, upstreams } = await setUp(t, { webSocketPingMs: 100, webSocketPongMs: 400 });
  const client = await openByHand();
  let sent = Buffer.alloc(0);
  const say = (...parts: Buffer[]): void => {
    sent = Buffer.concat([sent, ...parts]);
  };
  const payloads = new Set<string>();
  for (let round = 0; round < 4; round++) {
    await eventually(`ping ${round}`, () => pingsIn(client.frames).length > round);
    const payload = pingsIn(client.frames).at(-1)!;
    payloads.add(payload.toString('hex'));
    // A message in two fragments with the answer between them, and a pong of the client's own behind.
    const [begin, end] = [masked(0x01, Buffer.from('ab')), masked(0x80, Buffer.from('cd'))];
    const own = masked(0x8a, Buffer.alloc(16, round));
    say(begin, end, own);
    for (const byte of Buffer.concat([begin, masked(0x8a, payload), end, own]))
      client.socket.write(Uint8Array.of(byte));
    await eventually('what was meant for the upstream', () => upstreams[0]!.bytes.length === sent.length);
    t.ok(upstreams[0]!.bytes.equals(sent));
  }
  t.equal(payloads.size, 4, 'no payload comes twice');
  t.notOk(client.isClosed);
  client.socket.destroy();
});

t.test('no ping is put into a frame of the upstream; between two fragments it is', async (t) => {
  const { openByHand, upstreams, reasons } = await setUp(t, { webSocketPingMs: 60, webSocketPongMs: 100 });
  const client = await openByHand();
  await eventually('the upstream', () => upstreams.length === 1);
  const { socket } = upstreams[0]!;
  socket.write(Buffer.concat([Buffer.from([0x01, 100]), Buffer.alloc(40, 0x61)]));
  await eventually('half a fragment', () => client.frames.length === 42);
  const rest = 600;
  const waitedFrom = Date.now();
  await eventually('longer than both limits', () => Date.now() - waitedFrom > rest);
  t.equal(client.frames.length, 42, 'nothing was put between');
  t.notOk(client.isClosed, 'who could not be asked is not silent');
  socket.write(Buffer.alloc(60, 0x61));
  await eventually('the ping behind the fragment', () => client.frames.length >= 102 + 18);
  t.equal(pingsIn(client.frames.subarray(102)).length, 1);
  await eventually('the end', () => client.isClosed && reasons().length === 1);
  t.strictSame(reasons(), ['client_silent']);
});

t.test('a client that does not speak the protocol is not asked, a forgotten socket is not kept alive', async (t) => {
  const { openByHand, openWs, upstreams, reasons } = await setUp(t, {
    ...{ webSocketPingMs: 50, webSocketPongMs: 200, streamIdleMs: 600 },
  });
  const odd = await openByHand();
  odd.socket.write(Uint8Array.of(0x81, 0x02, 0x68, 0x69));
  await eventually('an unmasked frame goes on', () => upstreams[0]!.bytes.length === 4);
  const forgotten = openWs();
  let pings = 0;
  forgotten.on('ping', () => (pings += 1)).on('error', () => undefined);
  let code = 0;
  forgotten.on('close', (value) => (code = value));
  await eventually('both end', () => code !== 0 && odd.isClosed && reasons().length === 2);
  t.equal(code, 1001);
  t.ok(pings >= 2, 'it was asked, and answered');
  t.equal(pingsIn(odd.frames).length, 0);
  t.strictSame(reasons(), ['idle', 'idle']);
});

t.test('0 switches pings off', async (t) => {
  const { openByHand, reasons } = await setUp(t, { webSocketPingMs: 0, webSocketPongMs: 50, streamIdleMs: 500 });
  const client = await openByHand();
  await eventually('the end', () => client.isClosed && reasons().length === 1);
  t.equal(pingsIn(client.frames).length, 0);
  t.strictSame(reasons(), ['idle']);
});
