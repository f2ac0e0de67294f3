import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { freePort } from '../../support/net/free-port.ts';
import { makeRelays } from './relay.ts';

/** The two ends on one network, where what they do can be seen without a node. */
async function openRelays(t: Test) {
  const folder = mkdtempSync(join(tmpdir(), 'knot-relay-'));
  const end = spawn(process.execPath, [join(import.meta.dirname, 'relay-inside.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const relays = makeRelays(end, folder);
  t.teardown(async () => {
    const ended = once(end, 'exit');
    relays.close();
    await ended;
    rmSync(folder, { recursive: true });
  });
  return relays;
}

async function serve(t: Test, onClient: (client: Socket) => void, port = 0): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, onClient).listen(port, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** Leaves the other direction as it is, which an iteration over the socket would not. */
async function readAll(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk) => (text += String(chunk)));
  await once(socket, 'end');
  return text;
}

t.test('either direction may end first, and what the other still says arrives', async (t) => {
  const relays = await openRelays(t);
  // Answers when the client has said its last.
  const port = await serve(t, async (client) => client.end(`${(await readAll(client)).length} bytes`));
  const outside = await freePort();
  await relays.outward({ host: '127.0.0.1', port: outside }, port);
  for (const way of [await relays.inward({ port }), outside]) {
    const client = connect({ port: way, host: '127.0.0.1', allowHalfOpen: true });
    client.end('x'.repeat(1_000_000));
    t.equal(await readAll(client), '1000000 bytes');
  }

  // Says its last at once and hears the rest.
  const heard = Promise.withResolvers<string>();
  const deaf = await serve(t, (client) => {
    client.end('bye');
    heard.resolve(readAll(client));
  });
  const client = connect({ port: await relays.inward({ port: deaf }), host: '127.0.0.1', allowHalfOpen: true });
  t.equal(await readAll(client), 'bye');
  client.end('y'.repeat(1_000_000));
  t.equal((await heard.promise).length, 1_000_000);
});

t.test('a connection that breaks on one side ends on the other; where nobody listens it ends', async (t) => {
  const relays = await openRelays(t);
  const broken = Promise.withResolvers<void>();
  const port = await serve(t, (client) => {
    client.on('error', () => undefined).on('end', () => broken.resolve());
    client.write('hello');
  });
  const client = connect(await relays.inward({ port }), '127.0.0.1');
  await once(client, 'data');
  client.resetAndDestroy();
  await broken.promise;

  const lost = connect(await relays.inward({ port: await freePort() }), '127.0.0.1').on('error', () => undefined);
  await once(lost, 'close');
  t.pass();
});

t.test('by default a port leads to the same one inside; one that is taken inside is an error', async (t) => {
  const relays = await openRelays(t);
  const taken = await serve(t, (client) => client.end());
  await t.rejects(relays.outward({ host: '127.0.0.1', port: taken }, taken), /EADDRINUSE/);
  const port = await relays.inward();
  // Both ends are on one network here: it leads to itself.
  t.ok(port > 0);
});
