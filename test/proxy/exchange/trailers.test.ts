import { connect as connectHttp2, createServer, type ServerHttp2Stream } from 'node:http2';
import { createServer as createHttp1 } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { openRaw, type RawTarget } from '../../support/net/raw-client.ts';
import { openGateway } from '../fixture.ts';
import { eventually } from '../../support/eventually.ts';

/** What an upstream saw behind a body, names in lower case. */
type Seen = { body: string; trailers: string[] };

const hostile = [
  ['X-Knot-User', 'evil'],
  ['Authorization', 'Bearer evil'],
  ['Cookie', 'a=evil'],
  ['Content-Encoding', 'evil'],
  ['X-Forwarded-For', '1.2.3.4'],
  ['Impersonate-User', 'evil'],
  ['X_Role', 'evil'],
] as const;

function sendHttp1(raw: RawTarget, cookie: string, port: number): Promise<void> {
  const trailers = [['X-Sum', '42'], ...hostile, ['X-Sum', '43']]
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
  return openRaw(raw).then(
    (socket) =>
      new Promise((resolve) => {
        socket.on('close', () => resolve()).resume();
        socket.write(
          `POST /x HTTP/1.1\r\nHost: echo.localhost:${port}\r\nCookie: ${cookie}\r\nOrigin: https://echo.localhost:${port}\r\n` +
            `Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nhello\r\n0\r\n${trailers}\r\n`,
        );
      }),
  );
}

function sendOverHttp2({ port, ca }: RawTarget, cookie: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2(`https://127.0.0.1:${port}`, { ca, servername: 'localhost' });
    session.on('error', reject);
    const authority = `echo.localhost:${port}`;
    const stream = session.request(
      { ':method': 'POST', ':path': '/x', ':authority': authority, origin: `https://${authority}`, cookie },
      { endStream: false, waitForTrailers: true },
    );
    stream.on('wantTrailers', () =>
      stream.sendTrailers({ 'x-sum': ['42', '43'], 'x-knot-user': 'evil', cookie: 'a=evil' }),
    );
    stream.on('error', reject);
    stream.on('close', () => {
      session.close();
      resolve();
    });
    stream.resume();
    stream.end('hello');
  });
}

t.test(
  'H16 trailers of a request pass to HTTP/1.1 applications, except those that frame, route or name anyone',
  async (t) => {
    const gateway = await openGateway(t);
    const { cookie } = await gateway.signIn();
    const seen: Seen[] = [];
    const http1 = createHttp1((request, response) => {
      let body = '';
      request.on('data', (data: Buffer) => (body += data.toString()));
      request.on('end', () => {
        const trailers = request.rawTrailers.map((text, index) => (index % 2 === 0 ? text.toLowerCase() : text));
        seen.push({ body, trailers });
        response.end('ok');
      });
    });
    const http2 = createServer();
    http2.on('stream', (stream: ServerHttp2Stream) => {
      let body = '';
      let trailers: string[] = [];
      stream.on('data', (data: Buffer) => (body += data.toString()));
      stream.on('trailers', (_fields: object, _flags: number, raw: string[]) => (trailers = raw));
      stream.on('error', () => undefined);
      // Node tells of trailers behind the end of the body.
      stream.on('end', () =>
        setImmediate(() => {
          seen.push({ body, trailers });
          stream.respond({ ':status': 200 });
          stream.end('ok');
        }),
      );
    });
    for (const server of [http1, http2]) {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      t.teardown(() => void server.close());
    }
    const portOf = (server: { address(): unknown }): number => (server.address() as AddressInfo).port;
    for (const [to, upstream, trailers] of [
      ['an HTTP/1.1 upstream', { port: portOf(http1) }, ['x-sum', '42', 'x-sum', '43']],
      ['an HTTP/2 upstream', { port: portOf(http2), http2: true }, []],
    ] as const) {
      await gateway.setRoutes({ ...gateway.echo, upstream: { ...gateway.echo.upstream, ...upstream } }, gateway.open);
      for (const [from, send] of [
        ['HTTP/1.1', () => sendHttp1(gateway.raw, cookie, gateway.port)],
        ['HTTP/2', () => sendOverHttp2(gateway.raw, cookie)],
      ] as const) {
        seen.length = 0;
        await send();
        await eventually(`a request from ${from} to ${to}`, () => seen.length === 1);
        t.strictSame(seen[0], { body: 'hello', trailers }, `from ${from} to ${to}`);
      }
    }
  },
);
