import {
  connect as connectHttp2,
  createSecureServer,
  createServer,
  type Http2Server,
  type ServerHttp2Stream,
} from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import t from 'tap';
import { selfSignedPair } from '../../support/net/self-signed.ts';
import type { Upstream } from '../../../gateway/routes/index.ts';
import { sendHttp2, sendRaw } from '../../support/net/raw-client.ts';
import { openGateway } from '../fixture.ts';
import { eventually } from '../../support/eventually.ts';

async function startHttp2(
  onStream: (stream: ServerHttp2Stream, headers: Record<string, unknown>) => void,
): Promise<{ port: number; server: Http2Server; connections: () => number }> {
  const server = createServer();
  let connections = 0;
  server.on('session', () => (connections += 1));
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    onStream(stream, headers);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, server, connections: () => connections };
}

t.test('what is no gRPC passes an HTTP/2 upstream too, over both protocols in front', async (t) => {
  const seen: Record<string, unknown>[] = [];
  const upstream = await startHttp2((stream, headers) => {
    seen.push(headers);
    const path = String(headers[':path']);
    if (path === '/gone') return stream.close(8);
    if (path === '/cut') {
      stream.respond({ ':status': 200, 'content-length': '10' });
      stream.write('abc');
      return void setTimeout(() => stream.close(2), 50);
    }
    if (path === '/never') return undefined;
    if (path === '/dead') return stream.session?.destroy();
    if (path === '/huge') {
      const fields = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`x-${index}`, 'a'.repeat(4_000)]));
      return stream.respond({ ':status': 200, ...fields }, { endStream: true });
    }
    if (path === '/move')
      return stream.respond({ ':status': 302, location: `http://127.0.0.1:${port}/there` }, { endStream: true });
    if (path === '/end') {
      stream.session?.goaway();
    }
    stream.respond({ ':status': 200, 'content-type': 'text/plain', 'set-cookie': ['a=1', 'b=2; Domain=localhost'] });
    stream.end(path);
    return undefined;
  });
  const { port } = upstream;
  t.teardown(() => void upstream.server.close());
  const gateway = await openGateway(t, {
    limits: { firstByteMs: 1_500 },
    route: (route) => ({ ...route, upstream: { ...route.upstream, port, http2: true } }),
  });
  const { cookie } = await gateway.signIn();
  const overHttp1 = (path: string) =>
    sendRaw(
      gateway.raw,
      `GET ${path} HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${cookie}; own=1\r\nTE: trailers\r\n\r\n`,
    );
  const overHttp2 = (path: string) =>
    sendHttp2(gateway.raw, { ':path': path, ':authority': `echo.localhost:${gateway.port}`, cookie });

  t.match(await overHttp1('/a?b=%2f'), { status: 200, body: /\/a\?b=%2f/ });
  t.match(seen.at(-1), {
    ':path': '/a?b=%2f',
    ':authority': `echo.localhost:${gateway.port}`,
    ':scheme': 'http',
    te: 'trailers',
    cookie: 'own=1',
    'x-forwarded-for': '127.0.0.1',
  });
  const second = await overHttp2('/b');
  t.match(second, { status: 200, body: '/b' });
  t.same(second.headers['set-cookie'], ['a=1'], 'a cookie for the parent domain ends here');
  t.equal(seen.at(-1)?.['te'], undefined);
  t.equal(upstream.connections(), 1, 'one connection carries them');

  t.match((await overHttp2('/move')).headers, { location: `https://echo.localhost:${gateway.port}/there` });
  t.match((await overHttp1('/move')).headers.get('location'), [`https://echo.localhost:${gateway.port}/there`]);
  t.match(await overHttp1('/gone'), { status: 502 });
  t.match(await overHttp2('/gone'), { status: 502 });
  t.match(await overHttp2('/cut'), { isReset: true });
  t.match(await overHttp1('/cut'), { isClosed: true, body: '' });
  t.match(await overHttp2('/never'), { status: 504, body: /KNOT_PROXY_UPSTREAM_TIMEOUT/ });
  seen.length = 0;
  t.match(await overHttp1('/dead'), { status: 502, body: /KNOT_PROXY_UPSTREAM_UNREACHABLE/ });
  t.equal(seen.length, 2, 'a lost connection is tried once more');
  const post = await sendHttp2(
    gateway.raw,
    {
      ':method': 'POST',
      ':path': '/dead',
      ':authority': `echo.localhost:${gateway.port}`,
      origin: `https://echo.localhost:${gateway.port}`,
      cookie,
    },
    'once',
  );
  t.match(post, { status: 502 });
  t.equal(seen.length, 3, 'but never with a body');
  t.match(await overHttp1('/huge'), { status: 502 }, 'headers beyond the bound');
  t.match(await overHttp1('/end'), { status: 200 });
  t.match(await overHttp1('/after'), { status: 200 }, 'a connection that says goodbye is replaced');
  const sessions = [1, 2].map(() =>
    connectHttp2(`https://127.0.0.1:${gateway.port}`, { ca: gateway.raw.ca, servername: 'localhost' }),
  );
  t.teardown(() => sessions.forEach((session) => session.destroy()));
  const many = await Promise.all(
    Array.from({ length: 180 }, (_, index) => {
      const authority = `echo.localhost:${gateway.port}`;
      const stream = sessions[index % 2]!.request({ ':path': `/many/${index}`, ':authority': authority, cookie });
      return new Promise<unknown>((resolve) => {
        stream.on('response', (headers) => resolve(headers[':status']));
        stream.on('error', resolve);
        stream.resume();
      });
    }),
  );
  t.same([...new Set(many)], [200], 'more at once than one connection carries');
  await eventually('nothing is left', () => gateway.proxy.counts().requests === 0);
});

t.test('an upstream that does not speak HTTP/2 is a failure of the upstream', async (t) => {
  const gateway = await openGateway(t, {
    route: (route) => ({ ...route, upstream: { ...route.upstream, http2: true } }),
  });
  const { cookie } = await gateway.signIn();
  const session = connectHttp2(`https://127.0.0.1:${gateway.port}`, { ca: gateway.raw.ca, servername: 'localhost' });
  t.teardown(() => session.destroy());
  const answer = await sendRaw(gateway.raw, `GET / HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${cookie}\r\n\r\n`);
  t.equal(answer.status, 502);
  t.match(answer.body, /KNOT_PROXY_UPSTREAM_/);
});

t.test('over TLS an HTTP/2 upstream is agreed on by ALPN and its certificate must be right', async (t) => {
  const pair = selfSignedPair();
  const ca = pair.cert;
  const listen = async (server: Server) => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.teardown(() => void server.close());
    return (server.address() as AddressInfo).port;
  };
  const both = createSecureServer({ ...pair, allowHTTP1: true }, (request, response) => {
    response.end(`${request.httpVersion} ${request.headers[':scheme']}`);
  });
  const port = await listen(both);
  const oldPort = await listen(createHttpsServer(pair, (_request, response) => response.end('1.1')));
  const gateway = await openGateway(t);
  const { cookie } = await gateway.signIn();
  const get = async (upstream: Partial<Upstream>) => {
    const known = { protocol: 'https:', hostname: 'localhost', port, allowLoopback: true, http2: true } as const;
    await gateway.setRoutes({ ...gateway.echo, upstream: { ...known, ...upstream } });
    return sendRaw(
      gateway.raw,
      `GET /x HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${cookie}\r\nConnection: close\r\n\r\n`,
    );
  };
  t.match((await get({ ca })).bytes, /2\.0 https/);
  t.match((await get({ ca, http2: false })).bytes, /1\.1 undefined/, 'neighbour: HTTP/1.1 unless it is asked for');
  t.match(await get({}), { status: 502, body: /KNOT_PROXY_UPSTREAM_CERTIFICATE/ }, 'self-signed');
  t.match(
    await get({ ca, hostname: '127.0.0.1' }),
    { status: 502, body: /KNOT_PROXY_UPSTREAM_CERTIFICATE/ },
    'another name',
  );
  t.match(await get({ ca, port: oldPort }), { status: 502 }, 'one that speaks HTTP/1.1 only');
});
