import { createServer, type AddressInfo, type Socket, connect as connectTcp } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import t from 'tap';
import { metric, openFiles, openHouse, residentMebibytes } from './house.ts';
import { eventually } from '../support/eventually.ts';

// Tells what hangs: ten thousand take seconds on a quiet machine, and minutes on one that does other things.

const switching =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n';
/** Hears that an upgrade, told apart by its path, reached the upstream and gets no answer there. */
const unanswered = new Map<string, () => void>();
/** Accepts an upgrade at once, after a moment, never, or after half of its answer; then echoes. */
const open = new Set<Socket>();
let asked = 0;
const upstream = createServer((socket) => {
  open.add(socket);
  socket.on('close', () => open.delete(socket)).on('error', () => undefined);
  socket.once('data', (request: Buffer) => {
    const way = asked++ % 8;
    if (way === 6) socket.write(switching.slice(0, 30));
    if (way >= 6) return unanswered.get(/^GET (\S+)/.exec(request.toString('latin1'))?.[1] ?? '')?.();
    if (way === 5) setTimeout(() => void socket.write(switching), 3);
    else socket.write(switching);
    socket.on('data', (data) => void socket.write(data));
  });
});
await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
t.teardown(() => {
  for (const socket of open) socket.destroy();
  upstream.close();
});
const house = await openHouse(t, {
  apps: [{ name: 'sockets', upstream: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}` }],
});
const { gateway, raw } = house;
const cookie = await house.cookieOf(house.ann, 'sockets.localhost').catch(() => '');

const iterations = 10_000;
let paths = 0;
const lanes = 50;
/** The same numbers in every run. */
let state = 20261123;
const random = (below: number): number => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state % below;
};

let session: Buffer | undefined;
const moments = ['tcp', 'hello', 'tls', 'head', 'asked', 'soon', 'answered', 'frames'] as const;
const reached: Record<string, number> = {};

/** One connection that is reset at a moment of its life. */
async function churn(path: string): Promise<void> {
  const handshake = handshakeFor(path);
  const moment = moments[random(moments.length)]!;
  const tcp = connectTcp({ port: raw.port, host: '127.0.0.1' });
  tcp.on('error', () => undefined);
  const ended = new Promise<void>((resolve) => void tcp.once('close', () => resolve()));
  const reset = (): void => {
    reached[moment] = (reached[moment] ?? 0) + 1;
    tcp.resetAndDestroy();
  };
  if (moment === 'tcp') tcp.once('connect', reset);
  else {
    const tls = connectTls({
      socket: tcp,
      ca: raw.ca,
      servername: 'localhost',
      ALPNProtocols: ['http/1.1'],
      ...(session === undefined ? {} : { session }),
    });
    tls.on('error', () => undefined);
    tls.on('session', (next: Buffer) => (session ??= next));
    if (moment === 'hello') tcp.once('connect', () => setTimeout(reset, random(3)));
    else tls.once('secureConnect', () => talk(tls, moment, { path, handshake }, reset));
  }
  await ended;
  unanswered.delete(path);
}

function talk(
  tls: TLSSocket,
  moment: (typeof moments)[number],
  { path, handshake }: { path: string; handshake: Buffer },
  reset: () => void,
): void {
  if (moment === 'tls') return reset();
  if (moment === 'head') {
    tls.write(handshake.subarray(0, 1 + random(handshake.length - 2)));
    return void setImmediate(reset);
  }
  tls.write(handshake);
  if (moment === 'asked') return void setImmediate(reset);
  if (moment === 'soon') return void setTimeout(reset, random(5));
  let isAnswered = false;
  unanswered.set(path, () => setTimeout(reset, random(20)));
  tls.on('data', () => {
    if (isAnswered) return;
    isAnswered = true;
    if (moment === 'answered') return reset();
    // A masked text frame, half of a second one, and away.
    tls.write(Buffer.from([0x81, 0x82, 1, 2, 3, 4, 0x69, 0x6b, 0x81, 0xfe, 0x10]));
    setTimeout(reset, random(4));
  });
}

const handshakeFor = (path: string): Buffer =>
  Buffer.from(
    `GET ${path} HTTP/1.1\r\nHost: sockets.localhost:${raw.port}\r\nOrigin: https://sockets.localhost:${raw.port}\r\nCookie: ${cookie}\r\n` +
      `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${'A'.repeat(22)}==\r\n\r\n`,
  );

t.test('W3 ten thousand upgrades, reset at every moment, leave nothing behind', async (t) => {
  const run = async (count: number): Promise<void> => {
    let left = count;
    await Promise.all(
      Array.from({ length: lanes }, async () => {
        while (left-- > 0) await churn(`/ws/${(paths += 1)}`);
      }),
    );
  };
  await run(500);
  const facts = async () => ({
    files: openFiles(gateway.pid),
    handles: await metric(gateway, 'nodejs_active_handles_total'),
    streams: await metric(gateway, 'knot_live_streams'),
  });
  let before = await facts();
  await eventually('the gateway comes to rest', async () => {
    const earlier = before;
    await new Promise((resolve) => setTimeout(resolve, 300));
    before = await facts();
    return before.streams === 0 && before.files === earlier.files && before.handles === earlier.handles;
  });
  const memory = residentMebibytes(gateway.pid);
  const startedAt = Date.now();
  await run(iterations);
  const seconds = (Date.now() - startedAt) / 1000;
  t.comment(
    `${iterations} in ${seconds.toFixed(1)} s; moments ${JSON.stringify(reached)}; ${asked} upgrades reached the upstream`,
  );
  t.ok(asked > iterations / 5, 'neighbour: many reach the upstream');
  await eventually(`files, handles and streams return to ${JSON.stringify(before)}`, async () => {
    const after = await facts();
    return after.files <= before.files + 3 && after.handles <= before.handles + 3 && after.streams === 0;
  }).catch(async (error: unknown) => {
    t.comment(JSON.stringify(await facts()));
    throw error;
  });
  t.strictSame((await facts()).streams, before.streams);
  t.ok(residentMebibytes(gateway.pid) - memory < 96, 'memory stays flat');
  t.notMatch(gateway.output(), /MaxListeners|uncaught|unhandled|request failed/i);
  await t.resolves(house.serveMs(), 'and the process answers');
});
