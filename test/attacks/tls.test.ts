import { connect as connectTcp, createServer, type AddressInfo, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import t, { type Test } from 'tap';
import { openRaw, readAnswer, type RawTarget, sendRaw } from '../support/net/raw-client.ts';
import { clientHello } from '../support/net/client-hello.ts';
import { openHouse, promptMs } from './house.ts';
import { eventually } from '../support/eventually.ts';

const house = await openHouse(t, { apps: [{ name: 'console', upstream: 'http://127.0.0.1:9', audience: 'admins' }] });
const { gateway, raw, host, cookie, recorder } = house;
const request = (path: string, own = cookie): string =>
  `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nCookie: ${own}\r\n\r\n`;

t.test('T5 the name in the handshake opens nothing: each request is judged by its own Host', async (t) => {
  for (const servername of ['localhost', 'echo.localhost', 'console.localhost']) {
    house.forget();
    const socket = await openRaw({ ...raw, servername });
    socket.write(request('/of-ann'));
    t.equal((await readAnswer(socket)).status, 200, `${servername}, then a request with a session`);
    socket.write(request('/of-nobody', 'a=1'));
    t.equal((await readAnswer(socket)).status, 401, 'the second request on the connection is judged again');
    socket.write(`GET /login HTTP/1.1\r\nHost: localhost:${gateway.port}\r\nCookie: ${cookie}\r\n\r\n`);
    t.not((await readAnswer(socket)).headers.get('x-knot-user'), 'ann');
    socket.destroy();
    t.strictSame(
      recorder.requests.map(({ target }) => target),
      ['/of-ann'],
    );
  }
  const bare = connectTls({
    port: raw.port,
    host: '127.0.0.1',
    ca: raw.ca,
    servername: '',
    checkServerIdentity: () => undefined,
  });
  bare.on('error', () => undefined);
  const isOpen = await new Promise<boolean>((resolve) => {
    bare.once('secureConnect', () => resolve(true)).once('close', () => resolve(false));
  });
  if (isOpen) {
    bare.write(request('/of-nobody', 'a=1'));
    t.equal((await readAnswer(bare)).status, 401, 'no name at all, no session: the same answer');
  }
  bare.destroy();
});

/** A relay that changes how the bytes of the client travel, not the bytes of the handshake. */
async function relay(t: Test, reshape: (chunk: Buffer, index: number) => Buffer[]): Promise<RawTarget> {
  const server = createServer((client: Socket) => {
    const gatewaySide = connectTcp({ port: raw.port, host: '127.0.0.1' });
    gatewaySide.setNoDelay(true);
    client.on('error', () => gatewaySide.destroy()).on('close', () => gatewaySide.destroy());
    gatewaySide.on('error', () => client.destroy()).on('close', () => client.destroy());
    gatewaySide.on('data', (data) => void client.write(data));
    let index = 0;
    let queue = Promise.resolve();
    client.on('data', (chunk: Buffer) => {
      const pieces = reshape(chunk, index++);
      queue = queue.then(async () => {
        for (const piece of pieces) {
          gatewaySide.write(piece);
          await new Promise((resolve) => setImmediate(resolve));
        }
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => void server.close());
  return { ...raw, port: (server.address() as AddressInfo).port };
}

/** The same handshake message in TLS records of a few bytes each (RFC 8446 section 5.1 allows it). */
function inSmallRecords(chunk: Buffer, index: number): Buffer[] {
  if (index > 0) return [chunk];
  const [head, message] = [chunk.subarray(0, 3), chunk.subarray(5, 5 + chunk.readUInt16BE(3))];
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += 40) {
    const part = message.subarray(at, at + 40);
    records.push(Buffer.concat([head, Buffer.from([0, part.length]), part]));
  }
  return [...records, chunk.subarray(5 + message.length)];
}

t.test('T6 a split ClientHello meets the same rules as a whole one', async (t) => {
  const shapes = {
    'one byte per segment': (chunk: Buffer) => [...chunk].map((byte) => Buffer.from([byte])),
    'records of forty bytes': inSmallRecords,
    'neighbour: whole': (chunk: Buffer) => [chunk],
  };
  for (const [name, reshape] of Object.entries(shapes)) {
    const target = await relay(t, reshape);
    const ours = await sendRaw(target, `${request('/split').trimEnd()}\r\nConnection: close\r\n\r\n`);
    t.equal(ours.status, 200, `${name}: with a session`);
    const theirs = await sendRaw(target, `${request('/split', 'a=1').trimEnd()}\r\nConnection: close\r\n\r\n`);
    t.equal(theirs.status, 401, `${name}: without one`);
  }
});

/** What the gateway says to a ClientHello: `hello` (ServerHello), `alert`, or `closed`. */
async function answerTo(hello: Buffer): Promise<string> {
  const socket = connectTcp({ port: raw.port, host: '127.0.0.1' });
  socket.on('error', () => undefined);
  const answer = new Promise<string>((resolve) => {
    socket.once('data', (data: Buffer) => resolve(data[0] === 0x15 ? 'alert' : data[0] === 0x16 ? 'hello' : 'other'));
    socket.once('close', () => resolve('closed'));
    setTimeout(() => resolve('silence'), 2_000).unref();
  });
  socket.write(hello);
  const said = await answer;
  socket.destroy();
  return said;
}

t.test('T7 a server name may be anything: it is answered or refused, and the process lives', async (t) => {
  const names: [name: string, sni: Buffer | undefined, expected: readonly string[]][] = [
    ['neighbour: the main host', Buffer.from('localhost'), ['hello']],
    ['neighbour: an application', Buffer.from('echo.localhost'), ['hello']],
    ['none', undefined, ['hello', 'alert']],
    ['an empty one', Buffer.alloc(0), ['alert', 'hello', 'closed']],
    ['255 letters', Buffer.alloc(255, 'a'), ['alert', 'closed']],
    ['10 KB', Buffer.alloc(10_000, 'a'), ['alert', 'closed']],
    ['__proto__', Buffer.from('__proto__'), ['alert', 'closed']],
    ['constructor', Buffer.from('constructor'), ['alert', 'closed']],
    ['a NUL', Buffer.from('echo.localhost\0.evil'), ['alert', 'closed']],
    ['bytes beyond ASCII', Buffer.from([0xff, 0xfe, 0x80]), ['alert', 'closed']],
    ['a foreign name', Buffer.from('attacker.example'), ['alert', 'closed']],
    ['an address', Buffer.from('127.0.0.1'), ['alert', 'closed', 'hello']],
    ['a trailing dot', Buffer.from('echo.localhost.'), ['alert', 'closed', 'hello']],
  ];
  for (const [name, sni, expected] of names) {
    const said = await answerTo(clientHello(sni));
    t.ok(expected.includes(said), `${name}: ${said}`);
  }
  t.equal(
    await answerTo(Buffer.from('GET / HTTP/1.1\r\n\r\n')).then((said) => said === 'silence'),
    false,
    'plain HTTP is told off',
  );
  t.ok((await house.serveMs()) < promptMs, 'the process still answers');
  await eventually('nothing uncaught', () => !/uncaught|unhandled/i.test(gateway.output()));
});
