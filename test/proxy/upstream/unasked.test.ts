import { type AddressInfo, createServer, type Socket } from 'node:net';
import t from 'tap';
import { eventually } from '../../support/eventually.ts';
import { sendRaw } from '../../support/net/raw-client.ts';
import { openGateway } from '../fixture.ts';

/** What an upstream may say on a connection on which nothing is asked. */
const unasked: [name: string, bytes: string][] = [
  ['a whole answer', 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil'],
  ['the beginning of one', 'HTTP/1.1 200 OK\r\nContent-Le'],
  ['an answer to come', 'HTTP/1.1 103 Early Hints\r\nLink: </evil>\r\n\r\n'],
  ['that it waited for long enough', 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n'],
  ['a single byte', '\n'],
];

t.test('S10 bytes nobody asked for end the connection they came on, and are nobody’s answer', async (t) => {
  const connections: { socket: Socket; isClosed: boolean }[] = [];
  /** Which connection it is, in one character. */
  const sign = (connection: number) => connection.toString(36);
  /** What it says in one breath with its answer. */
  let behind = '';
  const server = createServer((socket) => {
    const connection = { socket, isClosed: false };
    connections.push(connection);
    socket.on('error', () => undefined).on('close', () => (connection.isClosed = true));
    socket.on('data', () =>
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${sign(connections.length)}${behind}`),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    for (const { socket } of connections) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const gateway = await openGateway(t, { route: (route) => ({ ...route, upstream: { ...route.upstream, port } }) });
  const { cookie } = await gateway.signIn();
  const get = () => sendRaw(gateway.raw, `GET /x HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${cookie}\r\n\r\n`);

  t.equal((await get()).body, '1');
  t.equal((await get()).body, '1', 'neighbour: the connection is kept');
  for (const [index, [name, bytes]] of unasked.entries()) {
    const kept = connections.at(-1)!;
    await new Promise((resolve) => kept.socket.write(bytes, resolve));
    // Long before the gateway would end a connection that idles.
    await eventually(`${name}: the connection ends`, () => kept.isClosed);
    const answer = await get();
    t.match(answer, { status: 200, body: sign(index + 2) }, `${name}: the next request has a new connection`);
    t.notMatch(answer.bytes, /evil|408|103/, 'and its own answer');
  }
  for (const [name, bytes] of unasked) {
    const count = connections.length;
    behind = bytes;
    const answer = await get();
    behind = '';
    t.equal(answer.body, sign(count), `${name} behind an answer is no part of it`);
    await eventually(`${name} behind an answer: the connection ends`, () => connections.at(-1)!.isClosed);
    t.equal((await get()).body, sign(count + 1), 'and the next request has a new one');
  }
});
