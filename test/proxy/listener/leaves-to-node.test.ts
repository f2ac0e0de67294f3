import type { AddressInfo } from 'node:net';
import { createServer } from 'node:http';
import fc from 'fast-check';
import t from 'tap';
import { WebSocketServer } from 'ws';
import type { TLSSocket } from 'node:tls';
import { openRaw } from '../../support/net/raw-client.ts';
import { type Gateway, openGateway } from '../fixture.ts';
import { eventually } from '../../support/eventually.ts';

/** `KNOT_FUZZ_RUNS=5000` looks longer; `KNOT_FUZZ_SEED` elsewhere. */
const numRuns = Number(process.env['KNOT_FUZZ_RUNS'] ?? 150);
const seed = Number(process.env['KNOT_FUZZ_SEED'] ?? 20_261_127);

type Kind = 'get' | 'head' | 'empty' | 'length' | 'large' | 'chunked' | 'continue' | 'lower';

/** The bytes of one request, and what the upstream must see of it. */
function requestOf(kind: Kind, index: number, own: string): { bytes: string; line: string; body: string } {
  const path = `/${kind}/${index}`;
  const plain = (method: string, fields = '', body = '', seen = body) => ({
    bytes: `${method} ${path} HTTP/1.1\r\n${own}${fields}\r\n${body}`,
    line: `${method} ${path} HTTP/1.1`,
    body: seen,
  });
  const body = `body of ${index}\r\n\r\nGET /not-a-request HTTP/1.1\r\n\r\n`;
  switch (kind) {
    case 'get':
      return plain('GET');
    case 'head':
      return plain('HEAD');
    case 'empty':
      return plain('PUT', 'Content-Length: 0\r\n');
    case 'lower':
      return plain('GET', 'connection: Keep-Alive\r\n');
    case 'length':
      return plain('POST', `Content-Length: ${body.length}\r\n`, body);
    case 'continue':
      return plain('POST', `Expect: 100-continue\r\nContent-Length: ${body.length}\r\n`, body);
    case 'large': {
      const large = `${index}.`.repeat(40_000);
      return plain('PUT', `Content-Length: ${large.length}\r\n`, large);
    }
    default: {
      const half = body.slice(0, 9);
      const rest = body.slice(9);
      const chunks = `${half.length.toString(16)}\r\n${half}\r\n${rest.length.toString(16)};x=y\r\n${rest}\r\n0\r\n\r\n`;
      return plain('POST', 'Transfer-Encoding: chunked\r\n', chunks, body);
    }
  }
}

/** Reads answers one behind the other; each ends where its Content-Length says, none is there for HEAD. */
function readAnswers(socket: TLSSocket, isHead: (index: number) => boolean) {
  let text = '';
  const answers: { status: number; about: string; body: string }[] = [];
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    for (;;) {
      const end = text.indexOf('\r\n\r\n');
      if (end === -1) return;
      const head = text.slice(0, end);
      const status = Number(head.slice(9, 12));
      if (status === 100) {
        text = text.slice(end + 4);
        continue;
      }
      const length = isHead(answers.length) ? 0 : Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? Number.NaN);
      if (!(text.length >= end + 4 + length)) return;
      const about = /^x-about: (.*)$/im.exec(head)?.[1] ?? '';
      answers.push({ status, about, body: text.slice(end + 4, end + 4 + length) });
      text = text.slice(end + 4 + length);
    }
  });
  return { answers, rest: () => text };
}

async function writeInPieces(socket: TLSSocket, bytes: string, cuts: readonly number[]): Promise<void> {
  const positions = [...new Set(cuts.map((cut) => cut % bytes.length))].sort((a, b) => a - b);
  let from = 0;
  for (const to of [...positions, bytes.length]) {
    if (to === from) continue;
    socket.write(Buffer.from(bytes.slice(from, to), 'latin1'));
    from = to;
    // The other side of the loopback gets a turn, so that most pieces are read by themselves.
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

t.setTimeout(60_000 + numRuns * 100);

const ownFields = (gateway: Gateway, cookie: string) =>
  `Host: echo.localhost\r\nCookie: ${cookie}\r\nOrigin: ${gateway.address.originOf('echo.localhost')}\r\n`;

t.test('requests of every kind on one connection: each arrives once, in order, with its body and answer', async (t) => {
  t.setTimeout(60_000 + numRuns * 100);
  const gateway = await openGateway(t);
  const { recorder, raw } = gateway;
  const own = ownFields(gateway, (await gateway.signIn()).cookie);
  const kinds = fc.array(
    fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom<Kind>('get', 'head', 'length', 'empty', 'lower') },
      { weight: 1, arbitrary: fc.constantFrom<Kind>('chunked', 'continue', 'large') },
    ),
    { minLength: 1, maxLength: 9 },
  );
  const cuts = fc.array(fc.nat(1_000_000), { maxLength: 12 });
  const property = fc.asyncProperty(kinds, cuts, fc.boolean(), async (list, positions, mayPipeline) => {
    // Who asks for 100 (Continue) waits for it.
    const isPipelined = mayPipeline && !list.includes('continue');
    recorder.reset();
    recorder.answerWith(({ method, target, body }) => {
      const content = `${method} ${target} ${body.length}`;
      return `HTTP/1.1 200 OK\r\nX-About: ${target}\r\nContent-Length: ${content.length}\r\n\r\n${method === 'HEAD' ? '' : content}`;
    });
    const socket = (await openRaw(raw)).setNoDelay(true);
    try {
      const requests = list.map((kind, index) => requestOf(kind, index, own));
      const { answers, rest } = readAnswers(socket, (index) => list[index] === 'head');
      if (isPipelined) await writeInPieces(socket, requests.map(({ bytes }) => bytes).join(''), positions);
      for (const [index, { bytes }] of requests.entries()) {
        if (!isPipelined) await writeInPieces(socket, bytes, positions);
        const late = performance.now() + 5_000;
        while (answers.length <= index && !socket.destroyed && performance.now() < late) {
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
        if (answers.length <= index)
          throw new Error(`no answer ${index}; left: ${JSON.stringify(rest().slice(0, 300))}`);
      }
      const seen = recorder.requests.map(({ line, body }) => ({ line, body }));
      const sent = requests.map(({ line, body }) => ({ line, body }));
      // Node's server begins requests that were sent ahead before the earlier ones are answered, on connections of their own.
      if (isPipelined) for (const some of [seen, sent]) some.sort((a, b) => (a.line < b.line ? -1 : 1));
      if (JSON.stringify(seen) !== JSON.stringify(sent)) {
        throw new Error(`the upstream saw ${JSON.stringify(seen.map(({ line }) => line))}`);
      }
      for (const [index, { line, body }] of requests.entries()) {
        const [method, target] = line.split(' ');
        const content = method === 'HEAD' ? '' : `${method} ${target} ${body.length}`;
        const answer = answers[index]!;
        if (answer.status !== 200 || answer.about !== target || answer.body !== content) {
          throw new Error(`answer ${index} is ${JSON.stringify(answer)}`);
        }
      }
      if (answers.length !== list.length || rest() !== '') throw new Error('more was answered than asked');
    } finally {
      socket.destroy();
    }
  });
  await fc.assert(property, { numRuns, seed });
  t.ok(recorder.connections() < numRuns * 2, 'connections to the upstream are used again');
  await eventually('everything is over', () => gateway.proxy.counts().requests === 0);
});

t.test('a WebSocket may open on a connection that served plain requests', async (t) => {
  const server = createServer((_request, response) => response.end('plain'));
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) =>
    socket.on('message', (data) => socket.send(`echo ${(data as Buffer).toString()}`)),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    for (const client of sockets.clients) client.terminate();
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const gateway = await openGateway(t, {
    route: (route) => ({ ...route, upstream: { ...route.upstream, port } }),
  });
  const own = ownFields(gateway, (await gateway.signIn()).cookie);
  const get = `GET /plain HTTP/1.1\r\n${own}\r\n`;
  const upgrade =
    `GET /ws HTTP/1.1\r\n${own}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
    `Sec-WebSocket-Key: ${'A'.repeat(22)}==\r\n\r\n`;
  // A text frame "hello", masked with zeros.
  const frame = '\x81\x85\0\0\0\0hello';
  const sendings: [name: string, writes: string[]][] = [
    ['each by itself', [get, get, upgrade, frame]],
    ['all in one', [get + get + upgrade + frame]],
    ['the upgrade behind a request', [get, get + upgrade, frame]],
    ['the frame behind the upgrade', [get + get, upgrade + frame]],
    ['the upgrade in two', [get, get + upgrade.slice(0, 40), upgrade.slice(40) + frame.slice(0, 3), frame.slice(3)]],
    ['no request before it', [upgrade + frame]],
  ];
  for (const [name, writes] of sendings) {
    await t.test(name, async (t) => {
      const socket = await openRaw(gateway.raw);
      let text = '';
      socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
      for (const bytes of writes) await writeInPieces(socket, bytes, []);
      await eventually('the echo', () => text.endsWith('\x81\x0aecho hello'));
      t.equal(text.match(/HTTP\/1\.1 200/g)?.length ?? 0, name === 'no request before it' ? 0 : 2);
      t.equal(text.match(/HTTP\/1\.1 101/g)?.length, 1);
      t.ok(text.lastIndexOf('HTTP/1.1 200') < text.indexOf('HTTP/1.1 101'), 'in order');
      socket.destroy();
    });
  }
  await eventually('every tunnel is over', () => gateway.proxy.counts().webSockets === 0);
});

t.test('a connection of which nothing more comes is ended in time, before and after it is left to Node', async (t) => {
  const gateway = await openGateway(t, { limits: { headersMs: 600, keepAliveMs: 900 } });
  const own = ownFields(gateway, (await gateway.signIn()).cookie);
  const get = `GET /x HTTP/1.1\r\n${own}\r\n`;
  const chunked = `POST /x HTTP/1.1\r\n${own}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`;
  const sendings: [name: string, bytes: string][] = [
    ['nothing', ''],
    ['a byte', 'G'],
    ['half a request', get.slice(0, 30)],
    ['a request', get],
    ['a request and half of one', get + get.slice(0, 30)],
    ['a chunked request', get + chunked],
    ['a chunked request and half of one', get + chunked + get.slice(0, 30)],
  ];
  await Promise.all(
    sendings.map(async ([name, bytes]) => {
      const socket = await openRaw(gateway.raw);
      socket.resume();
      let isClosed = false;
      socket.on('close', () => (isClosed = true));
      socket.write(bytes);
      await eventually(`the end of a connection with ${name}`, () => isClosed);
      t.pass(name);
    }),
  );
});

t.test('an informational answer never comes to lie in the answer behind it', async (t) => {
  const gateway = await openGateway(t);
  const { recorder } = gateway;
  const own = ownFields(gateway, (await gateway.signIn()).cookie);
  // Not plain, so that it is Node's server that has two requests under way.
  const first = `GET /first HTTP/1.1\r\n${own}TE: trailers\r\n\r\n`;
  const seconds: [name: string, bytes: string][] = [
    ['100', `POST /second HTTP/1.1\r\n${own}Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello`],
    ['103', `GET /second HTTP/1.1\r\n${own}\r\n`],
  ];
  for (const [name, second] of seconds) {
    recorder.reset();
    let answerFirst = (): void => undefined;
    recorder.answerWith(({ target }, socket) => {
      const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n/second';
      if (target === '/second') return `HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n${answer}`;
      answerFirst = () => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n/first');
      return undefined;
    });
    const socket = await openRaw(gateway.raw);
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    socket.write(first + second);
    // The second answer is whole when its connection is used again.
    await eventually('both requests are there', () => recorder.requests.length === 2);
    const { cookie } = await gateway.signIn();
    const other = await openRaw(gateway.raw);
    other.write(`HEAD /second HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${cookie}\r\n\r\n`);
    await eventually('one more behind them', () => recorder.requests.length === 3);
    other.destroy();
    answerFirst();
    await eventually('both answers', () => /\/first[\s\S]*\/second/.test(text));
    t.match(
      text,
      /\r\n\r\n\/firstHTTP\/1\.1 (?:1\d\d [^\0]*HTTP\/1\.1 )?200 OK\r\n(?:[\w-]+: .*\r\n)*\r\n\/second$/,
      name,
    );
    socket.destroy();
  }
});
