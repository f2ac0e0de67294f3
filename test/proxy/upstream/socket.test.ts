import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import { type Route, socketUpstream } from '../../../gateway/routes/index.ts';
import { answersAt } from '../../../gateway/services/process/readiness.ts';
import { sendRaw } from '../../support/net/raw-client.ts';
import { openGateway } from '../fixture.ts';

/** A service that listens on a Unix socket, which nobody else on the machine reaches. */
const host = 'web-ann.localhost';

const toLoopback = (_host: string, _options: unknown, callback: (error: null, addresses: object[]) => void): void =>
  callback(null, [{ address: '127.0.0.1', family: 4 }]);

async function setUp(t: Test) {
  const folder = mkdtempSync(join(tmpdir(), 'knot-socket-'));
  const path = join(folder, 'http.sock');
  const server = createServer((request, response) => {
    response.end(JSON.stringify({ host: request.headers.host, user: request.headers['x-knot-user'], at: request.url }));
  });
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket: WebSocket) => socket.on('message', (data) => socket.send(data)));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const gateway = await openGateway(t);
  const service: Route = {
    ...gateway.echo,
    host,
    name: 'web-ann',
    kind: 'service',
    service: { id: 's1', label: 'web', owner: 'ann', isTeam: false },
    upstream: socketUpstream(path),
    untouchedPrefixes: [],
  };
  await gateway.routes.put(service);
  t.teardown(() => {
    sockets.close();
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return { gateway, service, path, ...(await gateway.signIn(host)) };
}

t.test('requests and WebSockets reach a service on its socket', async (t) => {
  const { gateway, cookie } = await setUp(t);
  const answer = await new Promise<string>((resolve, reject) => {
    const request = httpsRequest({
      host: '127.0.0.1',
      port: gateway.port,
      servername: 'localhost',
      ca: gateway.raw.ca,
      agent: false,
      path: '/a%20b',
      headers: { host, cookie },
    });
    request.on('response', async (response) => resolve((await response.toArray()).join('')));
    request.on('error', reject).end();
  });
  t.strictSame(JSON.parse(answer), { host: `${host}:${gateway.port}`, user: 'ann', at: '/a%20b' });

  const address = `wss://${host}:${gateway.port}/socket`;
  const origin = gateway.address.originOf(host);
  const options = { ca: gateway.raw.ca, host: '127.0.0.1', servername: 'localhost', origin, headers: { cookie } };
  const socket = new WebSocket(address, { ...options, lookup: toLoopback as never });
  await once(socket, 'open');
  socket.send('hello');
  const [data] = (await once(socket, 'message')) as [Buffer];
  t.equal(String(data), 'hello');
  socket.close();
});

t.test('a link in place of the socket leads nowhere: the gateway enters folders that its owner does not', async (t) => {
  const { gateway, service, cookie, path } = await setUp(t);
  const ask = () =>
    sendRaw(gateway.raw, `GET / HTTP/1.1\r\nhost: ${host}\r\ncookie: ${cookie}\r\nconnection: close\r\n\r\n`);
  for (const [name, make] of [
    ['link', (at: string) => symlinkSync(path, at)],
    ['file', (at: string) => writeFileSync(at, '')],
  ] as const) {
    const at = `${path}.${name}`;
    make(at);
    await gateway.routes.put({ ...service, upstream: socketUpstream(at) });
    t.match((await ask()).status, /^50[23]$/, name);
    t.notOk(await answersAt(at, '/'), `${name}: it is not ready either`);
  }
  t.ok(await answersAt(path, '/'));
});

t.test('every path of a service is that service, and what a share lets do is asked for by its id', async (t) => {
  const { gateway, service } = await setUp(t);
  for (const path of ['/', '/user/bob', '/%2e%2e/x'])
    t.strictSame(gateway.routes.resourceAt(service, path), {
      type: 'Service',
      id: 'ann/web',
      attributes: { name: 'web', title: 'echo', owner: 'ann' },
    });
  const team = { ...service, service: { id: 's2', label: 'web', owner: 'physics', isTeam: true } };
  t.match(gateway.routes.resourceAt(team, '/'), { attributes: { owner: 'physics', team: 'physics' } });
});
