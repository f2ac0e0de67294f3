import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import { Traffic } from '../../../gateway/lib/index.ts';
import { eventually } from '../../support/eventually.ts';
import { openRaw } from '../../support/net/raw-client.ts';
import { openGateway } from '../fixture.ts';

t.test(
  'requests of a route are counted in place: how many, what failed, and bytes both ways while they move',
  async (t) => {
    const server = createServer((request, response) => {
      if (request.url === '/bad') return void response.writeHead(500).end('12345');
      request.resume().on('end', () => response.end('1234567890'));
    });
    const sockets = new WebSocketServer({ server });
    sockets.on('connection', (socket) => socket.on('message', () => socket.send('x'.repeat(1000))));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.teardown(() => {
      for (const socket of sockets.clients) socket.terminate();
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    const traffic = new Traffic();
    const asked: string[] = [];
    const gateway = await openGateway(t, {
      route: (route) => ({ ...route, upstream: { ...route.upstream, port } }),
      trafficOf: ({ name }) => {
        asked.push(name);
        return name === 'echo' ? traffic : undefined;
      },
    });
    const { cookie } = await gateway.signIn();
    const origin = gateway.address.originOf('echo.localhost');
    const ask = async (path: string, body = ''): Promise<void> => {
      const socket = await openRaw(gateway.raw);
      socket.write(
        `POST ${path} HTTP/1.1\r\nHost: echo.localhost\r\nOrigin: ${origin}\r\nCookie: ${cookie}\r\n` +
          `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
      );
      await once(socket.resume(), 'close');
    };
    await ask('/', 'abc');
    await ask('/bad');
    await eventually('both are counted', async () => traffic.requests === 2);
    t.match(traffic, { requests: 2, errors: 1, received: 3, sent: 15 });

    const socket = new WebSocket(`wss://echo.localhost:${gateway.port}/ws`, {
      headers: { cookie, origin },
      ca: gateway.raw.ca,
      lookup: (_host, _options, done) => done(null, [{ address: '127.0.0.1', family: 4 }] as never),
    });
    await once(socket, 'open');
    socket.send('hello');
    await eventually('the bytes of an open WebSocket are counted', async () => traffic.sent > 1015);
    t.equal(traffic.requests, 2);
    const { sent } = traffic;
    socket.close();
    await eventually('and it, when it ends', async () => traffic.requests === 3);
    t.equal(traffic.errors, 1);
    t.ok(traffic.sent - sent < 100 && traffic.received > 3 + 5, 'no byte twice');
    t.strictSame(asked, ['echo'], 'asked for once');
  },
);
