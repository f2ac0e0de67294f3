import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import t from 'tap';
import { openRaw } from '../support/net/raw-client.ts';
import { clientHello } from '../support/net/client-hello.ts';
import { openHouse, promptMs } from './house.ts';
import { flag, frame, frameType, literalHeaders, openFrames } from '../support/net/http2-frames.ts';
import { eventually } from '../support/eventually.ts';

const limitMs = 3_000;
/**
 * The bound, the five seconds after which the parser of HTTP/1 looks for slow heads, and as much again for a machine that is busy; less than
 * what a gateway allows that was told nothing.
 */
const withinMs = 14_000;
const house = await openHouse(t, {
  limits: { headersMs: limitMs, keepAliveMs: limitMs, bodyIdleMs: limitMs, streamIdleMs: limitMs },
});
const { raw, recorder, host, origin, cookie } = house;

type Slow = {
  name: string;
  /** Returns whether the connection is over. */
  begin(): Promise<() => boolean>;
  status?: number;
};

/** Sends `first`, then `next` again and again. */
async function drip(first: string, next: string, everyMs = 250): Promise<() => boolean> {
  const socket = await openRaw(raw);
  let isClosed = false;
  socket.on('data', () => undefined).on('close', () => (isClosed = true));
  socket.write(first);
  if (next !== '') {
    const timer = setInterval(() => void (isClosed ? clearInterval(timer) : socket.write(next)), everyMs);
    timer.unref();
    socket.once('close', () => clearInterval(timer));
  }
  return () => isClosed;
}

const head = `Host: ${host}\r\nCookie: ${cookie}\r\n`;
const http2Head = (path: string, method = 'GET'): Buffer =>
  literalHeaders([
    [':method', method],
    [':scheme', 'https'],
    [':authority', host],
    [':path', path],
    ['origin', origin],
    ['cookie', cookie],
  ]);
const overHttp2 = async (...frames: Buffer[]): Promise<() => boolean> => {
  const connection = await openFrames(raw);
  connection.send(...frames);
  return () =>
    connection.isClosed() ||
    connection.received.some(
      ({ type, stream }) => type === frameType.reset || (type === frameType.headers && stream === 1),
    );
};

const slow: Slow[] = [
  {
    name: 'a header, one byte at a time',
    begin: () => drip(`GET /x HTTP/1.1\r\n${head}X: `, 'y'),
  },
  { name: 'a request line that never ends', begin: () => drip('GET /', 'a') },
  { name: 'a connection that says nothing', begin: () => drip('', '') },
  {
    name: 'a body that stops',
    begin: () => drip(`PUT /x HTTP/1.1\r\n${head}Origin: ${origin}\r\nContent-Length: 100\r\n\r\nabc`, ''),
  },
  {
    name: 'a chunk that stops',
    begin: () => drip(`PUT /x HTTP/1.1\r\n${head}Origin: ${origin}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc`, ''),
  },
  {
    name: 'an answer nobody reads',
    begin: async () => {
      const socket = await openRaw(raw);
      socket.write(`GET /large HTTP/1.1\r\n${head}\r\n`);
      socket.pause();
      return () => house.lines().some(({ path, reason }) => path === '/large' && reason === 'idle');
    },
  },
  {
    name: 'a kept connection without a next request',
    begin: () => drip(`GET /alive HTTP/1.1\r\n${head}\r\n`, ''),
  },
  {
    name: 'a handshake that stops after half a ClientHello',
    begin: async () => {
      const socket = connectTcp({ port: raw.port, host: '127.0.0.1' });
      let isClosed = false;
      socket
        .on('error', () => undefined)
        .on('close', () => (isClosed = true))
        .on('data', () => undefined);
      socket.write(clientHello(Buffer.from('localhost')).subarray(0, 40));
      return () => isClosed;
    },
  },
  {
    name: 'a handshake that is never begun',
    begin: async () => {
      const socket = connectTcp({ port: raw.port, host: '127.0.0.1' });
      let isClosed = false;
      socket
        .on('error', () => undefined)
        .on('close', () => (isClosed = true))
        .on('data', () => undefined);
      return () => isClosed;
    },
  },
  {
    name: 'a handshake that is never finished',
    begin: async () => {
      const socket = connectTcp({ port: raw.port, host: '127.0.0.1' });
      let isClosed = false;
      socket
        .on('error', () => undefined)
        .on('close', () => (isClosed = true))
        .on('data', () => undefined);
      socket.write(clientHello(Buffer.from('localhost')));
      return () => isClosed;
    },
  },
  {
    name: 'h2 chosen, and never spoken',
    begin: async () => {
      const socket = connectTls({
        port: raw.port,
        host: '127.0.0.1',
        ca: raw.ca,
        servername: 'localhost',
        ALPNProtocols: ['h2'],
      });
      let isClosed = false;
      socket
        .on('error', () => undefined)
        .on('close', () => (isClosed = true))
        .on('data', () => undefined);
      return () => isClosed;
    },
  },
  { name: 'HTTP/2 without a request', begin: () => overHttp2() },
  {
    // GOAWAY after the bound of idle connections, the end after that of idle streams.
    name: 'HTTP/2 headers without their end',
    begin: async () => {
      const connection = await openFrames(raw);
      connection.send(frame(frameType.headers, 0, 1, http2Head('/x')));
      return connection.isClosed;
    },
  },
  {
    name: 'HTTP/2 headers, one empty piece at a time',
    begin: async () => {
      const connection = await openFrames(raw);
      connection.send(frame(frameType.headers, 0, 1, http2Head('/x')));
      const timer = setInterval(() => {
        if (!connection.send(frame(frameType.continuation, 0, 1))) clearInterval(timer);
      }, 250);
      timer.unref();
      return connection.isRefused;
    },
  },
  {
    name: 'an HTTP/2 body that stops',
    begin: () =>
      overHttp2(
        frame(frameType.headers, flag.endHeaders, 1, http2Head('/x', 'PUT')),
        frame(frameType.data, 0, 1, Buffer.from('abc')),
      ),
  },
];

t.test('what is slow on purpose is ended in the stated time', async (t) => {
  const large = Buffer.alloc(16 * 1024 * 1024, 'z');
  recorder.answerWith(({ target }) =>
    target === '/large'
      ? Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${large.length}\r\n\r\n`), large])
      : 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  );
  // All at the same time, because each of them mostly waits.
  await Promise.all(
    slow.map(async ({ name, begin }) => {
      const startedAt = Date.now();
      const isOver = await begin();
      const tookMs = await eventually(name, isOver, withinMs).then(
        () => Date.now() - startedAt,
        () => undefined,
      );
      t.not(
        tookMs,
        undefined,
        `D3 ${name} ended${tookMs === undefined ? ` not within ${withinMs} ms` : ` after ${tookMs} ms`}`,
      );
    }),
  );
});

t.test('D3 neighbours: what moves may take longer than any bound', async (t) => {
  const upload = await openRaw(raw);
  let received = '';
  upload.on('data', (data: Buffer) => (received += data.toString('latin1')));
  upload.write(`PUT /slowly HTTP/1.1\r\n${head}Origin: ${origin}\r\nContent-Length: 20\r\n\r\n`);
  const events = await openRaw(raw);
  let count = 0;
  events.on('data', (data: Buffer) => (count += data.toString('latin1').split('data: ').length - 1));
  recorder.answerWith(({ target }, socket) => {
    if (target !== '/events') return 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
    socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n');
    const timer = setInterval(() => void socket.write('data: 1\n\n'), 300);
    socket.once('close', () => clearInterval(timer));
    return undefined;
  });
  events.write(`GET /events HTTP/1.1\r\n${head}Accept: text/event-stream\r\n\r\n`);
  for (let sent = 0; sent < 20; sent++) {
    upload.write('x');
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  await eventually('the slow upload is answered', () => /^HTTP\/1\.1 200 /.test(received));
  t.ok(count >= 12, `${count} events in twice the bound`);
  t.notOk(events.destroyed);
  upload.destroy();
  events.destroy();
  t.ok((await house.serveMs()) < promptMs);
});
