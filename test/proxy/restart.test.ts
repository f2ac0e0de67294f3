import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { WebSocketServer } from 'ws';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/net/free-port.ts';
import { caOf, type RunningGateway, startGateway } from '../support/process/gateway.ts';
import { createPerson, type Person } from '../support/process/person.ts';
import { openRaw, readAnswer } from '../support/net/raw-client.ts';

/** The real process, stopped and started again under load, as an operator does it. */

const password = 'correct-horse-staple-7';
const downloadBytes = 40 * 64 * 1024;
const drainMs = 60_000;

/** Answers small requests at once, `/slow` after a moment, `/download` over about three seconds, and echoes WebSockets. */
async function startUpstream(): Promise<{ server: Server; address: string }> {
  const server = createServer((request, response) => {
    request.resume();
    if (request.url === '/slow') return void setTimeout(() => response.end('ok'), 200);
    if (request.url !== '/download') return void response.end('ok');
    response.writeHead(200, { 'content-length': downloadBytes });
    let sent = 0;
    const timer = setInterval(() => {
      response.write(Buffer.alloc(64 * 1024));
      sent += 64 * 1024;
      if (sent === downloadBytes) clearInterval(timer);
    }, 75);
    return undefined;
  });
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(data as Buffer)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, address: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

type Tally = { answered: number; failed: string[]; refused: number; unprocessed: number };

/** What a client of either protocol needs to ask the application as someone who is signed in. */
type Asking = { port: number; ca: string; cookie: string; isOver: () => boolean; tally: Tally };

/** One client that asks again and again over HTTP/1.1, keeping its connection as long as it may. */
async function askOverHttp1({ port, ca, cookie, isOver, tally }: Asking, path: string): Promise<void> {
  let socket: Awaited<ReturnType<typeof openRaw>> | undefined;
  while (!isOver()) {
    if (socket === undefined || socket.destroyed || !socket.writable) {
      socket = await openRaw({ port, ca }).catch(() => undefined);
      if (socket === undefined) {
        tally.refused += 1;
        await sleep(30);
        continue;
      }
    }
    socket.write(`GET ${path} HTTP/1.1\r\nHost: echo.localhost:${port}\r\nCookie: ${cookie}\r\n\r\n`);
    const answer = await readAnswer(socket).catch((error: Error) => error);
    if (answer instanceof Error) tally.failed.push(`h1 ${path}: ${answer.message}`);
    else if (answer.status !== 200) tally.failed.push(`h1 ${path}: ${answer.status} ${answer.body.slice(0, 200)}`);
    else tally.answered += 1;
    if (answer instanceof Error || answer.isClosed) {
      socket.destroy();
      socket = undefined;
    }
    await sleep(20);
  }
  socket?.destroy();
}

/** The same over HTTP/2. A stream that GOAWAY says was not processed may be asked again anywhere (RFC 9113 section 6.8). */
async function askOverHttp2({ port, ca, cookie, isOver, tally }: Asking, path: string): Promise<void> {
  let session: ClientHttp2Session | undefined;
  while (!isOver()) {
    if (session === undefined || session.closed || session.destroyed) {
      session = await openHttp2(port, ca);
      if (session === undefined) {
        tally.refused += 1;
        await sleep(30);
        continue;
      }
    }
    const outcome = await ask(session, { ':path': path, ':authority': `echo.localhost:${port}`, cookie });
    if (outcome === 'answered') tally.answered += 1;
    else if (outcome === 'unprocessed') tally.unprocessed += 1;
    else tally.failed.push(`h2 ${path}: ${outcome}`);
    await sleep(20);
  }
  session?.destroy();
}

function openHttp2(port: number, ca: string): Promise<ClientHttp2Session | undefined> {
  const session = connectHttp2(`https://127.0.0.1:${port}`, { ca, servername: 'localhost' });
  return new Promise((resolve) => {
    session.on('error', () => resolve(undefined));
    session.once('connect', () => resolve(session));
  });
}

function ask(session: ClientHttp2Session, headers: Record<string, string>): Promise<string> {
  return new Promise((resolve) => {
    const refusedStream = 7;
    if (session.closed || session.destroyed) return resolve('unprocessed');
    const stream = session.request(headers);
    let status = 0;
    let text = '';
    stream.on('response', (received) => (status = Number(received[':status'])));
    stream.on('data', (data: Buffer) => (text += data.toString()));
    stream.on('error', (error) => resolve(stream.rstCode === refusedStream ? 'unprocessed' : error.message));
    stream.on('close', () => {
      if (stream.rstCode === refusedStream) return resolve('unprocessed');
      resolve(status === 200 && text === 'ok' ? 'answered' : `${status} ${text} reset ${stream.rstCode}`);
    });
  });
}

async function signedIn(gateway: RunningGateway): Promise<Person> {
  const ann = createPerson(gateway);
  const made = await ann.fill(await ann.visit(gateway.setupLink!), {
    username: 'ann',
    email: 'ann@example.org',
    password,
  });
  if (made.status !== 200) throw new Error(`no first admin: ${made.text.slice(0, 300)}`);
  await ann.visit(`https://echo.localhost:${gateway.port}/`);
  return ann;
}

t.test('W9 a restart under load loses no request', async (t) => {
  const upstream = await startUpstream();
  const port = await freePort();
  const config = {
    listen: `127.0.0.1:${port}`,
    integrations: { jupyterhub: { mode: 'off' } },
    apps: [{ name: 'echo', upstream: upstream.address }],
    limits: { drainDelayMs: 1_500, drainMs },
  };
  const first = await startGateway({ config });
  const ann = await signedIn(first);
  const running = [first];
  t.teardown(async () => {
    await ann.close();
    for (const gateway of running) await gateway.stop();
    upstream.server.closeAllConnections();
    upstream.server.close();
  });
  const cookie = [...ann.cookies('echo.localhost')].map(([name, value]) => `${name}=${value}`).join('; ');
  const ca = caOf(first);
  const tally: Tally = { answered: 0, failed: [], refused: 0, unprocessed: 0 };
  let isOver = false;
  const asking: Asking = { port, ca, cookie, tally, isOver: () => isOver };
  const clients = [
    ...['/a', '/b', '/slow', '/slow'].map((path) => askOverHttp1(asking, path)),
    ...['/a', '/b', '/slow', '/slow'].map((path) => askOverHttp2(asking, path)),
  ];
  await eventually('the load runs', () => tally.answered > 100);

  const webSocket = ann.socket(`wss://echo.localhost:${port}/`);
  await new Promise((resolve, reject) => void webSocket.once('open', resolve).once('error', reject));
  const told = new Promise<number>((resolve) => webSocket.once('close', resolve));
  const downloading = await openRaw({ port, ca });
  const beforeStop = Date.now();
  downloading.write(`GET /download HTTP/1.1\r\nHost: echo.localhost:${port}\r\nCookie: ${cookie}\r\n\r\n`);
  let downloaded = 0;
  downloading.on('data', (chunk: Buffer) => (downloaded += chunk.length));
  const downloadEnded = new Promise((resolve) => downloading.once('close', resolve));
  await eventually('the download has begun', () => downloaded > 64 * 1024);

  const exited = first.signal('SIGTERM');
  await eventually(
    'readiness fails',
    async () => (await fetch(`${first.ops}/readyz`).catch(() => undefined))?.status === 503,
  );
  const fresh = await openRaw({ port, ca });
  fresh.write(`GET /late HTTP/1.1\r\nHost: echo.localhost:${port}\r\nCookie: ${cookie}\r\n\r\n`);
  const late = await readAnswer(fresh);
  t.match(late, { status: 200 }, 'a new connection is still taken while readiness fails');
  t.equal(late.headers.get('connection')?.[0], 'close', 'and told to go elsewhere next time');

  t.equal(await told, 1012, 'the WebSocket is told to come back');
  await downloadEnded;
  t.ok(downloaded > downloadBytes, 'the download is whole');
  t.equal(await exited, 0);
  // Not a measurement: what waits for more than what is under way waits for the whole bound.
  t.ok(Date.now() - beforeStop < drainMs, 'as soon as everything was answered');

  const answeredBefore = tally.answered;
  running.push(await startGateway({ config, data: first.data }));
  await eventually('the load goes on where it was', () => tally.answered > answeredBefore + 100);
  isOver = true;
  await Promise.all(clients);
  t.same(tally.failed, [], 'no request failed');
  t.ok(tally.refused > 0, 'clients found the listener closed for a moment, and asked again');
  t.comment(`${tally.answered} answered, ${tally.refused} refused to connect, ${tally.unprocessed} not processed`);
});

t.test('a stream that is cut is written into the ledger', async (t) => {
  const upstream = await startUpstream();
  const gateway = await startGateway({
    config: { integrations: { jupyterhub: { mode: 'off' } }, apps: [{ name: 'echo', upstream: upstream.address }] },
  });
  const ann = await signedIn(gateway);
  t.teardown(async () => {
    await ann.close();
    await gateway.stop();
    upstream.server.closeAllConnections();
    upstream.server.close();
  });
  const made = await gateway.knot(
    ['user', 'add', 'bob', '--email', 'bob@example.org', '--password-file', '-'],
    `${password}\n`,
  );
  t.equal(made.status, 0, made.stderr);
  const bob = createPerson(gateway);
  t.teardown(() => bob.close());
  await bob.signIn('bob', password);
  await bob.visit(`https://echo.localhost:${gateway.port}/`);
  const webSocket = bob.socket(`wss://echo.localhost:${gateway.port}/`);
  await new Promise((resolve, reject) => void webSocket.once('open', resolve).once('error', reject));
  const told = new Promise<number>((resolve) => webSocket.once('close', resolve));
  t.equal((await gateway.knot(['user', 'disable', 'bob'])).status, 0);
  t.equal(await told, 1008);
  type Entry = { action: string; actor: string; subject: string; outcome: string; detail: Record<string, unknown> };
  let entries: Entry[] = [];
  await eventually('the entry is there', async () => {
    const answer = await ann.api('GET', '/audit?action=stream.cut');
    entries = answer.json<{ records: Entry[] }>().records;
    return entries.length > 0;
  });
  t.match(entries[0], {
    action: 'stream.cut',
    actor: 'system',
    subject: /^session:/,
    outcome: 'done',
    detail: { kind: 'websocket', host: 'echo.localhost', user: 'bob' },
  });
});
