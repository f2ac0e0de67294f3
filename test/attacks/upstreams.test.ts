import { type AddressInfo, createServer, type Socket } from 'node:net';
import t from 'tap';
import { openRaw, readAnswer, sendRaw } from '../support/net/raw-client.ts';
import { metric, openFiles, openHouse, residentMebibytes } from './house.ts';
import { eventually } from '../support/eventually.ts';

/** Answers a POST before its body came, and everything else as it should. */
const early = { received: '', discarded: 0 };
const earlyServer = createServer((socket) => {
  socket.on('error', () => undefined);
  socket.on('data', (data: Buffer) => {
    const text = data.toString('latin1');
    const isPost = text.startsWith('POST');
    if (!isPost && !text.startsWith('GET')) return;
    if (isPost) socket.once('close', () => (early.discarded += 1));
    socket.write(isPost ? 'HTTP/1.1 413 Content Too Large\r\nContent-Length: 5\r\n\r\nlarge' : healthy());
  });
  socket.on('data', (data: Buffer) => (early.received += data.toString('latin1')));
});
await new Promise<void>((resolve) => earlyServer.listen(0, '127.0.0.1', resolve));
t.teardown(() => void earlyServer.close());
const house = await openHouse(t, {
  apps: [{ name: 'early', upstream: `http://127.0.0.1:${(earlyServer.address() as AddressInfo).port}` }],
  limits: { firstByteMs: 1_500, streamIdleMs: 1_500, bodyIdleMs: 1_500, answerHeaderBytes: 64 * 1024 },
});
const { gateway, recorder, raw, host, cookie } = house;
const get = (path: string, fields = 'Connection: close\r\n', method = 'GET') =>
  sendRaw(raw, `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\nCookie: ${cookie}\r\n${fields}\r\n`);
function healthy(): string {
  return 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine';
}
/** The upstream does as told for the path of the attack, and is healthy for everyone else. */
const behave = (how: (socket: Socket) => string | Buffer | undefined): void =>
  recorder.answerWith(({ target }, socket) => (target.startsWith('/hostile') ? how(socket) : healthy()));

type Hostile = {
  name: string;
  how: (socket: Socket) => string | Buffer | undefined;
  method?: string;
  /** A page of ours, or a stream that is visibly cut, or an answer that is taken up to its end and no further. */
  becomes: 502 | 504 | 'cut' | { status: number; body: string };
};

const ok = 'HTTP/1.1 200 OK\r\n';
const smuggled = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil';
const half = (text: string) => (socket: Socket) => {
  socket.write(text, 'latin1');
  setTimeout(() => socket.resetAndDestroy(), 20);
  return undefined;
};
/** Writes for ever, as fast as it is taken. */
const endless = (head: string, part: string) => (socket: Socket) => {
  const data = Buffer.from(part.repeat(Math.ceil(65_536 / part.length)));
  socket.write(head);
  const more = (): void => {
    while (!socket.destroyed && socket.write(data));
  };
  socket.on('drain', more);
  more();
  return undefined;
};
const drip = (text: string, everyMs: number) => (socket: Socket) => {
  let at = 0;
  const timer = setInterval(() => {
    if (socket.destroyed || at >= text.length) return clearInterval(timer);
    socket.write(text[at++]!);
    return undefined;
  }, everyMs);
  socket.once('close', () => clearInterval(timer));
  return undefined;
};

const cases: Hostile[] = [
  {
    name: 'S10 a 204 with a body',
    how: () => `HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nevil`,
    becomes: { status: 204, body: '' },
  },
  {
    name: 'S10 a 204 with a whole answer behind it',
    how: () => `HTTP/1.1 204 No Content\r\n\r\n${smuggled}`,
    becomes: { status: 204, body: '' },
  },
  {
    name: 'S10 a 304 with a body',
    how: () => `HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\nevil`,
    becomes: { status: 304, body: '' },
  },
  {
    name: 'S10 HEAD with a body',
    method: 'HEAD',
    how: () => `${ok}Content-Length: 4\r\n\r\nevil`,
    becomes: { status: 200, body: '' },
  },
  {
    name: 'S10 a whole answer behind the length',
    how: () => `${ok}Content-Length: 2\r\n\r\nok${smuggled}`,
    becomes: { status: 200, body: 'ok' },
  },
  {
    name: 'S10 a whole answer behind the chunks',
    how: () => `${ok}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n${smuggled}`,
    becomes: { status: 200, body: '2\r\nok\r\n0\r\n\r\n' },
  },
  { name: 'S10 two equal lengths', how: () => `${ok}Content-Length: 2\r\nContent-Length: 2\r\n\r\nok`, becomes: 502 },
  { name: 'S10 a list of lengths', how: () => `${ok}Content-Length: 2, 2\r\n\r\nok`, becomes: 502 },
  { name: 'S10 a negative length', how: () => `${ok}Content-Length: -2\r\n\r\nok`, becomes: 502 },
  { name: 'S10 a length with a sign', how: () => `${ok}Content-Length: +2\r\n\r\nok`, becomes: 502 },
  {
    name: 'S10 a chunk size beyond all bounds',
    how: () => `${ok}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nx`,
    becomes: 'cut',
  },
  { name: 'S10 a chunk without its end', how: half(`${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhel`), becomes: 'cut' },
  {
    name: 'S10 a chunk size that is none',
    how: () => `${ok}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n-1\r\n`,
    becomes: 'cut',
  },
  { name: 'D8 status 999', how: () => 'HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n', becomes: 502 },
  { name: 'D8 status 600', how: () => 'HTTP/1.1 600 X\r\nContent-Length: 0\r\n\r\n', becomes: 502 },
  { name: 'D8 status 000', how: () => 'HTTP/1.1 000 X\r\nContent-Length: 0\r\n\r\n', becomes: 502 },
  { name: 'D8 status 1000', how: () => 'HTTP/1.1 1000 X\r\nContent-Length: 0\r\n\r\n', becomes: 502 },
  {
    name: 'D8 a header of one MiB',
    how: () => `${ok}X: ${'a'.repeat(1 << 20)}\r\nContent-Length: 0\r\n\r\n`,
    becomes: 502,
  },
  { name: 'D8 headers without end', how: endless(ok, 'X-A: bbbbbbbb\r\n'), becomes: 502 },
  { name: 'D8 a status text without end', how: endless('HTTP/1.1 200 ', 'O'), becomes: 502 },
  {
    name: 'D8 a line break in a header',
    how: () => `${ok}X-A: b\rX-Knot-User: evil\r\nContent-Length: 0\r\n\r\n`,
    becomes: 502,
  },
  {
    name: 'D8 a folded header',
    how: () => `${ok}X-A: b\r\n Set-Cookie: evil=1\r\nContent-Length: 0\r\n\r\n`,
    becomes: 502,
  },
  { name: 'D8 a header without a name', how: () => `${ok}: b\r\nContent-Length: 0\r\n\r\n`, becomes: 502 },
  { name: 'D8 a header name with a space', how: () => `${ok}X A: b\r\nContent-Length: 0\r\n\r\n`, becomes: 502 },
  { name: 'D8 HTTP/0.9', how: () => 'hello', becomes: 502 },
  { name: 'D8 TLS where none is spoken', how: () => Buffer.from('16030100020228', 'hex'), becomes: 502 },
  {
    name: 'D8 a hint that is none',
    how: () => `HTTP/1.1 103 Early Hints\r\nLink: what\r\n\r\n${healthy()}`,
    becomes: { status: 200, body: 'fine' },
  },
  { name: 'D3 silence', how: () => undefined, becomes: 504 },
  { name: 'D3 half a status line', how: half('HTTP/1.'), becomes: 502 },
  { name: 'D3 half of the headers', how: half(`${ok}Content-Le`), becomes: 502 },
  { name: 'D3 half of the body', how: half(`${ok}Content-Length: 10\r\n\r\nabc`), becomes: 'cut' },
  { name: 'D3 a reset at once', how: (socket) => void socket.resetAndDestroy(), becomes: 502 },
  { name: 'D3 an end at once', how: (socket) => void socket.end(), becomes: 502 },
  {
    name: 'D3 headers one byte at a time',
    how: drip(`${ok}Content-Length: 2\r\nX: ${'y'.repeat(500)}`, 100),
    becomes: 504,
  },
  { name: 'D3 a body that stops', how: () => `${ok}Content-Length: 10\r\n\r\nabc`, becomes: 'cut' },
  {
    name: 'neighbour: a body one byte at a time',
    how: drip(`${ok}Content-Length: 8\r\n\r\nslowly!!`, 15),
    becomes: { status: 200, body: 'slowly!!' },
  },
  {
    name: 'neighbour: an answer that ends with the connection',
    how: (socket) => void socket.end(`${ok}\r\nuntil the end`),
    becomes: { status: 200, body: 'd\r\nuntil the end\r\n0\r\n\r\n' },
  },
];

t.test('a hostile upstream becomes our page or a cut stream, and its connection is not used again', async (t) => {
  for (const [index, { name, how, becomes, method = 'GET' }] of cases.entries()) {
    await t.test(name, async (t) => {
      house.forget();
      behave(how);
      const socket = await openRaw(raw);
      const path = `/hostile/${index}`;
      const fields = typeof becomes === 'object' ? '' : 'Connection: close\r\n';
      socket.write(`${method} ${path} HTTP/1.1\r\nHost: ${host}\r\nCookie: ${cookie}\r\n${fields}\r\n`);
      // Less than what bounds an answer where nothing else is said: one that is not whole by then is none.
      const answer = await readAnswer(socket, method === 'HEAD', 30_000);
      socket.destroy();
      if (typeof becomes === 'object') {
        t.equal(answer.status, becomes.status);
        t.equal(answer.body, becomes.body);
      } else if (becomes === 'cut') {
        t.ok(answer.isClosed, 'the stream is cut');
        t.notMatch(answer.bytes, /\r\n0\r\n\r\n$/, 'and does not look complete');
      } else {
        t.equal(answer.status, becomes);
        t.match(answer.body, /KNOT_PROXY_UPSTREAM/);
      }
      t.notMatch(answer.bytes, /evil|HPE_|UND_|127\.0\.0\.1/, 'nothing internal and nothing smuggled');
      const next = await Promise.all([get('/next/1'), get('/next/2'), get('/next/3')]);
      for (const { status, body } of next) t.strictSame([status, body], [200, 'fine'], 'others get their own answers');
      const line = await house.lineOf((one) => one.path === path);
      if (becomes !== 'cut') t.equal(line.status, answer.status);
      if (typeof becomes !== 'object') t.not(line.reason, '', `reason ${line.reason}`);
    });
  }
});

t.test('D8 a body without end stops with its reader and keeps the memory flat', async (t) => {
  house.forget();
  let written = 0;
  behave((socket) => {
    const data = Buffer.alloc(65_536, 'x');
    socket.write(`${ok}\r\n`);
    const more = (): void => {
      while (!socket.destroyed && socket.write(data)) written += data.length;
    };
    socket.on('drain', more);
    more();
    return undefined;
  });
  const before = residentMebibytes(gateway.pid);
  const socket = await openRaw(raw);
  socket.write(`GET /hostile/endless HTTP/1.1\r\nHost: ${host}\r\nCookie: ${cookie}\r\n\r\n`);
  let received = 0;
  socket.on('data', (data: Buffer) => {
    received += data.length;
    if (received > 100 * 1024 * 1024) socket.destroy();
  });
  await eventually('100 MiB', () => socket.destroyed);
  const growth = residentMebibytes(gateway.pid) - before;
  t.ok(growth < 96, `memory grew by ${Math.round(growth)} MiB`);
  const stopped = written;
  await house.lineOf(({ path }) => path === '/hostile/endless');
  t.ok(written - stopped < 64 * 1024 * 1024, 'the upstream is stopped when the client leaves');
});

t.test('D8 informational answers without end are not passed on without end', async (t) => {
  house.forget();
  behave(endless('', 'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n'));
  const before = residentMebibytes(gateway.pid);
  const socket = await openRaw(raw);
  let received = '';
  socket.on('data', (data: Buffer) => (received += data.toString('latin1')));
  socket.write(`GET /hostile/hints HTTP/1.1\r\nHost: ${host}\r\nCookie: ${cookie}\r\nConnection: close\r\n\r\n`);
  await eventually('the end', () => socket.destroyed);
  const hints = received.split('HTTP/1.1 103').length - 1;
  t.ok(hints <= 32, `${hints} hints`);
  t.match(received, /HTTP\/1\.1 502 /, 'then our page');
  t.ok(residentMebibytes(gateway.pid) - before < 64, 'memory stays flat');
});

t.test('S8 an early 413 is relayed, and neither connection is used again', async (t) => {
  const own = await house.cookieOf(house.ann, 'early.localhost');
  let received = '';
  const socket = await openRaw(raw);
  let isClosed = false;
  socket.on('data', (data: Buffer) => (received += data.toString('latin1'))).on('close', () => (isClosed = true));
  socket.write(
    `POST /early HTTP/1.1\r\nHost: early.localhost:${raw.port}\r\nCookie: ${own}\r\nOrigin: https://early.localhost:${raw.port}\r\nContent-Length: 1000000\r\n\r\n${'a'.repeat(1000)}`,
  );
  await eventually('the early answer', () => /large$/.test(received));
  t.match(received, /^HTTP\/1\.1 413 /);
  socket.write('GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n');
  await eventually('both connections are closed', () => early.discarded === 1 && isClosed);
  t.notMatch(early.received, /smuggled/);
  const next = `GET /next HTTP/1.1\r\nHost: early.localhost\r\nCookie: ${own}\r\nConnection: close\r\n\r\n`;
  t.equal((await sendRaw(raw, next)).body, 'fine', 'neighbour: the next request is served');
});

t.test('nothing is left behind', async (t) => {
  await eventually('no live stream', async () => (await metric(gateway, 'knot_live_streams')) === 0);
  await eventually('connections are closed', () => openFiles(gateway.pid) < 80);
  t.notMatch(gateway.output(), /uncaught|unhandled|MaxListeners/i);
});
