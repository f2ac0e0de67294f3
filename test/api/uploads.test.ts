import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { openUploads, sha256 } from './upload-house.ts';

t.test('an upload whose line is cut again and again is complete and equal', async (t) => {
  const { begin, patch, send, urlOf, root, waiting, audit } = await openUploads(t);
  const bytes = Buffer.from(Buffer.alloc(6 << 20, 'knot').map((byte, index) => (byte + index) & 0xff));
  const made = await begin(bytes.length, { path: 'big.bin', sha256: sha256(bytes) });
  t.match(made, {
    status: 201,
    headers: { location: /^\/api\/v1\/uploads\/[0-9a-f]{32}$/, 'upload-expires': /GMT/, 'cache-control': 'no-store' },
  });
  let offset = 0;
  for (let cut = 1; cut <= 4; cut++) {
    const wanted = offset + (1 << 20);
    await patch(urlOf(made), offset, bytes.subarray(offset), { cutAfter: 1 << 20 }).catch(() => undefined);
    // Asked at once: the newcomer is told what really arrived.
    const head = await send('HEAD', urlOf(made));
    t.equal(head.status, 200);
    offset = Number(head.headers['upload-offset']);
    t.ok(offset > 0 && offset <= wanted, `cut ${cut}: ${offset} bytes are here`);
  }
  t.match(await patch(urlOf(made), offset - 1, bytes.subarray(0, 1)), { status: 409 }, 'a wrong offset');
  t.match(await patch(urlOf(made), offset, bytes.subarray(offset)), {
    status: 204,
    headers: { 'upload-offset': String(bytes.length) },
  });
  t.ok(readFileSync(join(root, 'big.bin')).equals(bytes));
  t.match(
    await send('HEAD', urlOf(made)),
    { status: 200, headers: { 'upload-offset': String(bytes.length) } },
    'also when the last answer was lost',
  );
  t.same(
    readdirSync(waiting).filter((name) => !name.includes('.')),
    [],
    'its bytes lie in one place',
  );
  t.match((await audit.list({ action: 'files.written' }))[0], {
    actor: 'ann',
    detail: { path: 'big.bin', bytes: bytes.length },
  });
});

t.test('an empty file is finished when it is created', async (t) => {
  const { begin, root } = await openUploads(t);
  t.match(await begin(0, { path: 'empty' }), { status: 201 });
  t.equal(readFileSync(join(root, 'empty')).length, 0);
});

t.test('a file keeps the time that it had where it came from', async (t) => {
  const { begin, patch, urlOf, root } = await openUploads(t);
  for (const mtime of ['0', '1000000000.5', '4000000000.123']) {
    const made = await begin(3, { path: `of ${mtime}`, mtime });
    t.match(await patch(urlOf(made), 0, Buffer.from('abc')), { status: 204 });
    t.equal(Math.round(statSync(join(root, `of ${mtime}`)).mtimeMs), Number(mtime) * 1000, mtime);
  }
});

t.test('checksums, lengths and places that lie', async (t) => {
  const { begin, patch, send, urlOf, root, call, ann } = await openUploads(t);
  const bytes = Buffer.from('content');
  const wrong = await begin(7, { path: 'wrong', sha256: sha256(Buffer.from('other')) });
  t.match(await patch(urlOf(wrong), 0, bytes), { status: 460 });
  t.notOk(existsSync(join(root, 'wrong')));
  t.match(await send('HEAD', urlOf(wrong)), { status: 404 });
  const long = await begin(3, { path: 'long' });
  t.not((await patch(urlOf(long), 0, bytes)).status, 204, 'more than was announced');
  t.notOk(existsSync(join(root, 'long')));
  t.match(await begin(60_000_000, { path: 'huge' }), { status: 413 });
  for (const mtime of ['yesterday', '-1', '1e9', '999999999999', '1.'])
    t.match(await begin(1, { path: 'old', mtime }), { status: 400, text: /KNOT_FILES_TIME/ }, mtime);
  t.match(
    await send('POST', '/api/v1/uploads', { headers: { 'upload-defer-length': '1' } }),
    { status: 501 },
    'without a length no room can be promised',
  );
  for (const path of ['../x', '/../x', 'a/../../x', 'none/x', '', '.knot/x', 'a\0b'])
    t.match(await begin(1, { path }), { status: /4\d\d/ }, JSON.stringify(path));
  t.match(await begin(1, { area: 'team:nobody', path: 'x' }), { status: 404, text: /KNOT_API_NO_AREA/ });
  t.match(await begin(1, { area: 'admin', path: 'x' }), { status: 403, text: /KNOT_API_DENIED/ });
  t.match(await send('HEAD', '/api/v1/uploads/..%2f..%2fetc'), { status: 404 });
  const { json } = await call({ url: '/areas', cookie: ann.cookie });
  t.match(
    json,
    { areas: [{ usage: { bytes: 0, reserved: 3 } }] },
    'only the one that may still go on is promised room',
  );
});

t.test('room is promised when an upload begins, and given back when it is given up', async (t) => {
  const { begin, send, urlOf, allowance } = await openUploads(t);
  allowance.limit = 45_000_000;
  const answers = await Promise.all(['a', 'b', 'c'].map((path) => begin(42_000_000, { path })));
  t.same(answers.map(({ status }) => status).sort(), [201, 507, 507]);
  t.match(
    answers.find(({ status }) => status === 507),
    { text: /KNOT_FILES_QUOTA.*these files use 0 bytes of 45.0 MB/ },
  );
  const made = answers.find(({ status }) => status === 201)!;
  t.match(await send('DELETE', urlOf(made)), { status: 204 });
  t.match(await begin(42_000_000, { path: 'd' }), { status: 201 });
});

t.test('what is given up before the gateway has heard of it promises no room', async (t) => {
  const { begin, send, ann, call, waiting } = await openUploads(t);
  const given = (key: string) => `/api/v1/uploads/${sha256(Buffer.from(`${ann.id}/${key}`)).slice(0, 32)}`;
  const reserved = async () => {
    const { areas } = (await call({ url: '/areas', cookie: ann.cookie })).json as {
      areas: { usage: { reserved: number } }[];
    };
    return areas[0]!.usage.reserved;
  };
  t.match(await send('DELETE', given('key-of-the-first-one')), { status: 404 });
  t.match(await begin(7, { path: 'f', key: 'key-of-the-first-one' }), { status: 410 }, 'it comes after its end');
  for (let n = 0; n < 20; n++) {
    const key = `key-of-number-${1000 + n}`;
    const begun = begin(7, { path: `f${n}`, key });
    const [{ status }] = await Promise.all([begun, send('DELETE', given(key))]);
    t.ok([201, 410].includes(status), `${status}`);
  }
  t.equal(await reserved(), 0);
  t.same(
    readdirSync(waiting).filter((name) => name !== '.reserve'),
    [],
    'nothing is left',
  );
  t.match(await begin(7, { path: 'f', key: 'key-of-another-one' }), { status: 201 });
});

t.test('two uploads to one name: nothing is replaced and nothing lost', async (t) => {
  const { begin, patch, urlOf, root } = await openUploads(t);
  const [first, second] = [await begin(5, { path: 'f.txt' }), await begin(6, { path: 'f.txt' })];
  t.match(await patch(urlOf(second), 0, Buffer.from('second')), { status: 204 });
  t.match(await patch(urlOf(first), 0, Buffer.from('first')), { status: 204 });
  t.equal(readFileSync(join(root, 'f.txt'), 'utf8'), 'second');
  t.equal(readFileSync(join(root, 'f (2).txt'), 'utf8'), 'first');
  t.match(await begin(1, { path: 'f.txt' }), { status: 409, text: /KNOT_FILES_TAKEN/ });
});

t.test('an upload is of who began it, and ends with the right', async (t) => {
  const { begin, patch, send, urlOf, person, accounts, ann, live } = await openUploads(t);
  const bob = await person('bob');
  const { id } = await accounts.createTeam({ name: 'physics', title: 'Physics' }, { name: 'test' });
  for (const { id: userId } of [ann, bob]) await accounts.setMember(id, userId, 'member', { name: 'test' });
  const made = await begin(1 << 20, { area: 'team:physics', path: 'f' });
  t.equal(made.status, 201);
  for (const method of ['HEAD', 'DELETE'])
    t.match(await send(method, urlOf(made), { cookie: bob.cookie }), { status: 404 }, method);
  t.match(await patch(urlOf(made), 0, Buffer.alloc(1), { cookie: bob.cookie }), { status: 404 });
  t.match(await send('HEAD', urlOf(made), { cookie: '' }), { status: 401 });
  const open = patch(urlOf(made), 0, Buffer.alloc(1 << 20), { isHeld: true });
  open.catch(() => undefined);
  await eventually('the piece is under way', () => live.count() === 1);
  await accounts.removeMember(id, ann.id, { name: 'test' });
  await t.rejects(open, 'the open piece is cut');
  t.equal(live.count(), 0);
  t.match(await send('HEAD', urlOf(made)), { status: 403 }, 'which is not the same as an upload that is gone');
});

t.test('an upload that was whole when the gateway ended is put to its place by the next question', async (t) => {
  const { begin, send, urlOf, root, waiting } = await openUploads(t);
  const made = await begin(5, { path: 'late' });
  writeFileSync(join(waiting, urlOf(made).split('/').at(-1)!), 'bytes');
  t.match(await send('HEAD', urlOf(made)), { status: 200, headers: { 'upload-offset': '5' } });
  t.equal(readFileSync(join(root, 'late'), 'utf8'), 'bytes');
});

t.test('two who ask at once about an upload that is whole both find it finished, once', async (t) => {
  const { begin, send, urlOf, root, waiting, audit } = await openUploads(t);
  const made = await begin(5, { path: 'late', sha256: sha256(Buffer.from('bytes')) });
  writeFileSync(join(waiting, urlOf(made).split('/').at(-1)!), 'bytes');
  const answers = await Promise.all([1, 2, 3].map(() => send('HEAD', urlOf(made))));
  t.same(
    answers.map(({ status, headers }) => [status, headers['upload-offset']]),
    Array(3).fill([200, '5']),
  );
  t.equal(readFileSync(join(root, 'late'), 'utf8'), 'bytes');
  t.equal((await audit.list({ action: 'files.written' })).length, 1);
});

t.test('with a key, the address is known although the answer to the beginning is lost', async (t) => {
  const { begin, patch, send, urlOf, ann, person, root, call, allowance } = await openUploads(t);
  allowance.limit = 10;
  const key = '0123456789abcdef';
  const url = `/api/v1/uploads/${sha256(Buffer.from(`${ann.id}/${key}`)).slice(0, 32)}`;
  t.match(await send('HEAD', url), { status: 404 });
  const answers = await Promise.all([1, 2].map(() => begin(7, { path: 'f', key })));
  t.same(answers.map(({ status }) => status).sort(), [201, 409]);
  t.match(answers.find(({ status }) => status === 409)?.text, /KNOT_FILES_UPLOAD_KNOWN/);
  t.equal(urlOf(answers.find(({ status }) => status === 201)!), url);
  t.match((await call({ url: '/areas', cookie: ann.cookie })).json, { areas: [{ usage: { reserved: 7 } }] }, 'once');
  t.match(await send('HEAD', url), { status: 200, headers: { 'upload-offset': '0' } });
  t.match(await patch(url, 0, Buffer.from('content')), { status: 204 });
  t.equal(readFileSync(join(root, 'f'), 'utf8'), 'content');
  t.match(
    await begin(7, { path: 'f', key }),
    { status: 409, text: /KNOT_FILES_UPLOAD_KNOWN/ },
    'not: the name is taken',
  );
  const bob = await person('bob');
  allowance.limit = 20;
  t.not(urlOf(await begin(1, { path: 'f', key }, { cookie: bob.cookie })), url, 'a key means nothing to somebody else');
  for (const wrong of ['short', 'x'.repeat(65), '../../../../../../x'])
    t.match(await begin(1, { path: 'g', key: wrong }), { status: 400 }, wrong);
});

t.test('a name that is taken: what is there is told, and both can be kept', async (t) => {
  const { begin, patch, urlOf, root } = await openUploads(t);
  writeFileSync(join(root, 'f.txt'), 'there');
  const refused = await begin(3, { path: 'f.txt' });
  t.match(refused, { status: 409 });
  const { details } = JSON.parse(refused.text) as { details: { etag: string } };
  t.match(details, { kind: 'file', size: 5, etag: /^"/ });
  const beside = await begin(3, { path: 'f.txt', ifTaken: 'beside' });
  t.match(await patch(urlOf(beside), 0, Buffer.from('new')), { status: 204 });
  t.equal(readFileSync(join(root, 'f (2).txt'), 'utf8'), 'new');
  const instead = await begin(3, { path: 'f.txt', ifMatch: details.etag });
  t.match(await patch(urlOf(instead), 0, Buffer.from('NEW')), { status: 204 });
  t.equal(readFileSync(join(root, 'f.txt'), 'utf8'), 'NEW');
  t.match(await begin(3, { path: 'f.txt', ifMatch: details.etag }), { status: 412, text: /KNOT_FILES_CHANGED/ });
});

t.test('what nobody goes on with expires and gives its room back', async (t) => {
  const { begin, clock, waiting, files, allowance } = await openUploads(t);
  allowance.limit = 10;
  await begin(10, { path: 'f' });
  t.equal(readdirSync(waiting).length, 2);
  clock.advance(25 * 3600 * 1000);
  await files.uploads.expire();
  t.same(readdirSync(waiting), []);
  allowance.limit = 10;
  const again = await files.usage({ kind: 'shared' });
  t.equal(again.reserved, 0);
});
