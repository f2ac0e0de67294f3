import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { newSecret } from '../../gateway/lib/index.ts';
import { asForm, formOf, openGuestHouse, openRequest } from '../guests/house.ts';
import { eventually } from '../support/eventually.ts';
import { sendRaw } from '../support/net/raw-client.ts';
import { caOf } from '../support/process/gateway.ts';
import { metric } from './house.ts';

/** Whoever holds a link, and wants more than it gives; and whoever holds none. */

const house = await openGuestHouse(t, { config: { login: { attemptsPerAddress: 60 } } });
const { gateway, bob, newGuest, put, makeFolder, link, names, own } = house;
const marker = 'NOBODY-READS-THIS';
await makeFolder('open');
await makeFolder('open/sub');
await makeFolder('other');
await makeFolder('open2');
await put('open/a.txt', 'shown');
await put('top.txt', marker);
await put('other/b.txt', marker);
await put('open2/c.txt', marker);
const mine = await link('open');
const guest = newGuest();
await guest.visit(mine.url);
const cookie = [...guest.cookies('localhost')].map(([name, value]) => `${name}=${value}`).join('; ');

t.test('R14 no spelling of the address leads out of what is shared', async (t) => {
  for (const path of [
    '../top.txt',
    '%2e%2e/top.txt',
    '..%2ftop.txt',
    '%2e%2e%2ftop.txt',
    'sub/../../top.txt',
    'sub/%2e%2e/%2e%2e/other/b.txt',
    '..%5ctop.txt',
    '%EF%80%AE%EF%80%AE/top.txt',
    '%ef%80%ae%ef%80%ae%ef%80%aftop.txt',
    '//top.txt',
    './top.txt',
    '%00/top.txt',
    'a.txt/../../top.txt',
    '../open2/c.txt',
    '2/c.txt',
    '%',
    '%zz',
    `${'x/'.repeat(2000)}y`,
    '.knot',
    '.knot/trash',
  ]) {
    // As it stands: a client library would tidy it up.
    const answer = await sendRaw(
      { port: gateway.port, ca: caOf(gateway) },
      `GET ${mine.page}${path} HTTP/1.1\r\nHost: localhost:${gateway.port}\r\nCookie: ${cookie}\r\nConnection: close\r\n\r\n`,
    );
    t.notMatch(answer.bytes, marker, path.slice(0, 40));
    t.ok(answer.status >= 400, `${path.slice(0, 40)}: ${answer.status}`);
  }
});

t.test('R15 links and second names made inside what is shared lead nowhere', async (t) => {
  const me = (await bob.api('GET', '/me')).json<{ id?: string; user?: { id: string } }>();
  const root = join(gateway.data, 'files/private', me.id ?? me.user!.id);
  symlinkSync('../top.txt', join(root, 'open/link.txt'));
  symlinkSync('..', join(root, 'open/up'));
  symlinkSync('/etc', join(root, 'open/etc'));
  for (const path of ['link.txt', 'up/', 'up/top.txt', 'up/?zip=1', 'etc/passwd', 'link.txt?download=1']) {
    const answer = await guest.request('GET', mine.page + path);
    t.ok(answer.status >= 400, `${path}: ${answer.status}`);
    t.notMatch(answer.text, /NOBODY|root:/);
  }
  const zip = await guest.request('GET', `${mine.page}?zip=1`);
  t.notMatch(zip.text, /NOBODY-READS|root:x/);
  t.match(zip.text, /a link/, 'what was left out is named');
  const list = await guest.visit(mine.page);
  t.match(list.text, /it is not followed here/);
});

t.test('R16 the cookie of a guest opens nothing else: no API, no events, no tool, no other share', async (t) => {
  const other = await link('other');
  for (const [method, path] of [
    ['GET', '/api/v1/me'],
    ['GET', '/api/v1/areas'],
    ['GET', '/api/v1/events'],
    ['GET', '/api/v1/shares'],
    ['GET', '/api/v1/files/user:bob/open'],
    ['GET', '/api/v1/files/private/'],
    ['PUT', '/api/v1/files/user:bob/open/x'],
    ['DELETE', `/api/v1/shares/${mine.id}`],
    ['PATCH', `/api/v1/shares/${mine.id}`],
  ] as const)
    t.equal((await guest.request(method, path, { headers: own })).status, 401, `${method} ${path}`);
  t.match((await guest.visit('/files')).url, /\/login/);
  t.equal((await guest.request('GET', other.page)).status, 403, 'another share of the same owner');
  t.notMatch((await guest.request('GET', `${other.page}b.txt`)).text, marker);
  for (const forged of [
    cookie.replaceAll(mine.id, other.id),
    cookie.replace(/=/, `=${newSecret()}.${other.id}:${newSecret()}.`),
    `${cookie}; ${cookie.replace(mine.id, other.id)}`,
    cookie.toUpperCase(),
    `__Host-knot=${mine.url.slice(-43)}`,
  ]) {
    const answer = await newGuest().request('GET', other.page, { headers: { cookie: forged } });
    t.equal(answer.status, 403, forged.slice(0, 30));
  }
  for (const path of [
    '/guest/',
    '/guest/%2e%2e/',
    `/guest/${mine.id}x/`,
    '/guest/undefined/',
    `/guest/guest:${mine.id}/`,
  ])
    t.notMatch((await guest.request('GET', path)).status, 200, path);
  t.equal((await newGuest().request('GET', mine.page)).status, 403, 'the address without the cookie');
  t.equal((await guest.request('GET', mine.page)).status, 200, 'neighbour: the cookie with its own');
});

t.test('R17 what is for looking at is not changed, and another site changes and reads nothing', async (t) => {
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH'])
    t.ok(
      (await guest.request(method, `${mine.page}a.txt`, { headers: asForm(gateway), body: formOf({ x: 'x' }) }))
        .status >= 400,
      method,
    );
  t.equal((await guest.request('POST', mine.page, { headers: asForm(gateway), body: formOf({ x: 'x' }) })).status, 403);
  const inbox = await link('sub-inbox-none').catch(() => link('other', { right: 'upload' }));
  const sender = newGuest();
  await sender.visit(inbox.url);
  for (const more of [
    { 'sec-fetch-site': 'same-site', origin: 'https://jupyterhub.localhost' },
    { 'sec-fetch-site': 'cross-site', origin: 'null' },
    { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
  ])
    t.equal(
      (await sender.request('POST', inbox.page, { headers: asForm(gateway, more), body: formOf({ x: 'x' }) })).status,
      403,
    );
  for (const dest of ['image', 'iframe', 'script', 'empty'])
    t.equal(
      (
        await guest.request('GET', `${mine.page}a.txt`, {
          headers: { 'sec-fetch-site': 'same-site', 'sec-fetch-dest': dest },
        })
      ).status,
      403,
      dest,
    );
  t.same(await names('other'), ['b.txt']);
});

t.test('R18 what a name holds stays text, and what a file holds has no rights', async (t) => {
  await makeFolder('names');
  const sent = await link('names', { right: 'upload' });
  const sender = newGuest();
  await sender.visit(sent.url);
  const evil = ['<img src=x onerror=alert(1)>.png', '\u202efdp.exe', 'a%22%3E<b>.txt', `${'../'.repeat(3)}top.txt`];
  const body = formOf(Object.fromEntries(evil.map((name) => [name, '<script>alert(1)</script>'])));
  t.equal((await sender.request('POST', sent.page, { headers: asForm(gateway), body })).json()['received'], 4);
  t.equal((await bob.request('GET', '/api/v1/files/private/top.txt')).text, marker, 'a path is no way out');
  const seen = await link('names');
  const viewer = newGuest();
  const page = await viewer.visit(seen.url);
  t.notMatch(page.text, /<img src=x|<b>|\u202e/);
  t.match(page.text, /\\u202efdp\.exe/);
  for (const [, href = ''] of page.text.matchAll(/href="(\/guest\/[^"]+[^/])"/g)) {
    const answer = await viewer.request('GET', href.replaceAll('&amp;', '&'));
    t.match(answer.headers['content-security-policy'] ?? '', /sandbox|^default-src 'none'/, href);
    t.equal(answer.headers['x-content-type-options'], 'nosniff');
  }
});

t.test('R19 guessing links is slowed down, and whoever has one is not locked out by looking at it', async (t) => {
  const good = await link('open');
  const holder = newGuest();
  await holder.visit(good.url);
  const statuses: number[] = [];
  for (let round = 0; round < 80; round += 1) statuses.push((await guest.request('GET', `/s/${newSecret()}`)).status);
  t.equal(statuses[0], 404);
  t.ok(statuses.filter((status) => status === 429).length >= 15, statuses.join(' '));
  t.equal((await holder.request('GET', good.page)).status, 200, 'who came in before goes on');
  t.equal((await holder.request('HEAD', `${good.page}a.txt`)).status, 200);
  for (const odd of ['', '/', 'x', 'x/y', `${newSecret()}x`, '%00'])
    t.ok([404, 400, 429].includes((await guest.request('GET', `/s/${odd}`)).status), odd);
});

t.test('R20 with the account, or the policies, a link ends; what is open by it as well', async (t) => {
  await put('open/big.bin', 'x'.repeat(20_000_000));
  const download = openRequest(gateway, guest, `${mine.page}big.bin`, {}, 'GET');
  download.end();
  await download.begun;
  await eventually('it is open', async () => (await metric(gateway, 'knot_live_streams')) > 0);
  t.equal((await gateway.knot(['user', 'disable', 'bob'])).status, 0);
  await eventually('it is cut', async () => (await metric(gateway, 'knot_live_streams')) === 0);
  t.match(await gateway.line(/"kind":"download".*stream closed/), 'no longer allowed');
  download.cut();
  t.match(await guest.visit(mine.page), { status: 410, text: /account of whoever shared it was closed/ });
  t.equal((await gateway.knot(['user', 'enable', 'bob'])).status, 0);
  t.equal((await guest.visit(mine.page)).status, 410, 'and it does not come back');
});
