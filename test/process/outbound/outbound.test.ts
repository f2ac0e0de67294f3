import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { readHostPattern, silentLog } from '../../../gateway/lib/index.ts';
import { type Asker, createOutbound } from '../../../gateway/process/index.ts';
import { eventually } from '../../support/eventually.ts';

async function setUp(t: Test, { hosts = ['a.example'], internal = [] as string[], refused = [] as string[] } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'knot-out-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const seen: { url: string | undefined; headers: IncomingMessage['headers']; body: string }[] = [];
  const web = createServer(async (request, response) => {
    seen.push({ url: request.url, headers: request.headers, body: (await request.toArray()).join('') });
    response.writeHead(200, { 'x-from': 'the web', connection: 'x-hop', 'x-hop': 'gone' }).end('hello');
  }).listen(0, '127.0.0.1');
  t.teardown(() => {
    web.closeAllConnections();
    web.close();
  });
  await once(web, 'listening');
  const dialled: string[] = [];
  const outbound = createOutbound({
    dial: (host, port, isInternal) => {
      dialled.push(`${host}:${port}${isInternal ? ' inside' : ''}`);
      const socket = connect((web.address() as AddressInfo).port, '127.0.0.1');
      return once(socket, 'connect').then(() => socket);
    },
    log: silentLog,
  });
  const asker: Asker = {
    about: { service: 's1' },
    hosts: hosts.map((text) => readHostPattern(text)!),
    internal: internal.map((text) => readHostPattern(text)!),
    mayReach: async ({ host }) => !refused.includes(host),
  };
  const socket = join(folder, 'out.sock');
  const told: string[] = [];
  const close = await outbound.open({ socket, asker, onRefused: (sentence) => void told.push(sentence) });
  t.teardown(close);
  /** Writes bytes and reads until the other side ends. */
  const say = async (bytes: string): Promise<string> => {
    const client = connect(socket);
    client.write(bytes);
    return (await client.toArray()).join('');
  };
  return { told, seen, dialled, close, socket, say };
}

t.test('a tunnel goes to what is named, and to nothing else', async (t) => {
  const { say, dialled, told } = await setUp(t);
  const inside = 'GET /x HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n\r\n';
  t.match(
    await say(`CONNECT a.example:443 HTTP/1.1\r\nhost: a.example:443\r\n\r\n${inside}`),
    /^HTTP\/1\.1 200 .*\r\n\r\nHTTP\/1\.1 200 OK[^]*hello/,
  );
  t.strictSame(dialled, ['a.example:443']);
  for (const target of ['b.example:443', 'a.example:22', 'a.example.b.example:443', '127.0.0.1:443', '[::1]:443'])
    t.match(
      await say(`CONNECT ${target} HTTP/1.1\r\nhost: ${target}\r\n\r\n`),
      /^HTTP\/1\.1 403 [^]*is not among the hosts/,
      target,
    );
  await say('CONNECT b.example:443 HTTP/1.1\r\nhost: x\r\n\r\n');
  t.match(
    told,
    [/^b\.example:443 is not/, /^a\.example:22/, /^a\.example\.b/, /^127/, /^::1/],
    'its owner is told of each once',
  );
  t.equal(told.length, 5);
  for (const target of [
    'a.example',
    'user@a.example:443',
    'a.example:443/x',
    'http://a.example:443',
    '127.1:443',
    'a.example:0',
    'a.example:99999',
  ])
    t.match(await say(`CONNECT ${target} HTTP/1.1\r\nhost: x\r\n\r\n`), /^HTTP\/1\.1 400 /, target);
  t.equal(dialled.length, 1, 'nobody else was dialled');
});

t.test('a plain request goes on as it came, without what is for the proxy', async (t) => {
  const { say, seen, dialled } = await setUp(t);
  const head =
    'host: other.example\r\nproxy-authorization: Basic eA==\r\nconnection: close, x-mine\r\nx-mine: 1\r\nx-kept: 2\r\n';
  const answer = await say(`POST http://a.example/p?q=1 HTTP/1.1\r\n${head}content-length: 4\r\n\r\nbody`);
  t.match(answer, /^HTTP\/1\.1 200 OK\r\n[^]*x-from: the web[^]*hello/);
  t.notMatch(answer, /x-hop: gone/);
  t.strictSame(dialled, ['a.example:80']);
  const [{ url, headers, body }] = seen as [(typeof seen)[0]];
  t.strictSame(
    [url, body, headers.host, headers['x-kept']],
    ['/p?q=1', 'body', 'a.example', '2'],
    'the judged host is the host',
  );
  t.strictSame([headers['proxy-authorization'], headers['x-mine']], [undefined, undefined]);
  for (const target of ['http://b.example/', 'http://a.example:8080/'])
    t.match(await say(`GET ${target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`), /^HTTP\/1\.1 403 /, target);
  for (const target of [
    '/',
    'https://a.example/',
    'http://a.example@b.example/',
    'ftp://a.example/',
    'http://a.example#@b/',
  ])
    t.match(
      await say(`GET ${target} HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n\r\n`),
      /^HTTP\/1\.1 400 /,
      target,
    );
  t.equal(dialled.length, 1);
});

t.test('a body of unknown length goes on as one', async (t) => {
  const { say, seen } = await setUp(t);
  const head = 'host: a.example\r\nconnection: close\r\ntransfer-encoding: chunked\r\n';
  const answer = await say(`POST http://a.example/ HTTP/1.1\r\n${head}\r\n4\r\nbody\r\n3\r\n, 2\r\n0\r\n\r\n`);
  t.match(answer, /^HTTP\/1\.1 200 OK\r\n[^]*hello/);
  t.match(seen, [{ url: '/', body: 'body, 2' }]);
  t.equal(seen.length, 1, 'and as nothing else');
});

t.test('the policies close what is named, and what is inside is dialled as such', async (t) => {
  const { say, dialled } = await setUp(t, { internal: ['b.example'], refused: ['a.example'] });
  t.match(await say('CONNECT a.example:443 HTTP/1.1\r\nhost: x\r\n\r\n'), /^HTTP\/1\.1 403 [^]*policies/);
  t.match(await say('GET http://b.example/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'), /^HTTP\/1\.1 200 /);
  t.strictSame(dialled, ['b.example:80 inside']);
});

t.test('when a sandbox ends, what it has open ends', async (t) => {
  const { close, socket } = await setUp(t);
  const client = connect(socket);
  client.write('CONNECT a.example:443 HTTP/1.1\r\nhost: x\r\n\r\n');
  const [first] = (await once(client, 'data')) as [Buffer];
  t.match(String(first), /^HTTP\/1\.1 200 /);
  close();
  await eventually('it is cut', () => client.destroyed || client.readableEnded);
});

t.test('bytes that are no request of a proxy end a connection, and nothing else', async (t) => {
  const { say } = await setUp(t);
  t.match(await say('\x16\x03\x01 this is TLS\r\n\r\n'), /^HTTP\/1\.1 400 /);
  t.match(
    await say('GET http://a.example/ HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n'),
    /^HTTP\/1\.1 501 /,
  );
  t.match(await say('GET http://a.example/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'), /^HTTP\/1\.1 200 /);
});
