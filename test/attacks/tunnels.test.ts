import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import t from 'tap';
import { openRaw, sendRaw } from '../support/net/raw-client.ts';
import { runKnot, startGateway } from '../support/process/gateway.ts';
import { openHouse, residentMebibytes, promptMs } from './house.ts';
import { eventually } from '../support/eventually.ts';

/** Accepts every upgrade and keeps what comes behind it. */
const tunnels = { open: new Set<Socket>(), bytes: [] as Buffer[] };
const upstream = createServer((socket) => {
  socket.on('error', () => undefined);
  socket.once('data', (data: Buffer) => {
    if (!/upgrade: websocket/i.test(data.toString('latin1'))) {
      return void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok');
    }
    tunnels.open.add(socket);
    socket.on('close', () => tunnels.open.delete(socket));
    socket.on('data', (frames: Buffer) => void tunnels.bytes.push(frames));
    return void socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n',
    );
  });
});
await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
t.teardown(() => {
  for (const socket of tunnels.open) socket.destroy();
  upstream.close();
});
const pair = await portPair();
t.teardown(() => pair.forEach(({ close }) => close()));
const house = await openHouse(t, {
  limits: { drainMs: 4_000, streamsPerSession: 2_000 },
  apps: [
    { name: 'sockets', upstream: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}` },
    ...pair.map(({ port }, index) => ({ name: `pair${index}`, upstream: `http://127.0.0.1:${port}` })),
  ],
});
const { gateway, raw, ann } = house;
const cookie = await house.cookieOf(ann, 'sockets.localhost');
const handshake =
  `GET /ws HTTP/1.1\r\nHost: sockets.localhost:${raw.port}\r\nOrigin: https://sockets.localhost:${raw.port}\r\nCookie: ${cookie}\r\n` +
  `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${'A'.repeat(22)}==\r\n`;

/** Two upstreams on ports that read the same when a digit moves from the port to the path: `310` + `0/x`, `3100` + `/x`. */
async function portPair(): Promise<{ port: number; received: string[]; close(): void }[]> {
  const listen = (port: number) =>
    new Promise<{ port: number; received: string[]; close(): void } | undefined>((resolve) => {
      const received: string[] = [];
      const server = createServer((socket) => {
        socket.on('error', () => undefined);
        socket.on('data', (data: Buffer) => {
          received.push(data.toString('latin1').split(' ', 2)[1]!);
          socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${String(port).length}\r\n\r\n${port}`);
        });
      });
      server.once('error', () => resolve(undefined));
      server.listen(port, '127.0.0.1', () => resolve({ port, received, close: () => void server.close() }));
    });
  for (let port = 2_100; port < 6_500; port++) {
    const short = await listen(port);
    if (short === undefined) continue;
    const long = await listen(port * 10 + 1);
    if (long !== undefined) return [short, long];
    short.close();
  }
  throw new Error('no such pair of ports is free');
}

async function openTunnel() {
  const socket = await openRaw(raw);
  const state = { socket, received: Buffer.alloc(0) as Buffer, isClosed: false };
  socket.on('data', (data: Buffer) => (state.received = Buffer.concat([state.received, data])));
  socket.on('close', () => (state.isClosed = true));
  socket.write(`${handshake}\r\n`);
  await eventually('the upgrade', () => state.received.includes('101 Switching'));
  return state;
}

t.test('W5 frames are passed on as they are, whatever they look like', async (t) => {
  const masked = (bytes: number[], length: number): Buffer =>
    Buffer.concat([Buffer.from(bytes), Buffer.alloc(length, 7)]);
  const tiny = Buffer.concat(Array.from({ length: 100_000 }, () => Buffer.from([0x00, 0x81, 1, 2, 3, 4, 9])));
  const cases: [name: string, bytes: Buffer][] = [
    ['100,000 fragments of one byte', tiny],
    ['an unmasked frame', Buffer.from([0x81, 0x02, 0x68, 0x69])],
    [
      'a frame that claims 2^63 bytes',
      Buffer.from([0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4]),
    ],
    ['a PING of 200 bytes', masked([0x89, 0xfe, 0, 200, 1, 2, 3, 4], 200)],
    ['reserved bits and opcodes', Buffer.from([0xff, 0x80, 1, 2, 3, 4])],
    ['neighbour: a plain message', Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69])],
  ];
  const before = residentMebibytes(gateway.pid);
  for (const [name, bytes] of cases) {
    tunnels.bytes.length = 0;
    const { socket } = await openTunnel();
    socket.write(bytes);
    const arrived = (): number => tunnels.bytes.reduce((sum, part) => sum + part.length, 0);
    await eventually(name, () => arrived() >= bytes.length);
    t.ok(Buffer.concat(tunnels.bytes).equals(bytes), name);
    socket.destroy();
  }
  t.ok(residentMebibytes(gateway.pid) - before < 96, 'memory stays flat');
  const many = Array.from({ length: 200 }, (_, index) => `X-${index}: b\r\n`).join('');
  const answer = await sendRaw(raw, `${handshake}${many}\r\n`);
  t.equal(answer.status, 431, '200 headers');
  await eventually('every tunnel is closed', () => tunnels.open.size === 0);
});

t.test('U3 upstreams whose address and path run together are never crossed', async (t) => {
  const ask = async (index: number, path: string) => {
    const own = await house.cookieOf(ann, `pair${index}.localhost`);
    const head = `GET ${path} HTTP/1.1\r\nHost: pair${index}.localhost\r\nCookie: ${own}\r\nConnection: close\r\n\r\n`;
    return (await sendRaw(raw, head)).body;
  };
  const [short, long] = pair as [(typeof pair)[0], (typeof pair)[0]];
  for (let round = 0; round < 3; round++) {
    t.equal(await ask(0, '/1/x'), String(short.port));
    t.equal(await ask(1, '/x'), String(long.port));
  }
  t.strictSame([...new Set(short.received)].sort(), ['/', '/1/x']);
  t.strictSame([...new Set(long.received)].sort(), ['/', '/x']);
});

t.test('U2 an upstream address that two parsers could read differently is refused when it is written', async (t) => {
  const addresses = [
    'http://good%2eexample',
    'http://user@evil.example',
    'http://good.example@evil.example',
    'http://[::1%25eth0]:80',
    'http://b\u00fccher.example',
    'http://a b',
    'http://evil.example#good.example',
    'http://evil.example?good.example',
    'http://evil.example\\good.example',
    'http:/evil.example',
    'file:///etc/passwd',
    'javascript:alert(1)',
  ];
  const folder = t.testdir({});
  const check = async (list: string[], command = ['config', 'show']) => {
    const apps = list.map((upstream, index) => `  - {name: app${index}, upstream: ${JSON.stringify(upstream)}}`);
    const file = join(folder, 'knot.yaml');
    writeFileSync(
      file,
      `data: data\nlisten: 127.0.0.1:0\nops: 127.0.0.1:0\nintegrations: {jupyterhub: {mode: "off"}}\napps:\n${apps.join('\n')}\n`,
    );
    return runKnot([...command, '--config', file]);
  };
  const refused = await check(addresses);
  t.not(refused.status, 0);
  for (const [index, address] of addresses.entries()) {
    t.match(refused.stderr, new RegExp(`apps(\\.|\\[|/)${index}\\b`), `${address} is named`);
  }
  const beyond = await check(['http://good.example:99999'], ['start']);
  t.match(beyond.stderr, /99999/, 'a port beyond 65535');
  t.not(beyond.status, 0);
  const accepted = await check(['http://good.example:8080', 'https://[2001:db8::1]:8443']);
  t.equal(accepted.status, 0, `neighbour: plain addresses are fine ${accepted.stderr.slice(0, 300)}`);
});

t.test('W9 a stop tells a thousand sockets to come back, and ends', async (t) => {
  const opened: Awaited<ReturnType<typeof openTunnel>>[] = [];
  for (let batch = 0; batch < 20; batch++) opened.push(...(await Promise.all(Array.from({ length: 50 }, openTunnel))));
  await eventually('a thousand sockets', () => tunnels.open.size === 1_000);
  t.ok((await house.serveMs()) < promptMs, 'neighbour: and plain requests are served');
  const startedAt = Date.now();
  const closedAt: number[] = [];
  for (const { socket } of opened) socket.once('close', () => closedAt.push(Date.now() - startedAt));
  let status: number | null | undefined;
  void gateway.signal('SIGTERM').then((code) => (status = code));
  await eventually('it ends', () => status !== undefined, 60_000);
  t.equal(status, 0);
  await eventually('every socket is closed', () => closedAt.length === 1_000);
  // 0x88: a close frame; 1012 is "service restart".
  const told = opened.filter(({ received }) => {
    const frames = received.subarray(received.indexOf('\r\n\r\n') + 4);
    return frames.length >= 4 && frames[0] === 0x88 && frames.readUInt16BE(2) === 1012;
  });
  t.equal(told.length, 1_000, 'each was told 1012');
  const spread = Math.max(...closedAt) - Math.min(...closedAt);
  t.ok(spread > 200, `spread over ${spread} ms, so that they do not come back all at once`);
});

t.test('C10 a restart keeps sessions, and what is no session stays none', async (t) => {
  const again = await startGateway({
    data: gateway.data,
    config: {
      integrations: { jupyterhub: { mode: 'off' } },
      apps: [{ name: 'echo', upstream: `http://127.0.0.1:${house.recorder.port}` }],
    },
  });
  t.teardown(() => again.stop());
  const get = (own: string) =>
    sendRaw(
      { ...raw, port: again.port },
      `GET /x HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${own}\r\nConnection: close\r\n\r\n`,
    );
  t.equal((await get(house.cookie)).status, 200, 'neighbour: the session is in the store, not in the process');
  t.equal((await get(`${house.cookie.slice(0, -1)}${house.cookie.endsWith('A') ? 'B' : 'A'}`)).status, 401);
  const ended = await again.knot(['session', 'end', '--user', 'ann']);
  t.equal(ended.status, 0, ended.stderr);
  await eventually('a session ended by another process is dead', async () => (await get(house.cookie)).status === 401);
});
