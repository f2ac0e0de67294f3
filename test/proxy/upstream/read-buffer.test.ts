import { createCipheriv, createHash } from 'node:crypto';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import { Agent, createServer as createHttpsServer, request as httpsRequest } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import type { Readable } from 'node:stream';
import t from 'tap';
import { selfSignedPair } from '../../support/net/self-signed.ts';
import type { Upstream } from '../../../gateway/routes/index.ts';
import { type Gateway, openGateway } from '../fixture.ts';
import { eventually } from '../../support/eventually.ts';

/** Bytes that are different for every seed and never repeat: any that are lost, doubled or another's are seen. */
function patternOf(seed: number): (length: number) => Buffer {
  const key = Buffer.alloc(16);
  key.writeUInt32BE(seed);
  const cipher = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
  return (length) => cipher.update(Buffer.alloc(length));
}

const digestOf = (seed: number, size: number) => createHash('sha256').update(patternOf(seed)(size)).digest('hex');

/** Sizes of the pieces an upstream writes: below, around and above those of records, buffers and high-water marks. */
const pieces = [1, 100, 16_384, 3, 65_536, 16_383, 262_144, 40_000, 1_000, 300_000, 5];

/** Answers `/sized/SEED/SIZE` and `/chunked/SEED/SIZE`, as fast as it is read. */
function answer(request: IncomingMessage, response: ServerResponse): void {
  const [, framing, seed, size] = request.url!.split('/');
  let left = Number(size);
  if (framing === 'sized') response.setHeader('content-length', left);
  const next = patternOf(Number(seed));
  let turn = Number(seed);
  const write = (): void => {
    while (left > 0) {
      const length = Math.min(left, pieces[turn++ % pieces.length]!);
      left -= length;
      if (!response.write(next(length))) return void response.once('drain', write);
    }
    response.end();
  };
  write();
}

const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

/** How a client reads: at once, a little at a time, or not at all for a while and then everything. */
const readers: Record<string, (stream: Readable, use: (chunk: Buffer) => void) => void> = {
  'a fast reader': (stream, use) => void stream.on('data', use),
  'a slow reader': (stream, use) => {
    stream.on('data', (chunk: Buffer) => {
      use(chunk);
      stream.pause();
      void turns(3).then(() => stream.resume());
    });
  },
  'a stop-and-go reader': (stream, use) => {
    let read = 0;
    stream.on('data', (chunk: Buffer) => {
      use(chunk);
      read += chunk.length;
      if (read < 700_000) return;
      read = 0;
      stream.pause();
      void turns(400).then(() => stream.resume());
    });
  },
};

type Get = (path: string, read: (stream: Readable, use: (chunk: Buffer) => void) => void) => Promise<string>;

function digestWhileReading(stream: Readable, read: (stream: Readable, use: (chunk: Buffer) => void) => void) {
  return new Promise<string>((resolve, reject) => {
    const hash = createHash('sha256');
    stream.on('end', () => resolve(hash.digest('hex'))).on('error', reject);
    stream.on('aborted', () => reject(new Error('cut')));
    read(stream, (chunk) => void hash.update(chunk));
  });
}

/** The ways to the gateway: its own HTTP/1.1, Node's (for requests that are not plain) and HTTP/2. */
function waysTo(t: { teardown(end: () => unknown): void }, gateway: Gateway, cookie: string): Record<string, Get> {
  const agent = new Agent({ keepAlive: true });
  t.teardown(() => agent.destroy());
  const overHttp1 =
    (fields: Record<string, string>): Get =>
    (path, read) =>
      new Promise((resolve, reject) => {
        const sent = httpsRequest({
          host: '127.0.0.1',
          port: gateway.port,
          servername: 'localhost',
          ca: gateway.raw.ca,
          agent,
          path,
          headers: { host: 'echo.localhost', cookie, ...fields },
        });
        sent.on('response', (received) => digestWhileReading(received, read).then(resolve, reject));
        sent.on('error', reject).end();
      });
  const session = connectHttp2(`https://127.0.0.1:${gateway.port}`, { ca: gateway.raw.ca, servername: 'localhost' });
  session.on('error', () => undefined);
  t.teardown(() => session.destroy());
  return {
    'HTTP/1.1': overHttp1({}),
    'HTTP/1.1 of Node': overHttp1({ te: 'trailers' }),
    'HTTP/2': (path, read) => {
      const stream = session.request({ ':path': path, ':authority': `echo.localhost:${gateway.port}`, cookie });
      return digestWhileReading(stream, read);
    },
  };
}

const pair = selfSignedPair();
const ca = pair.cert;
const upstreams: [name: string, start: () => Server, upstream: Partial<Upstream>][] = [
  ['http', () => createHttpServer(answer), {}],
  ['https', () => createHttpsServer(pair, answer), { protocol: 'https:', hostname: 'localhost', ca }],
  ['HTTP/2', () => createHttp2Server(answer as never), { http2: true }],
];

for (const [name, start, facts] of upstreams) {
  t.test(`many answers at once from an upstream over ${name} arrive byte for byte`, async (t) => {
    const server = start();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.teardown(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const gateway = await openGateway(t, {
      route: (route) => ({ ...route, upstream: { ...route.upstream, port, ...facts } }),
    });
    const { cookie } = await gateway.signIn();
    const ways = waysTo(t, gateway, cookie);

    let seed = 0;
    const failed: string[] = [];
    let bytes = 0;
    const check = async (way: string, framing: string, reader: string, size: number): Promise<void> => {
      const own = (seed += 1);
      const digest = await ways[way]!(`/${framing}/${own}/${size}`, readers[reader]!);
      if (digest !== digestOf(own, size)) failed.push(`${framing}, ${size} bytes, over ${way} to ${reader}`);
      bytes += size;
    };
    const large: Promise<void>[] = [];
    for (const way of Object.keys(ways)) {
      for (const reader of Object.keys(readers)) {
        for (const framing of ['sized', 'chunked']) large.push(check(way, framing, reader, 2_000_000 + seed * 1_111));
      }
    }
    const small = Object.keys(ways).flatMap((way) =>
      ['sized', 'chunked'].map(async (framing) => {
        for (let size = 0; size < 100; size += 1) await check(way, framing, 'a fast reader', size * size);
      }),
    );
    await Promise.all([...large, ...small]);
    t.strictSame(failed, []);
    t.ok(bytes > 36_000_000, `${bytes} bytes`);
    await eventually('everything is over', () => gateway.proxy.counts().requests === 0);
  });
}
