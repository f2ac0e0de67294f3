import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import t from 'tap';
import { openRaw, openResettable } from '../../support/net/raw-client.ts';
import { openGateway } from '../fixture.ts';
import { eventually } from '../../support/eventually.ts';

/** `KNOT_FUZZ_RUNS=20000` looks longer; `KNOT_FUZZ_SEED` elsewhere. */
const numRuns = Number(process.env['KNOT_FUZZ_RUNS'] ?? 1_200);
const seed = Number(process.env['KNOT_FUZZ_SEED'] ?? 20_261_126);
const clients = 16;

/** Numbers that look random and are the same each time (Mulberry32). */
function randomOf(start: number): (below: number) => number {
  let state = start >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const soon = (task: () => void, turns: number): void => {
  if (turns === 0) task();
  else setImmediate(() => soon(task, turns - 1));
};

/** What an upstream does with `/FATE/TOKEN`, once the head of the request is there. */
const fates: Record<string, (socket: Socket, token: string, hasBody: boolean) => void> = {
  sized: (socket, token) => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${token.length}\r\n\r\n${token}`),
  chunked: (socket, token) =>
    socket.write(
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${token.length.toString(16)}\r\n${token}\r\n0\r\n\r\n`,
    ),
  pieces: (socket, token) => {
    const bytes = `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${token.length.toString(16)}\r\n${token}\r\n0\r\nX: y\r\n\r\n`;
    for (let at = 0; at < bytes.length; at += 7) soon(() => socket.write(bytes.slice(at, at + 7)), at / 7);
  },
  'until the end': (socket, token) => socket.end(`HTTP/1.1 200 OK\r\n\r\n${token}`),
  'with more behind': (socket, token) =>
    socket.write(
      `HTTP/1.1 200 OK\r\nContent-Length: ${token.length}\r\n\r\n${token}HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray`,
    ),
  'more behind, later': (socket, token) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${token.length}\r\n\r\n${token}`);
    soon(() => socket.end(), 1);
  },
  later: (socket, token) => soon(() => fates['sized']!(socket, token, false), 40),
  cut: (socket, token) => socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${token.length + 5}\r\n\r\n${token}`),
  reset: (socket) => void socket.resetAndDestroy(),
  'no answer': (socket) => void socket.end(),
  broken: (socket) => socket.write('HTTP/1.1 200 OK\nContent-Length: 5\r\n\r\nstray\r\n\r\n'),
  'no content': (socket) => socket.write('HTTP/1.1 204 No Content\r\n\r\n'),
};

/** The final answer at the beginning of `text`, its body decoded; undefined while it is not whole. */
function readAnswer(text: string): { status: string; body: string; rest: string } | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const head = text.slice(0, end);
  const status = head.slice(9, 12);
  let rest = text.slice(end + 4);
  if (status.startsWith('1')) return readAnswer(rest);
  if (status === '204') return { status, body: '', rest };
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
  if (length !== undefined) {
    if (rest.length < Number(length)) return undefined;
    return { status, body: rest.slice(0, Number(length)), rest: rest.slice(Number(length)) };
  }
  for (let body = ''; ;) {
    const chunk = /^([0-9a-f]+)\r\n/.exec(rest);
    if (chunk === null) return undefined;
    const size = Number.parseInt(chunk[1]!, 16);
    rest = rest.slice(chunk[0].length);
    if (size === 0) {
      const trailers = /^(?:[^\r\n]+\r\n)*\r\n/.exec(rest);
      return trailers === null ? undefined : { status, body, rest: rest.slice(trailers[0].length) };
    }
    if (rest.length < size + 2) return undefined;
    body += rest.slice(0, size);
    rest = rest.slice(size + 2);
  }
}

t.setTimeout(60_000 + numRuns * 50);
// Seen once: with sockets reset under TLS, Node waits for ever in its own clean-up at the end (`Environment::CleanupHandles`).
t.teardown(() => void setImmediate(() => process.exit()));
t.test('whatever becomes of the others, an answer is whole, and the one to the request', async (t) => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    let text = '';
    let skip = 0;
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      for (;;) {
        const dropped = Math.min(skip, text.length);
        skip -= dropped;
        text = text.slice(dropped);
        const end = text.indexOf('\r\n\r\n');
        if (end === -1) return;
        const head = text.slice(0, end);
        skip = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
        text = text.slice(end + 4);
        const [, fate, token] = head.split(' ', 2)[1]!.split('/');
        fates[decodeURIComponent(fate!)]!(socket, token!, skip > 0);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const gateway = await openGateway(t, {
    limits: { firstByteMs: 3_000 },
    route: (route) => ({ ...route, upstream: { ...route.upstream, port } }),
  });
  const { cookie } = await gateway.signIn();
  const own = `Host: echo.localhost\r\nCookie: ${cookie}\r\nOrigin: ${gateway.address.originOf('echo.localhost')}\r\n`;
  const names = Object.keys(fates);
  const wrong: string[] = [];
  const outcomes = new Map<string, number>();
  let count = 0;

  async function runClient(random: (below: number) => number): Promise<void> {
    let open: { socket: TLSSocket; reset: () => void } | undefined;
    while (count < numRuns) {
      count += 1;
      if (open === undefined || open.socket.destroyed || !open.socket.writable) {
        open =
          random(3) === 0
            ? await openResettable(gateway.raw)
            : { socket: await openRaw(gateway.raw), reset: () => undefined };
        open.socket.setNoDelay(true);
      }
      const { socket, reset } = open;
      const fate = names[random(names.length)]!;
      const token = `token-${count}-${'x'.repeat(random(200))}`;
      const bodySize = random(2) === 0 ? 0 : [1, 5_000, 300_000][random(3)]!;
      const isOdd = random(4) === 0;
      const head =
        `${bodySize > 0 ? 'POST' : 'GET'} /${encodeURIComponent(fate)}/${token} HTTP/1.1\r\n${own}${isOdd ? 'TE: x\r\n' : ''}` +
        `${bodySize > 0 ? `Content-Length: ${bodySize}\r\n` : ''}\r\n`;
      const leaving = random(8);
      let text = '';
      const onData = (chunk: Buffer): void => void (text += chunk.toString('latin1'));
      socket.on('data', onData);
      socket.write(head);
      if (leaving === 0) soon(() => reset(), random(30));
      if (leaving === 1) soon(() => socket.end(), random(30));
      if (leaving === 2) soon(() => socket.destroy(), random(30));
      if (bodySize > 0 && !(leaving < 3)) socket.write(Buffer.alloc(bodySize, 'b'));
      let turns = 0;
      while (readAnswer(text) === undefined && !socket.destroyed) {
        await new Promise((resolve) => (turns++ < 200 ? setImmediate(resolve) : setTimeout(resolve, 2)));
        if (turns > 4_000)
          throw new Error(`no end of ${fate}, ${bodySize} bytes: ${JSON.stringify(text.slice(0, 200))}`);
      }
      socket.off('data', onData);
      const answer = readAnswer(text);
      const status = answer?.status ?? 'none';
      outcomes.set(status, (outcomes.get(status) ?? 0) + 1);
      const isRight = status !== '200' || (answer!.body === token && answer!.rest === '' && fate !== 'cut');
      if (!isRight || text.includes('stray')) wrong.push(`${fate} for ${token}: ${text}`);
      if (/connection: close/i.test(text) || answer === undefined) socket.destroy();
    }
    open?.socket.destroy();
  }

  await Promise.all(Array.from({ length: clients }, (_, index) => runClient(randomOf(seed + index))));
  t.strictSame(wrong.slice(0, 5), []);
  t.ok((outcomes.get('200') ?? 0) > numRuns / 4, JSON.stringify([...outcomes]));
  t.ok((outcomes.get('502') ?? 0) > numRuns / 100, 'some fail');
  await eventually('every exchange is over', () => gateway.proxy.counts().requests === 0);
});
