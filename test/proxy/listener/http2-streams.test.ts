import { connect as connectHttp2, createServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import type { MainHandler } from '../../../gateway/proxy/edge.ts';
import { createHttp2Front } from '../../../gateway/proxy/listener/http2-front.ts';
import {
  flag,
  frame,
  type FrameConnection,
  frameType,
  literalHeaders,
  openFrames,
  type ReceivedFrame,
  uint32,
} from '../../support/net/http2-frames.ts';
import { sendHttp2 } from '../../support/net/raw-client.ts';
import { openGateway } from '../fixture.ts';
import { eventually } from '../../support/eventually.ts';

type Head = readonly (readonly [name: string, value: string])[];

t.test('HTTP/2 streams of route hosts, frame by frame', async (t) => {
  const gateway = await openGateway(t);
  const { recorder, raw, entries } = gateway;
  const { cookie } = await gateway.signIn();
  const head = (method: string, path: string, host = 'echo.localhost'): Head => [
    [':method', method],
    [':scheme', 'https'],
    [':authority', host],
    [':path', path],
    ['cookie', cookie],
  ];
  const headers = (stream: number, fields: Head, flags: number): Buffer =>
    frame(frameType.headers, flag.endHeaders | flags, stream, literalHeaders(fields));
  const isEnd = ({ type, flags }: ReceivedFrame): boolean =>
    type === frameType.reset ||
    ((type === frameType.headers || type === frameType.data) && (flags & flag.endStream) !== 0);
  const framesOf = ({ received }: FrameConnection, stream: number): ReceivedFrame[] =>
    received.filter((one) => one.stream === stream && one.type !== frameType.windowUpdate);

  /** What comes back to one request without a body, up to the end of the stream: a word for each frame. */
  async function frames(method: string, reply: string): Promise<string[]> {
    recorder.reset();
    recorder.answerWith(() => reply);
    const connection = await openFrames(raw);
    connection.send(headers(1, head(method, '/x'), flag.endStream));
    await eventually('the end of the stream', () => framesOf(connection, 1).some(isEnd));
    const seen = framesOf(connection, 1);
    connection.close();
    return seen.map((one) => {
      const name = one.type === frameType.headers ? 'head' : one.type === frameType.data ? 'data' : 'reset';
      return `${name} ${one.type === frameType.data ? one.payload.length : ''}${isEnd(one) ? ' end' : ''}`.replace(
        '  ',
        ' ',
      );
    });
  }

  const answers: [name: string, method: string, reply: string, frames: string[]][] = [
    ['a known length', 'GET', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', ['head ', 'data 2 end']],
    ['nothing', 'GET', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', ['head end']],
    ['HEAD', 'HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n', ['head end']],
    ['205', 'GET', 'HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n', ['head end']],
    ['205 with a body it may not have', 'GET', 'HTTP/1.1 205 Reset\r\nContent-Length: 2\r\n\r\nok', ['head end']],
    [
      '205 with chunks',
      'GET',
      'HTTP/1.1 205 Reset\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
      ['head end'],
    ],
    ['204', 'GET', 'HTTP/1.1 204 No Content\r\n\r\n', ['head end']],
    ['304', 'GET', 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 12\r\n\r\n', ['head end']],
    [
      'chunks without trailers',
      'GET',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
      ['head ', 'data 2', 'data 0 end'],
    ],
    [
      'chunks with trailers',
      'GET',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n',
      ['head ', 'data 2', 'head end'],
    ],
    [
      'trailers and no body',
      'GET',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 1\r\n\r\n',
      ['head ', 'head end'],
    ],
    [
      'early hints',
      'GET',
      'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
      ['head ', 'head ', 'data 2 end'],
    ],
  ];
  for (const [name, method, reply, expected] of answers) {
    await t.test(name, async (t) => {
      t.strictSame(await frames(method, reply), expected);
      t.equal(entries.at(-1)?.protocol, 'h2');
    });
  }

  await t.test('a 205 whose upstream sends a body all the same reaches the client as a whole answer', async (t) => {
    recorder.reset();
    recorder.answerWith(() => 'HTTP/1.1 205 Reset\r\nContent-Length: 2\r\n\r\nok');
    const answer = await sendHttp2(raw, { ':path': '/x', ':authority': 'echo.localhost', cookie });
    t.match(answer, { status: 205, body: '', isReset: false });
  });

  await t.test('a head without its body goes out at once', async (t) => {
    recorder.reset();
    recorder.answerWith(() => 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    const connection = await openFrames(raw);
    connection.send(headers(1, head('GET', '/slow'), flag.endStream));
    await eventually('the head', () => framesOf(connection, 1).length === 1);
    t.equal(framesOf(connection, 1)[0]!.type, frameType.headers);
    connection.close();
    await eventually('the exchange is over when the client is gone', () => gateway.proxy.counts().requests === 0);
    t.equal(entries.at(-1)?.reason, 'client_left');
  });

  const begun: [name: string, head: string][] = [
    ['a known length', 'Content-Length: 100\r\n\r\nhalf'],
    ['chunks', 'Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'],
    ['no byte of its body', 'Content-Length: 100\r\n\r\n'],
  ];
  for (const [name, rest] of begun) {
    await t.test(`an answer that breaks off is visibly broken: ${name}`, async (t) => {
      recorder.reset();
      recorder.answerWith((_request, socket) => {
        socket.end(`HTTP/1.1 200 OK\r\n${rest}`);
        return undefined;
      });
      const connection = await openFrames(raw);
      connection.send(headers(1, head('GET', '/half'), flag.endStream));
      await eventually('the end', () => framesOf(connection, 1).some(isEnd));
      const last = framesOf(connection, 1).at(-1)!;
      t.equal(last.type, frameType.reset, 'never an end that looks whole');
      t.equal(last.payload.readUInt32BE(), 2, 'INTERNAL_ERROR');
      t.equal(entries.at(-1)?.reason, 'upstream_cut');
      connection.close();
    });
  }

  await t.test('D1 a stream that is reset before its turn comes, with whatever error', async () => {
    recorder.reset();
    recorder.answerWith(() => 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    const connection = await openFrames(raw);
    let stream = 1;
    for (const code of [0, 1, 2, 3, 5, 7, 8, 11, 13]) {
      for (const isWhole of [true, false]) {
        connection.send(
          headers(stream, head(isWhole ? 'GET' : 'PUT', '/reset'), isWhole ? flag.endStream : 0),
          frame(frameType.reset, 0, stream, uint32(code)),
        );
        stream += 2;
      }
    }
    connection.send(headers(stream, head('GET', '/after'), flag.endStream));
    await eventually('the stream behind them is answered', () => framesOf(connection, stream).some(isEnd));
    connection.close();
    await eventually('every exchange is over', () => gateway.proxy.counts().requests === 0);
  });

  await t.test("a request for the main host is handed over whole, by Node's compatible API", async (t) => {
    const seen: string[] = [];
    const main: MainHandler = (request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        seen.push(`${request.httpVersion} ${request.method} ${request.url} ${body.length}`);
        response.setHeader('x-main', 'yes');
        response.end('main');
      });
    };
    gateway.edge.open({ proxy: gateway.proxy, main });
    const session = connectHttp2(`https://127.0.0.1:${raw.port}`, { ca: raw.ca, servername: 'localhost' });
    const ask = (method: string, path: string, body?: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const stream = session.request(
          { ':method': method, ':path': path, ':authority': 'localhost' },
          { endStream: body === undefined },
        );
        let text = '';
        stream.on('response', (fields) => (text += `${fields[':status']} ${String(fields['x-main'])} `));
        stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
        stream.on('end', () => resolve(text));
        stream.on('error', reject);
        if (body !== undefined) stream.end(body);
      });
    const large = 'a'.repeat(600_000);
    const texts = await Promise.all([ask('GET', '/a'), ask('POST', '/b', large), ask('POST', '/c', '')]);
    t.strictSame(
      texts,
      Array.from({ length: 3 }, () => '200 yes main'),
      'once each',
    );
    t.strictSame(seen.sort(), ['2.0 GET /a 0', `2.0 POST /b ${large.length}`, '2.0 POST /c 0']);
    session.close();
  });

  await t.test('100 (Continue) is said before the body, on both kinds of host', async (t) => {
    const main: MainHandler = (request, response) => {
      request.resume().on('end', () => void response.end('main'));
    };
    gateway.edge.open({ proxy: gateway.proxy, main });
    recorder.reset();
    recorder.answerWith(({ body }) => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    const session = connectHttp2(`https://127.0.0.1:${raw.port}`, { ca: raw.ca, servername: 'localhost' });
    for (const [host, expected] of [
      ['echo.localhost', 'hello'],
      ['localhost', 'main'],
    ] as const) {
      const stream = session.request({
        ...{ ':method': 'PUT', ':path': '/x', ':authority': host, cookie, expect: '100-continue' },
        origin: gateway.address.originOf(host),
      });
      stream.once('continue', () => void stream.end('hello'));
      let text = '';
      for await (const chunk of stream) text += String(chunk);
      t.equal(text, expected, host);
    }
    session.close();
  });

  await t.test('a body that the upstream answers before it is there', async (t) => {
    recorder.reset();
    const connection = await openFrames(raw);
    const origin: Head = [['origin', gateway.address.originOf('echo.localhost')]];
    // Without a session nothing of the body is wanted.
    connection.send(headers(1, [...head('PUT', '/early').filter(([name]) => name !== 'cookie'), ...origin], 0));
    await eventually('the refusal', () => framesOf(connection, 1).some(isEnd));
    connection.send(frame(frameType.data, 0, 1, Buffer.alloc(1000)));
    connection.send(headers(3, head('GET', '/after'), flag.endStream));
    await eventually('the stream behind it is answered', () => framesOf(connection, 3).some(isEnd));
    t.notOk(connection.isRefused());
    connection.close();
    await eventually('every exchange is over', () => gateway.proxy.counts().requests === 0);
  });
});

t.test('a server whose streams Node serves in another way is not taken over', async (t) => {
  const server = createServer();
  const take = (): void =>
    createHttp2Front(
      server as never,
      { keepAliveMs: 1000, streamIdleMs: 1000 },
      () => undefined,
      () => undefined,
    );
  t.throws(take, /not known/, 'nobody serves them yet');
  server.on('request', () => undefined);
  server.on('stream', () => undefined);
  t.throws(take, /not known/, 'two do');
});

t.test('each stream is served once', async (t) => {
  const server = createServer();
  let byCompatibleApi = 0;
  const streams: ServerHttp2Stream[] = [];
  server.on('request', () => (byCompatibleApi += 1));
  const serve: Parameters<typeof createHttp2Front>[2] = ({ stream }, response) => {
    streams.push(stream);
    response.writeHead(200, {}).end('ok');
  };
  createHttp2Front(server as never, { keepAliveMs: 1000, streamIdleMs: 1000 }, serve, () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  t.teardown(() => {
    session.destroy();
    server.close();
  });
  const stream = session.request({ ':path': '/' });
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  t.equal(text, 'ok');
  t.equal(streams.length, 1);
  t.equal(byCompatibleApi, 0);
});
