import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { openHouse, origin } from './house.ts';

t.setTimeout(120_000);

type Answer = { status: number; headers: Record<string, string | string[] | undefined>; text: string };

async function openUploads(t: Parameters<typeof openHouse>[0]) {
  const house = await openHouse(t);
  await house.app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = house.app.server.address() as AddressInfo;
  const ann = await house.person('ann');
  const root = join(house.folderOfFiles, 'private', ann.id);
  mkdirSync(root, { recursive: true });
  const waiting = join(house.folderOfFiles, '.knot/uploads');

  /** One request on a connection of its own; `cutAfter` sends so many bytes of the body and ends the connection, `isHeld` stops in the middle of it. */
  function send(
    method: string,
    path: string,
    {
      headers = {},
      body,
      cutAfter,
      isHeld = false,
      cookie = ann.cookie,
    }: { headers?: Record<string, string>; body?: Buffer; cutAfter?: number; isHeld?: boolean; cookie?: string } = {},
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const sent = request({
        port,
        method,
        path,
        agent: false,
        headers: {
          host: 'localhost:8443',
          origin,
          'sec-fetch-site': 'same-origin',
          'tus-resumable': '1.0.0',
          cookie,
          ...(body && { 'content-length': String(body.length) }),
          ...headers,
        },
      });
      sent.on('response', (response) => {
        let text = '';
        response.on('data', (chunk) => (text += String(chunk)));
        response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, text }));
      });
      sent.on('error', reject);
      if (body && isHeld) {
        sent.write(body.subarray(0, 1000));
      } else if (body && cutAfter !== undefined) {
        sent.write(body.subarray(0, cutAfter), () => setTimeout(() => sent.destroy(), 50));
      } else sent.end(body);
    });
  }
  const meta = (fields: Record<string, string>) =>
    Object.entries(fields)
      .map(([name, value]) => `${name} ${Buffer.from(value).toString('base64')}`)
      .join(',');
  const begin = (size: number, fields: Record<string, string>, more: Parameters<typeof send>[2] = {}) =>
    send('POST', '/api/v1/uploads', {
      ...more,
      headers: {
        'upload-length': String(size),
        'upload-metadata': meta({ area: 'private', ...fields }),
        ...more.headers,
      },
    });
  const patch = (url: string, offset: number, body: Buffer, more: Parameters<typeof send>[2] = {}) =>
    send('PATCH', url, {
      body,
      ...more,
      headers: { 'content-type': 'application/offset+octet-stream', 'upload-offset': String(offset) },
    });
  const urlOf = ({ headers }: Answer) => headers['location'] as string;
  return { ...house, ann, root, waiting, send, begin, patch, urlOf };
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

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

t.test('who may only add files to a folder adds to that folder and replaces nothing', async (t) => {
  const { begin, patch, urlOf, root, person, call, ann } = await openUploads(t);
  const bob = await person('bob');
  mkdirSync(join(root, 'box'));
  writeFileSync(join(root, 'box/f.txt'), 'of ann');
  const body = { area: 'private', path: 'box', with: 'user:bob', right: 'upload' };
  const shared = await call({ method: 'POST', url: '/shares', body, cookie: ann.cookie });
  t.equal(shared.status, 201, shared.text);
  const of = { cookie: bob.cookie };
  t.match(await begin(3, { area: 'user:ann', path: 'elsewhere.txt' }, of), { status: 403 });
  const taken = await begin(3, { area: 'user:ann', path: 'box/f.txt', ifMatch: '*' }, of);
  t.equal(taken.status, 201, 'of what is there they learn nothing');
  t.match(await patch(urlOf(taken), 0, Buffer.from('BOB'), of), { status: 204 });
  t.equal(readFileSync(join(root, 'box/f (2).txt'), 'utf8'), 'BOB', 'a condition is no right');
  const made = await begin(3, { area: 'user:ann', path: 'box/new.txt' }, of);
  t.equal(made.status, 201, made.text);
  t.match(await patch(urlOf(made), 0, Buffer.from('bob'), of), { status: 204 });
  t.equal(readFileSync(join(root, 'box/new.txt'), 'utf8'), 'bob');
  t.equal(readFileSync(join(root, 'box/f.txt'), 'utf8'), 'of ann');
});

t.test('who may not list a folder does not learn from adding what is in it', async (t) => {
  const { root, person, call, ann } = await openUploads(t);
  const bob = await person('bob');
  mkdirSync(join(root, 'box/inner'), { recursive: true });
  writeFileSync(join(root, 'box/f.txt'), 'of ann');
  const body = { area: 'private', path: 'box', with: 'user:bob', right: 'upload' };
  t.match(await call({ method: 'POST', url: '/shares', body, cookie: ann.cookie }), { status: 201 });
  const as = (method: 'PUT' | 'POST', url: string, body?: object | string) =>
    call({ method, url, cookie: bob.cookie, ...(body !== undefined && { body }) });
  /** What an answer says besides when it was, and which version was made. */
  const told = ({ status, json }: { status: number; json: Record<string, unknown> }) =>
    JSON.stringify({ status, json }, (key, value: unknown) => (['modifiedAt', 'etag'].includes(key) ? '' : value))
      .replaceAll('taken', 'NAME')
      .replaceAll('free', 'NAME');
  writeFileSync(join(root, 'box/taken'), 'of ann');
  t.equal(
    told(await as('PUT', '/files/user:ann/box/taken', 'b')),
    told(await as('PUT', '/files/user:ann/box/free', 'b')),
  );
  t.equal(readFileSync(join(root, 'box/taken'), 'utf8'), 'of ann');
  t.equal(readFileSync(join(root, 'box/taken (2)'), 'utf8'), 'b');
  mkdirSync(join(root, 'box/taken-folder'));
  const made = (name: string) => as('POST', `/files/user:ann/box/${name}-folder?op=mkdir`, {});
  t.equal(told(await made('taken')), told(await made('free')));
  t.match(await as('PUT', '/files/private/mine', 'm'), { status: 201 });
  const put = (name: string) => as('POST', '/files/private/mine?op=copy', { to: `user:ann/box/${name}` });
  writeFileSync(join(root, 'box/taken.copy'), 'of ann');
  t.equal(told(await put('taken.copy')), told(await put('free.copy')));
  t.equal(readFileSync(join(root, 'box/taken (2).copy'), 'utf8'), 'm');
  t.match(await as('POST', '/files/private/mine?op=move', { to: 'user:ann/box/inner' }), { status: 200 });
  t.same(readdirSync(join(root, 'box/inner')), [], 'nothing is replaced, a folder neither');
});

t.test('who may not list a folder does not learn which folders are in it, nor how full it is', async (t) => {
  const { begin, patch, send, urlOf, root, person, call, ann, audit, allowance } = await openUploads(t);
  const bob = await person('bob');
  mkdirSync(join(root, 'box/is'), { recursive: true });
  for (const name of ['box/no', 'box/is/mine']) writeFileSync(join(root, name), 'of ann');
  symlinkSync('/etc', join(root, 'box/to'));
  const share = { area: 'private', path: 'box', with: 'user:bob', right: 'upload' };
  t.match(await call({ method: 'POST', url: '/shares', body: share, cookie: ann.cookie }), { status: 201 });
  t.match(await call({ method: 'PUT', url: '/files/private/mine', body: 'm', cookie: bob.cookie }), { status: 201 });
  const of = { cookie: bob.cookie };
  const as = (method: 'PUT' | 'POST', url: string, body: object | string) => call({ method, url, body, ...of });
  /** The same way on through a folder, a file, a link and what is not there: all are answered in the same words. */
  async function everywhere(what: string, act: (folder: string) => Promise<{ status: number; text: string }>) {
    const answers = [];
    for (const name of ['is', 'no', 'to', 'up']) {
      const { status, text } = await act(name);
      const told = text
        .replaceAll(/"(etag|modifiedAt)":("([^"\\]|\\.)*"|\d+)/g, '')
        .replaceAll(new RegExp(`\\b${name}\\b`, 'g'), 'NAME');
      answers.push(`${status} ${told}`);
    }
    t.same([...new Set(answers)], [answers[0]], what);
    t.match(answers[0], /^2/, what);
  }
  const box = '/files/user:ann/box';
  await everywhere('a file', (name) => as('PUT', `${box}/${name}/deep/er/f`, 'b'));
  await everywhere('a folder', (name) => as('POST', `${box}/${name}?op=mkdir`, {}));
  await everywhere('a folder in it', (name) => as('POST', `${box}/${name}/in?op=mkdir`, {}));
  await everywhere('a copy', (name) => as('POST', '/files/private/mine?op=copy', { to: `user:ann/box/${name}/mine` }));
  await everywhere('an upload', async (name) => {
    const made = await begin(3, { area: 'user:ann', path: `box/${name}/by/tus` }, of);
    t.equal(made.status, 201, made.text);
    t.match(await send('HEAD', urlOf(made), of), { status: 200 });
    return patch(urlOf(made), 0, Buffer.from('bob'), of);
  });
  const below = (folder: string) =>
    readdirSync(join(root, 'box', folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(join(root, 'box', folder).length + 1))
      .sort();
  const put = ['by/tus', 'deep/er/f', 'mine'];
  t.same(below('is'), ['by/tus', 'deep/er/f', 'mine', 'mine (2)']);
  for (const folder of ['no (2)', 'to (2)', 'up']) t.same(below(folder), put, `${folder}: in one place`);
  t.equal(readFileSync(join(root, 'box/no'), 'utf8'), 'of ann');
  const written = (await audit.list({ action: 'files.written' })).map(({ detail }) => detail?.['path']);
  t.ok(written.includes('box/no (2)/deep/er/f') && written.includes('box/to (2)/by/tus'), 'where it really is');

  allowance.limit = 100;
  const large = 'x'.repeat(1_000);
  for (const { status, text } of [
    await as('PUT', `${box}/large`, large),
    await begin(1_000, { area: 'user:ann', path: 'box/large' }, of),
  ]) {
    t.match({ status, text }, { status: 507, text: /KNOT_FILES_QUOTA.*There is no room for this/ });
    t.notMatch(text, /\d+ (bytes|kB)|"used"|"limit"/);
  }
  t.match(await begin(1_000, { path: 'large' }), { status: 507, text: /these files use/ }, 'who owns it is told');
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
