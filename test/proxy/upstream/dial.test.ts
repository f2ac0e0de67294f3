import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { createServer as createTlsServer } from 'node:https';
import t from 'tap';
import { selfSignedPair } from '../../support/net/self-signed.ts';
import { createDial } from '../../../gateway/proxy/upstream/dial.ts';
import type { Upstream } from '../../../gateway/routes/index.ts';
import { sendRaw } from '../../support/net/raw-client.ts';
import { type Gateway, openGateway } from '../fixture.ts';

t.test('U1 targets are judged by the address they resolve to, when they are dialled', async (t) => {
  const reached = createTcpServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => reached.listen(0, '127.0.0.1', resolve));
  t.teardown(() => void reached.close());
  const { port } = reached.address() as AddressInfo;
  let connections = 0;
  reached.on('connection', () => (connections += 1));
  const answers: string[] = [];
  const guard = {
    ownPorts: () => [8443],
    lookup: ((_name: string, _options: unknown, found: (error: null, all: unknown) => void) =>
      found(null, [{ address: answers.shift() ?? '127.0.0.1', family: 4 }])) as never,
  };
  const dial = (upstream: Partial<Upstream>) =>
    new Promise<string>((resolve) => {
      const full: Upstream = { protocol: 'http:', hostname: 'app.example', port, allowLoopback: false, ...upstream };
      createDial(full, guard, { connectMs: 2_000 })((error, socket) => {
        socket?.destroy();
        resolve(error === null ? 'reached' : String((error as { code?: string }).code));
      });
    });

  for (const hostname of [
    '127.0.0.1',
    '127.9.9.9',
    '0.0.0.0',
    '169.254.169.254',
    '::1',
    '::ffff:169.254.169.254',
    'fe80::1',
    'fd00:ec2::254',
  ]) {
    t.equal(await dial({ hostname }), 'KNOT_PROXY_TARGET_REFUSED', hostname);
  }
  t.equal(
    await dial({ hostname: '169.254.169.254', allowLoopback: true }),
    'KNOT_PROXY_TARGET_REFUSED',
    'metadata, always',
  );
  t.equal(
    await dial({ hostname: '127.0.0.1', port: 8443, allowLoopback: true }),
    'KNOT_PROXY_TARGET_REFUSED',
    'ourselves',
  );
  t.equal(await dial({}), 'KNOT_PROXY_TARGET_REFUSED', 'a name that now means loopback');
  answers.push('169.254.169.254');
  t.equal(await dial({ allowLoopback: true }), 'KNOT_PROXY_TARGET_REFUSED', 'a name that now means metadata');
  t.equal(connections, 0, 'not one connection');
  t.equal(await dial({ allowLoopback: true }), 'reached', 'neighbour: loopback where the route allows it');
});

t.test('U1 the refusal is a page without the address', async (t) => {
  const gateway: Gateway = await openGateway(t, { ownPorts: () => [gateway.recorder.port] });
  const { cookie } = await gateway.signIn();
  const answer = await sendRaw(
    gateway.raw,
    `GET /x HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${cookie}\r\nConnection: close\r\n\r\n`,
  );
  t.match(answer, { status: 502, body: /KNOT_PROXY_TARGET_REFUSED/ });
  t.notMatch(answer.body, new RegExp(`127\\.0|${gateway.recorder.port}`));
  t.equal(gateway.recorder.connections(), 0);
});

t.test('T11 the certificate of an upstream must be right', async (t) => {
  const pair = selfSignedPair();
  const ca = pair.cert;
  const server = createTlsServer(pair, (request, response) => response.end(request.headers.host));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => void (server.closeAllConnections(), server.close()));
  const { port } = server.address() as AddressInfo;
  const gateway = await openGateway(t);
  const { cookie } = await gateway.signIn();
  const get = () =>
    sendRaw(gateway.raw, `GET /x HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${cookie}\r\nConnection: close\r\n\r\n`);
  const https = (hostname: string, withCa: boolean): Upstream => ({
    protocol: 'https:',
    hostname,
    port,
    allowLoopback: true,
    ...(withCa ? { ca } : {}),
  });
  await gateway.setRoutes({ ...gateway.echo, upstream: https('localhost', false) });
  t.match(await get(), { status: 502, body: /KNOT_PROXY_UPSTREAM_CERTIFICATE/ }, 'self-signed');
  await gateway.setRoutes({ ...gateway.echo, upstream: https('127.0.0.1', true) });
  t.match(await get(), { status: 502, body: /KNOT_PROXY_UPSTREAM_CERTIFICATE/ }, 'another name');
  await gateway.setRoutes({ ...gateway.echo, upstream: https('localhost', true) });
  const answer = await get();
  t.equal(answer.status, 200, 'neighbour: the right name and authority');
  t.match(answer.bytes, new RegExp(`echo.localhost:${gateway.port}`), 'the public host is kept inside');
});
