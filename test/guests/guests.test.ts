import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { metric } from '../attacks/house.ts';
import { eventually } from '../support/eventually.ts';
import { asForm, formOf, openGuestHouse, openRequest } from './house.ts';

/** What the holder of a link sees and can do, on a running gateway. */

const plans = [{ name: 'small', title: 'Small', defaultFor: ['people'], storage: '2 MB' }];
const house = await openGuestHouse(t, { config: { plans } });
const { gateway, ann, bob, newGuest, put, makeFolder, link, names } = house;
await makeFolder('results');
await makeFolder('results/deep');
await put('results/b%20%26%20%3Ci%3E.txt', 'hello');
await put('results/a.txt', '0123456789');
await put('results/deep/c.csv', '1,2');
await put('results/evil.html', '<script>document.title="x"</script>');
await put('secret.txt', 'nobody sees this');
await put('alone.txt', 'alone');

t.test('a link opens its folder in any browser, and its secret leaves the address at once', async (t) => {
  const { url, id, page } = await link('results');
  const guest = newGuest();
  const first = await guest.request('GET', url);
  t.match(first, {
    status: 303,
    headers: { location: page, 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' },
  });
  t.match(
    first.headers['set-cookie'],
    /^__Host-knot-guest=[^;]+; Path=\/; Max-Age=\d+; Secure; HttpOnly; SameSite=Lax$/,
  );
  const folder = await guest.visit(url);
  t.equal(folder.status, 200);
  t.ok(folder.url.endsWith(page));
  const secret = url.slice(-43);
  t.notOk(folder.text.includes(secret));
  t.match(folder.text, /Shared by <strong>bob<\/strong>, until <time/);
  t.match(folder.text, /b &amp; &lt;i&gt;\.txt/, 'names are text');
  for (const foreign of ['secret.txt', 'private', 'alone']) t.notOk(folder.text.includes(foreign), foreign);
  const policy = String(folder.headers['content-security-policy']);
  t.match(policy, /^default-src 'none'; style-src 'sha256-/);
  t.notMatch(policy, /unsafe|script-src/);
  t.match(folder.headers['x-robots-tag'], /noindex/);
  const order = (text: string) => [...text.matchAll(/<bdi>([^<]*)<\/bdi>/g)].map(([, name]) => name);
  t.same(order(folder.text).slice(1), ['deep', 'a.txt', 'b &amp; &lt;i&gt;.txt', 'evil.html']);
  t.same(order((await guest.visit(`${page}?sort=-name`)).text).slice(1)[0], 'deep', 'folders first');
  t.match((await guest.visit(`${page}deep/`)).text, /c\.csv/);
  t.match((await guest.visit(`/guest/${id}`)).text, /a\.txt/, 'without the slash as well');

  const part = await guest.request('GET', `${page}a.txt`, { headers: { range: 'bytes=2-4' } });
  t.match({ status: part.status, text: part.text }, { status: 206, text: '234' });
  const html = await guest.request('GET', `${page}evil.html`);
  t.match(html.headers, {
    'content-disposition': /^attachment/,
    'content-security-policy': /sandbox/,
    'x-content-type-options': 'nosniff',
  });
  const zip = await guest.request('GET', `${page}?zip=1`);
  t.equal(zip.headers['content-type'], 'application/zip');
  t.ok(zip.text.startsWith('PK') && zip.text.includes('deep/c.csv') && !zip.text.includes('nobody sees'));
});

t.test('one file that is shared has a page of its own', async (t) => {
  const { url, page } = await link('alone.txt');
  const guest = newGuest();
  t.match((await guest.visit(url)).text, /5 bytes, changed/);
  t.equal((await guest.request('GET', `${page}?download=1`)).text, 'alone');
  t.equal((await guest.request('GET', `${page.slice(0, -1)}`, { headers: {} })).status, 303);
});

t.test('a guest hands files in: taken names are numbered, nobody learns what is there', async (t) => {
  await makeFolder('inbox');
  await put('inbox/report.txt', 'bob wrote this');
  const { url, page } = await link('inbox', { right: 'upload' });
  const guest = newGuest();
  const form = await guest.visit(url);
  t.match(form.text, /<form method="post" enctype="multipart\/form-data"/);
  t.notOk(form.text.includes('report.txt'));
  const send = (files: Record<string, string>, more: Record<string, string> = {}) =>
    guest.request('POST', page, { headers: asForm(gateway, more), body: formOf(files) });
  const sent = await send({ 'report.txt': 'guest 1', 'C:\\fake\\path.txt': 'x', 'ünï 名.txt': 'names' });
  t.match({ status: sent.status, json: sent.json() }, { status: 200, json: { received: 3, refused: [] } });
  t.notOk(sent.text.includes('(2)'), 'which name was free is nothing to them');
  t.equal((await send({ 'report.txt': 'guest 2' })).status, 200);
  t.same(await names('inbox'), ['path.txt', 'report (2).txt', 'report (3).txt', 'report.txt', 'ünï 名.txt']);
  t.equal((await bob.request('GET', '/api/v1/files/private/inbox/report.txt')).text, 'bob wrote this');

  const plain = await guest.request('POST', page, {
    headers: asForm(gateway, { accept: 'text/html', 'sec-fetch-mode': 'navigate' }),
    body: formOf({ 'plain.txt': 'x' }),
  });
  t.match(plain, { status: 303, headers: { location: `${page}?received=1` } });
  t.match((await guest.visit(`${page}?received=1`)).text, /One file was received/);
  t.equal((await send({ '': '' })).json()['received'], 0, 'a field that was left empty');
  const odd = await send({ '..': 'x', ok: 'y', [`${'n'.repeat(300)}`]: 'z' });
  t.match(odd.json(), { received: 1, refused: [{ name: '..' }, { name: /^n+$/ }] });
  t.equal(odd.status, 400);
  for (const path of ['report.txt', 'deep/', '?zip=1', '?download=1'])
    t.notMatch((await guest.request('GET', page + path)).text, /bob wrote|report/, path);
  t.equal((await guest.request('GET', `${page}report.txt`)).status, 404);
  const audit = await ann.api('GET', '/audit?action=files.written&limit=50');
  t.match(audit.text, /"actor":"guest"/);
});

t.test('what does not arrive whole leaves nothing', async (t) => {
  await makeFolder('halves');
  const { url, page } = await link('halves', { right: 'upload' });
  const guest = newGuest();
  await guest.visit(url);
  const whole = formOf({ 'half.bin': 'y'.repeat(50_000) });
  const cut = openRequest(gateway, guest, page, asForm(gateway, { 'content-length': '200000' }));
  cut.send(whole.slice(0, 40_000));
  await eventually('it has begun', async () => (await metric(gateway, 'knot_live_streams')) > 0);
  cut.cut();
  await eventually('it has ended', async () => (await metric(gateway, 'knot_live_streams')) === 0);
  const early = await guest
    .request('POST', page, { headers: asForm(gateway), body: whole.slice(0, 40_000) })
    .catch(() => undefined);
  t.ok(early === undefined || early.status === 400, 'a form that ends early');
  const other = await guest.request('POST', page, {
    headers: asForm(gateway, { 'content-type': 'application/json' }),
    body: '{}',
  });
  t.match(other.json(), { code: 'KNOT_GUESTS_FORM' });
  t.equal(
    (await guest.request('POST', page, { headers: asForm(gateway), body: formOf({ 'whole.bin': 'z' }) })).status,
    200,
  );
  t.same(await names('halves'), ['whole.bin']);
});

t.test('an area that is full is told without saying how full it is', async (t) => {
  await makeFolder('full');
  const { url, page } = await link('full', { right: 'upload' });
  const guest = newGuest();
  await guest.visit(url);
  const sent = await guest.request('POST', page, {
    headers: asForm(gateway),
    body: formOf({ 'big.bin': 'x'.repeat(3_000_000), 'small.txt': 'fits' }),
  });
  t.match(
    { status: sent.status, json: sent.json() },
    {
      status: 507,
      json: { received: 1, refused: [{ name: 'big.bin', message: 'There is no room for this file.' }] },
    },
  );
  t.notMatch(sent.text, /MB|quota|limit|private|\d\.\d/);
  t.same(await names('full'), ['small.txt'], 'the next file of the form had its turn');
});

t.test('what ended says why; open downloads and uploads end with it', async (t) => {
  await makeFolder('gone');
  await put('gone/big.bin', 'x'.repeat(400_000));
  const say = async (act: (id: string) => Promise<unknown>, path = 'gone') => {
    const { url, id, page } = await link(path);
    const guest = newGuest();
    t.equal((await guest.visit(url)).status, 200);
    await act(id);
    const [again, there] = [await guest.visit(url), await guest.visit(page)];
    t.equal(again.status, 410);
    t.equal(there.status, 410);
    return there.text.replaceAll(/\s+/g, ' ');
  };
  t.match(await say((id) => bob.api('DELETE', `/shares/${id}`)), /Whoever shared it has ended it/);
  await makeFolder('gone/a');
  t.match(
    await say(() => bob.api('POST', '/files/private/gone/a?op=move', { to: 'private/gone/b' }), 'gone/a'),
    /moved to another place/,
  );
  t.match(await say(() => bob.api('DELETE', '/files/private/gone/b'), 'gone/b'), /was deleted/);

  const { url, id, page } = await link('gone', { right: 'upload' });
  const guest = newGuest();
  await guest.visit(url);
  const upload = openRequest(gateway, guest, page, asForm(gateway, { 'content-length': '1000000' }));
  upload.send(formOf({ 'open.bin': 'y'.repeat(1000) }).slice(0, 600));
  await eventually('it is open', async () => (await metric(gateway, 'knot_live_streams')) > 0);
  t.equal((await bob.api('DELETE', `/shares/${id}`)).status, 200);
  t.match(await upload.ended, { isWhole: false }, 'nothing else would have ended it');
  t.same(await names('gone'), ['big.bin']);
});

t.test('what a notebook puts in the place of what was shared is not shared', async (t) => {
  const { user } = (await bob.api('GET', '/me')).json<{ user: { id: string } }>();
  const area = join(gateway.data, 'files/private', user.id);
  await makeFolder('replaced');
  const { url, page } = await link('replaced');
  const guest = newGuest();
  t.equal((await guest.visit(url)).status, 200);
  renameSync(join(area, 'replaced'), join(area, 'kept'));
  t.not((await guest.request('GET', page)).status, 200, 'there is nothing');
  renameSync(join(area, 'kept'), join(area, 'replaced'));
  t.equal((await guest.request('GET', page)).status, 200, 'it came back');
  rmSync(join(area, 'replaced'), { recursive: true });
  mkdirSync(join(area, 'replaced'));
  writeFileSync(join(area, 'replaced/diary.txt'), 'not for guests');
  const answers = [await guest.request('GET', page), await guest.request('GET', `${page}diary.txt`)];
  for (const { status, text } of answers) {
    t.ok(status >= 400, `refused: ${status}`);
    t.notMatch(text, /diary|not for guests/);
  }
  await eventually('it says why', async () => /What was shared is gone/.test((await guest.visit(url)).text));
});

t.test('an undo brings back what the act ended, the link too', async (t) => {
  await makeFolder('undone');
  await makeFolder('undone/inner');
  const { url, id } = await link('undone/inner');
  const guest = newGuest();
  const opens = async () => (await guest.visit(url)).status === 200;
  t.ok(await opens());
  type Done = { endedShares: string[]; trashed: { id: string } };
  const act = async (path: string, body: object) => (await bob.api('POST', `/files/private${path}`, body)).json<Done>();
  const moved = await act('/undone?op=move', { to: 'private/renamed' });
  t.same(moved.endedShares, [id]);
  t.notOk(await opens());
  await act('/renamed?op=move', { to: 'private/undone', shares: moved.endedShares });
  t.ok(await opens(), 'moved back');
  const { endedShares, trashed } = await act('/undone?op=trash', {});
  t.notOk(await opens());
  await makeFolder('undone');
  await makeFolder('undone/inner');
  await act('?op=restore', { id: trashed.id, shares: endedShares });
  t.notOk(await opens(), 'restored beside what lies there now, which nobody shared');
});

t.test('a link for one browser is taken by a press, not by being looked at', async (t) => {
  const { url, page } = await link('results', { bindsBrowser: true });
  const [preview, first, second] = [newGuest(), newGuest(), newGuest()];
  t.match(await preview.visit(url), { status: 200, text: /works in one browser only/ });
  t.equal(preview.cookies('localhost').has('__Host-knot-guest'), false);
  const asked = await first.visit(url);
  const opened = await first.request('POST', asked.url, { headers: house.own });
  t.match(opened, { status: 303, headers: { location: page } });
  t.equal((await first.visit(page)).status, 200);
  t.equal((await first.visit(url)).status, 200, 'again in the same one');
  t.match(await second.visit(url), { status: 403, text: /another one has opened it/ });
  second.setCookies('localhost', first.cookies('localhost'));
  t.equal((await second.visit(page)).status, 200, 'neighbour: it is the cookie that decides');
});

t.test('bob is told who came and how often, the ledger when first', async (t) => {
  await eventually('the uses are written', async () => {
    const { given } = (await bob.api('GET', '/shares?area=private&address=results')).json<{
      given: { uses: { name: string; times: number }[] }[];
    }>();
    return given.some(({ uses }) => uses.some(({ name, times }) => name === 'guest' && times === 1));
  });
  const audit = (await ann.api('GET', '/audit?action=share.opened&limit=50')).text;
  t.match(audit, /"actor":"guest"/);
  const logged = gateway.output();
  for (const secret of house.secrets) t.notOk(audit.includes(secret) || logged.includes(secret), 'no secret is kept');
});
