import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { createWays, waysFolderOf, type WayOut } from '../../gateway/integrations/jupyterhub/ways.ts';
import { silentLog } from '../../gateway/lib/index.ts';

async function setUp(t: Test, wayOut: WayOut | undefined) {
  const folder = mkdtempSync(join(tmpdir(), 'knot-ways-'));
  const hub = createServer(async (asked, response) => {
    const body = (await asked.toArray()).join('');
    if (body === 'cut') {
      response.writeHead(200, { 'content-length': '100' }).write('half');
      return void setImmediate(() => response.destroy());
    }
    const { connection, 'x-mine': mine, host, authorization } = asked.headers;
    response.writeHead(200, { connection: 'close, x-hop', 'x-hop': 'gone' });
    response.end(JSON.stringify({ url: asked.url, body, connection, mine, host, authorization }));
  }).listen(0, '127.0.0.1');
  await once(hub, 'listening');
  const ways = createWays({ folder, hubPort: (hub.address() as AddressInfo).port, wayOut, log: silentLog });
  t.teardown(() => {
    ways.close();
    hub.closeAllConnections();
    hub.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const socketPath = join(waysFolderOf(folder, 'ann'), 'hub.sock');
  const ask = async (method: string, path: string, headers: Record<string, string> = {}, body?: string) => {
    const asked = request({ socketPath, method, path, headers, agent: false }).end(body);
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    const text = await response.toArray().then(
      (parts) => parts.join(''),
      () => 'cut short',
    );
    return { status: response.statusCode, headers: response.headers, text };
  };
  return { folder, socketPath, ways, ask };
}

t.test('a server asks its hub what it has to, and nothing else', async (t) => {
  const { ways, ask } = await setUp(t, undefined);
  t.equal(await ways.open('ann'), true);
  t.equal(await ways.open('No Name'), false);
  const fields = { authorization: 'token t', connection: 'close, x-mine', 'x-mine': '1', host: '127.0.0.1:5' };
  const asked = await ask('POST', '/hub/api/users/ann/activity', fields, '{"x":1}');
  t.match(JSON.parse(asked.text), { url: '/hub/api/users/ann/activity', body: '{"x":1}', authorization: 'token t' });
  const { mine, host } = JSON.parse(asked.text) as { mine?: string; host: string };
  t.strictSame([mine, asked.headers['x-hop']], [undefined, undefined], 'fields of a connection stay on theirs');
  t.equal(host, '127.0.0.1:5');
  for (const [method, path] of [
    ['POST', '/hub/api/users/bob/activity'],
    ['GET', '/hub/api/users'],
    ['DELETE', '/hub/api/user'],
  ] as const)
    t.equal((await ask(method, path)).status, 403, path);
  t.equal((await ask('POST', '/hub/api/oauth2/token', {}, 'cut')).text, 'cut short', 'half an answer is none');
});

t.test('a server whose way out cannot be opened has none to its hub either, until it is asked for again', async (t) => {
  let isBroken = true;
  const { ways, ask, socketPath } = await setUp(t, async (_username, socket) => {
    if (isBroken) throw new Error('no way out');
    writeFileSync(socket, '');
    return () => undefined;
  });
  await t.rejects(ways.open('ann'), { message: 'no way out' });
  t.notOk(existsSync(socketPath), 'nobody listens there');
  isBroken = false;
  t.equal(await ways.open('ann'), true);
  t.equal((await ask('GET', '/hub/api')).status, 200);
});
