import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import { Traffic } from '../../../gateway/lib/index.ts';
import { eventually } from '../../support/eventually.ts';
import { sendRaw } from '../../support/net/raw-client.ts';
import { openGateway } from '../fixture.ts';

t.test('what people do with a service is its use; what passes by itself is none', async (t) => {
  const result = Promise.withResolvers<string>();
  const server = createServer((request, response) => {
    if (request.url === '/slow') return void result.promise.then((text) => response.end(text));
    if (request.url !== '/events') return void response.end('ok');
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const beat = setInterval(() => response.write('data: 1\n\n'), 100);
    response.once('close', () => clearInterval(beat));
  });
  const sockets = new WebSocketServer({ server });
  const received: string[] = [];
  sockets.on('connection', (socket) => {
    socket.on('message', (message) => received.push((message as Buffer).toString()));
    const beat = setInterval(() => (socket.send('tick'), socket.ping()), 50);
    socket.once('close', () => clearInterval(beat));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    for (const socket of sockets.clients) socket.terminate();
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const traffic = new Traffic();
  const { use } = traffic;
  let mayEnter = true;
  const gateway = await openGateway(t, {
    route: (route) => ({ ...route, upstream: { ...route.upstream, port } }),
    trafficOf: () => traffic,
    limits: { webSocketPingMs: 100, webSocketPongMs: 5_000, streamIdleMs: 60_000 },
    decide: () => ({ effect: mayEnter ? 'allow' : 'deny', rules: [], policyVersion: 'test', reason: 'permit' }),
  });
  const { cookie } = await gateway.signIn();
  const host = `echo.localhost:${gateway.port}`;
  const ask = (fields: string, path = '/', as = cookie) =>
    sendRaw(
      gateway.raw,
      `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nCookie: ${as}\r\n${fields}Connection: close\r\n\r\n`,
    );
  const isUse = async (act: () => Promise<unknown>): Promise<boolean> => {
    const before = use.lastAt;
    await act();
    return use.lastAt > before;
  };
  const page = 'Sec-Fetch-Mode: navigate\r\nAccept: text/html\r\n';

  await t.test('requests', async (t) => {
    t.ok(await isUse(() => ask(page)), 'a page');
    t.notOk(await isUse(() => ask(`${page}Sec-Purpose: prefetch\r\n`)), 'a prefetch');
    t.notOk(await isUse(() => ask('Sec-Fetch-Mode: no-cors\r\n', '/favicon.ico')), 'a picture for the tab');
    t.notOk(await isUse(() => ask(page, '/', '__Host-knot=nonsense')), 'a stranger');
    mayEnter = false;
    t.notOk(await isUse(() => ask(page)), 'who may not');
    mayEnter = true;
    t.notOk(await isUse(() => gateway.proxy.probe(gateway.echo, '/')), 'a question of our own');
    use.quietPaths = ['/api/status'];
    t.notOk(await isUse(() => ask('Sec-Fetch-Mode: cors\r\n', '/api/status')), 'what the template says is none');
    t.ok(await isUse(() => ask('Sec-Fetch-Mode: cors\r\n', '/api/run')));
  });

  await t.test('nobody is let through to what is not ready, though it answers', async (t) => {
    traffic.isHeld = true;
    const { status, body } = await ask(page);
    t.equal(status, 503);
    t.notMatch(body, /^ok/);
    traffic.isHeld = false;
    t.match(await ask(page), { status: 200, body: 'ok' });
  });

  await t.test('a request that takes its time is use until it ends, an event stream is not', async (t) => {
    const slow = ask('', '/slow');
    const begun = use.lastAt;
    await eventually('it is used while it goes on', async () => use.lastAt > begun + 900);
    result.resolve('late');
    await slow;
    let { sent } = traffic;
    const stream = ask('Accept: text/event-stream\r\n', '/events').catch(() => undefined);
    await eventually('events come', async () => traffic.sent > sent);
    const opened = use.lastAt;
    for (let look = 1; look <= 3; look += 1) {
      ({ sent } = traffic);
      await eventually('what lasts is looked at, and more has come', async () => traffic.sent > sent);
    }
    t.equal(use.lastAt, opened);
    server.closeAllConnections();
    await stream;
  });

  await t.test('a WebSocket on which somebody acts, not one that ticks', async (t) => {
    const socket = new WebSocket(`wss://${host}/`, {
      ca: gateway.raw.ca,
      headers: { cookie, origin: gateway.address.originOf('echo.localhost') },
      lookup: ((_name: string, _options: object, done: (error: null, found: object[]) => void) =>
        done(null, [{ address: '127.0.0.1', family: 4 }])) as never,
    });
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    t.teardown(() => socket.terminate());
    const opened = use.lastAt;
    let pings = 0;
    socket.on('ping', () => (pings += 1));
    await eventually('it is pinged by both and answers', async () => pings > 6);
    t.equal(use.lastAt, opened, 'what the service sends, pings and pongs are no use');

    t.ok(
      await isUse(async () => {
        socket.send('ls -l\n');
        await eventually('it arrived', async () => received.includes('ls -l\n'));
      }),
      'what somebody types is',
    );
    const beat = setInterval(() => socket.send('beat'), 300);
    t.teardown(() => clearInterval(beat));
    const beats = (): number => received.filter((each) => each === 'beat').length;
    // A busy machine is late now and then, by more than a timer is: what must not happen is that each beat counts.
    let last = { at: use.lastAt, beats: beats() };
    await eventually('some beats in a row are none of somebody', async () => {
      if (use.lastAt !== last.at) last = { at: use.lastAt, beats: beats() };
      return beats() >= last.beats + 4;
    });
    const before = use.lastAt;
    use.isKeptByConnections = true;
    await eventually('unless the template says that an open one is use', async () => use.lastAt > before);
  });
});
