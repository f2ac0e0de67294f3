import type { IncomingMessage } from 'node:http';
import { connect } from 'node:http2';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { eventually } from '../support/eventually.ts';
import { caOf, startGateway } from '../support/process/gateway.ts';
import { openPeople } from '../support/process/people.ts';

/** Files on a whole gateway: both protocols, quotas from plans, what ends a right ends a transfer, restart. */

async function openHouse(t: Test) {
  const { gateway, ann } = await openPeople(t, {
    config: {
      plans: [{ name: 'small', defaultFor: ['people'], storage: '1 MB' }],
    },
  });
  const write = (path: string, body: string | Buffer, headers = {}) =>
    ann.request('PUT', `/api/v1/files/${path}`, {
      headers: { origin: gateway.origin, 'sec-fetch-site': 'same-origin', ...headers },
      body: body as string,
    });
  const cookie = () => [...ann.cookies('localhost')].map(([name, value]) => `${name}=${value}`).join('; ');
  const own = () => join(gateway.data, 'files/private', readdirSync(join(gateway.data, 'files/private'))[0]!);
  return { gateway, ann, write, cookie, own };
}

t.test('a file goes in and out over HTTP/1.1 and HTTP/2, and its owner is told whose quota is full', async (t) => {
  const { gateway, ann, write, cookie, own } = await openHouse(t);
  t.match(await write('private/a%20b.txt', 'hello'), { status: 201 });
  t.equal(readFileSync(join(own(), 'a b.txt'), 'utf8'), 'hello');
  t.match(await ann.request('GET', '/api/v1/files/private/a%20b.txt', { headers: { range: 'bytes=1-2' } }), {
    status: 206,
    text: 'el',
  });
  const full = await write('private/big', Buffer.alloc(2_000_000));
  t.equal(full.status, 507);
  t.match(full.json(), { code: 'KNOT_FILES_QUOTA', message: /the private files of ann use 5 bytes of 1\.0 MB/ });

  const session = connect(gateway.origin, { ca: caOf(gateway) });
  t.teardown(() => session.close());
  const ask = async (headers: Record<string, string>, body?: Buffer) => {
    const stream = session.request({
      ':path': '/api/v1/files/private/two',
      origin: gateway.origin,
      'sec-fetch-site': 'same-origin',
      cookie: cookie(),
      ...headers,
    });
    stream.end(body);
    let status = 0;
    stream.on('response', (answer) => (status = Number(answer[':status'])));
    let text = '';
    for await (const chunk of stream) text += String(chunk);
    return { status, text };
  };
  // No length is announced: HTTP/2 needs none.
  t.match(await ask({ ':method': 'PUT' }, Buffer.alloc(300_000, 'x')), { status: 201 });
  t.equal((await ask({ ':method': 'GET' })).text.length, 300_000);
  t.match(await ask({ ':method': 'PUT' }, Buffer.alloc(900_000 + 300_000, 'y')), { status: 507 });
  t.equal((await ask({ ':method': 'GET' })).text, 'x'.repeat(300_000), 'what was there stays');
  t.same(
    readdirSync(join(gateway.data, 'files/.knot/private', own().split('/').at(-1)!, 'staging')),
    [],
    'and nothing is left over',
  );
});

t.test('a resumable upload over HTTP/2 goes on after the gateway was killed', async (t) => {
  const { gateway, ann, own } = await openHouse(t);
  const headers = { origin: gateway.origin, 'sec-fetch-site': 'same-origin', 'tus-resumable': '1.0.0' };
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const made = await ann.request('POST', '/api/v1/uploads', {
    headers: {
      ...headers,
      'upload-length': '10',
      'upload-metadata': `area ${base64('private')},path ${base64('späť.txt')}`,
    },
  });
  t.equal(made.status, 201);
  const url = String(made.headers['location']);
  const patch = (offset: number, body: string) =>
    ann.request('PATCH', url, {
      headers: { ...headers, 'upload-offset': String(offset), 'content-type': 'application/offset+octet-stream' },
      body,
    });
  t.match(await patch(0, '01234'), { status: 204 });
  await gateway.signal('SIGKILL');
  const again = await startGateway({
    data: gateway.data,
    config: { integrations: { jupyterhub: { mode: 'off' } }, listen: `127.0.0.1:${gateway.port}` },
  });
  t.teardown(() => again.stop());
  const head = await ann.request('HEAD', url, { headers });
  t.match(head, { status: 200, headers: { 'upload-offset': '5' } });
  t.match(await patch(5, '56789'), { status: 204 });
  t.equal(readFileSync(join(own(), 'späť.txt'), 'utf8'), '0123456789');
});

t.test('who leaves a team loses its files, open downloads included', async (t) => {
  const { gateway, ann, cookie } = await openHouse(t);
  const { id } = (await ann.api('POST', '/teams', { name: 'physics', title: 'Physics' })).json<{ id: string }>();
  const [me] = (await ann.api('GET', '/users')).json<{ users: { id: string }[] }>().users;
  await ann.api('PUT', `/teams/${id}/members/${me!.id}`, { role: 'member' });
  const folder = join(gateway.data, 'files/team', id);
  t.match(await ann.request('GET', '/api/v1/files/team:physics'), { status: 200 });
  writeFileSync(join(folder, 'big'), Buffer.alloc(64 << 20));
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(
      `${gateway.origin}/api/v1/files/team:physics/big`,
      { ca: caOf(gateway), headers: { cookie: cookie() } },
      resolve,
    ).on('error', reject);
  });
  t.equal(response.statusCode, 200);
  let hasEnded = false;
  response.on('aborted', () => (hasEnded = true)).on('error', () => (hasEnded = true));
  await ann.api('DELETE', `/teams/${id}/members/${me!.id}`);
  response.resume();
  await eventually('the download is cut', () => hasEnded);
  t.notOk(response.complete);
  t.match(await ann.request('GET', '/api/v1/files/team:physics/big'), { status: 403 });
  t.ok(existsSync(join(folder, 'big')));
});
