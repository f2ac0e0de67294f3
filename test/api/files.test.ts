import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openHouse } from './house.ts';

async function openFiles(t: Parameters<typeof openHouse>[0]) {
  const house = await openHouse(t);
  const ann = await house.person('ann');
  const bob = await house.person('bob');
  const root = join(house.folderOfFiles, 'private', ann.id);
  mkdirSync(root, { recursive: true });
  const as = ({ cookie }: { cookie: string }) => {
    const call = (method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE', url: string, body?: unknown, headers = {}) =>
      house.call({ method, url: `/files/${url}`, body, cookie, headers });
    return {
      get: (url: string, headers = {}) => call('GET', url, undefined, headers),
      head: (url: string, headers = {}) => call('HEAD', url, undefined, headers),
      put: (url: string, body: string, headers = {}) =>
        call('PUT', url, body, { 'content-type': 'text/plain', ...headers }),
      act: (op: string, url: string, body: object = {}, headers = {}) => call('POST', `${url}?op=${op}`, body, headers),
      remove: (url: string) => call('DELETE', url),
    };
  };
  return { ...house, ann, bob, root, asAnn: as(ann), asBob: as(bob), as };
}

const names = (answer: { json: Record<string, unknown> }) =>
  (answer.json['entries'] as { name: string }[]).map(({ name }) => name);

t.test('a file is written, read, changed under its tag, deleted and restored', async (t) => {
  const { asAnn, root, audit } = await openFiles(t);
  const made = await asAnn.put('private/a%20b.txt', 'first');
  t.match(made, {
    status: 201,
    json: { name: 'a b.txt', address: 'a%20b.txt', path: 'a b.txt', size: 5, kind: 'file' },
  });
  const etag = made.headers['etag'] as string;
  const read = await asAnn.get('private/a%20b.txt');
  t.match(read, {
    status: 200,
    text: 'first',
    headers: { etag, 'content-type': 'text/plain; charset=utf-8', 'content-length': '5' },
  });
  t.match(await asAnn.get('private/a%20b.txt', { 'if-none-match': etag }), { status: 304, text: '' });
  const changed = await asAnn.put('private/a%20b.txt', 'other', { 'if-match': etag });
  t.match(changed, { status: 200 });
  t.match(await asAnn.put('private/a%20b.txt', 'third', { 'if-match': etag }), {
    status: 412,
    json: { code: 'KNOT_FILES_CHANGED', details: { etag: changed.headers['etag'] } },
  });
  t.match(await asAnn.put('private/a%20b.txt', 'third', { 'if-none-match': '*' }), { status: 409 });
  const gone = await asAnn.remove('private/a%20b.txt');
  t.match(gone, { status: 200, json: { trashed: { path: 'a b.txt', deletedBy: 'ann', size: 5 } } });
  t.match(await asAnn.get('private/a%20b.txt'), { status: 404, json: { code: 'KNOT_FILES_NOT_FOUND' } });
  const trash = await asAnn.get('private?list=trash');
  t.equal((trash.json['trash'] as unknown[]).length, 1);
  const { id } = gone.json['trashed'] as { id: string };
  t.match(await asAnn.act('restore', 'private', { id }), {
    status: 200,
    json: { path: 'a b.txt', address: 'a%20b.txt' },
  });
  t.equal(readFileSync(join(root, 'a b.txt'), 'utf8'), 'other');
  const told = (await audit.list({ person: 'ann' }))
    .map(({ action }) => action)
    .filter((action) => action.startsWith('files.'));
  t.same(
    told,
    ['files.restored', 'files.trashed', 'files.written', 'files.written'],
    'each act once, refused ones not',
  );
});

t.test('ranges as RFC 9110 has them', async (t) => {
  const { asAnn } = await openFiles(t);
  const { headers } = await asAnn.put('private/f', '0123456789');
  const cases: [string, number, string, string?][] = [
    ['bytes=2-4', 206, '234', 'bytes 2-4/10'],
    ['bytes=7-', 206, '789', 'bytes 7-9/10'],
    ['bytes=-3', 206, '789', 'bytes 7-9/10'],
    ['bytes=-99', 206, '0123456789', 'bytes 0-9/10'],
    ['bytes=8-99', 206, '89', 'bytes 8-9/10'],
    ['bytes=5-2', 200, '0123456789'],
    ['bytes=0-1,4-5', 200, '0123456789'],
    ['lines=1-2', 200, '0123456789'],
    ['bytes=', 200, '0123456789'],
  ];
  for (const [range, status, text, contentRange] of cases) {
    const answer = await asAnn.get('private/f', { range });
    t.match({ ...answer, contentRange: answer.headers['content-range'] }, { status, text, contentRange }, range);
  }
  t.match(await asAnn.get('private/f', { range: 'bytes=10-' }), {
    status: 416,
    json: { code: 'KNOT_API_RANGE' },
    headers: { 'content-range': 'bytes */10' },
  });
  const range = 'bytes=0-0';
  t.match(await asAnn.get('private/f', { range, 'if-range': headers['etag'] }), { status: 206, text: '0' });
  t.match(await asAnn.get('private/f', { range, 'if-range': '"older"' }), { status: 200, text: '0123456789' });
  t.match(await asAnn.head('private/f'), { status: 200, text: '', headers: { 'content-length': '10' } });
  t.match(await asAnn.put('private/empty', ''), { status: 201, json: { size: 0 } });
  t.match(await asAnn.get('private/empty'), { status: 200, text: '' });
  t.match(
    await asAnn.get('private/empty', { range: 'bytes=0-99' }),
    { status: 200, text: '' },
    'the beginning of nothing',
  );
  t.match(await asAnn.put('private/f', 'x', { 'content-range': 'bytes 0-0/10' }), {
    status: 400,
    json: { code: 'KNOT_API_PARTIAL' },
  });
});

t.test('names that others split, decode twice or merge go through list, open, rename and zip unchanged', async (t) => {
  const { asAnn, root } = await openFiles(t);
  const awkward = [
    'a & b#1.txt',
    'x + y',
    'p_%25_q',
    '90%h.txt',
    'new\nline',
    '🧪',
    'dot.',
    'space ',
    '\u202egnp',
    'e\u0301',
    'é',
    'back\\slash',
    '..;x',
    'ü'.repeat(127),
  ];
  for (const name of awkward) writeFileSync(join(root, name), name);
  writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0x66, 0xff])]), 'bytes');
  const { json } = await asAnn.get('private?limit=100');
  const entries = json['entries'] as { name: string; address: string }[];
  t.same(entries.map(({ name }) => name).sort(), [...awkward, 'f\uf0ff'].sort());
  for (const { name, address } of entries) {
    const content = name === 'f\uf0ff' ? 'bytes' : name;
    t.match(await asAnn.get(`private/${address}`), { status: 200, text: content }, JSON.stringify(name));
    t.match(
      await asAnn.act('mkdir', `private/dir-${entries.indexOf(entries.find((entry) => entry.address === address)!)}`),
      { status: 201 },
    );
    const moved = await asAnn.act('move', `private/${address}`, { to: `private/dir-0/${address}` });
    t.match(moved, { status: 200, json: { entry: { name } } });
    t.match(await asAnn.get(`private/dir-0/${address}`), { status: 200, text: content });
  }
  t.same(names(await asAnn.get('private/dir-0?limit=100')).sort(), [...awkward, 'f\uf0ff'].sort());
});

t.test('what leads out of an area is refused on every route', async (t) => {
  const { asAnn, asBob, root, folderOfFiles, bob } = await openFiles(t);
  const secret = join(folderOfFiles, 'secret');
  writeFileSync(secret, 'secret');
  mkdirSync(join(folderOfFiles, 'private', bob.id));
  symlinkSync(secret, join(root, 'link'));
  symlinkSync(folderOfFiles, join(root, 'out'));
  t.match(await asAnn.get('private/link'), { status: 409, json: { code: 'KNOT_FILES_NOT_A_FILE' } });
  t.match(await asAnn.put('private/link', 'x'), { status: 409 });
  t.match(await asAnn.get('private/out/secret'), { status: 409, json: { code: 'KNOT_FILES_NOT_A_FOLDER' } });
  t.match(await asAnn.put('private/out/new', 'x'), { status: 409 });
  t.match(await asAnn.act('copy', 'private/out/secret', { to: 'private/copy' }), { status: 409 });
  t.match(
    await asAnn.act('copy', 'private/link', { to: 'private/copied' }),
    { status: 200 },
    'a link is copied as one',
  );
  t.match(await asAnn.get('private/copied'), { status: 409 });
  t.notMatch(await asAnn.act('zip', 'private'), { text: /secret/ });
  for (const path of ['private/%2e%2e/x', 'private/..%2fx', 'private/a%2fb', 'private/a%00b'])
    t.match(await asAnn.get(path), { status: /40[034]/ }, path);
  t.match(await asAnn.act('move', 'private/link', { to: 'private/../../x' }), {
    status: 400,
    json: { code: 'KNOT_FILES_NAME' },
  });
  t.match(await asAnn.get('private/.knot'), { status: 404 });
  t.match(await asAnn.put('private/.knot/x', 'x'), { status: 404 });
  t.equal(readFileSync(secret, 'utf8'), 'secret');
  t.notOk(existsSync(join(folderOfFiles, 'new')));
  t.match(await asBob.get('user:ann/link'), { status: 403, json: { code: 'KNOT_API_DENIED' } });
});

t.test('who is not let in learns nothing: other people, teams and the admins', async (t) => {
  const { asAnn, asBob, as, person, accounts, ann } = await openFiles(t);
  await asAnn.put('private/f', 'x');
  const { id } = await accounts.createTeam({ name: 'physics', title: 'Physics' }, { name: 'test' });
  await accounts.setMember(id, ann.id, 'member', { name: 'test' });
  t.match(await asAnn.put('team:physics/f', 'team'), { status: 201 });
  const admin = as(await person('carla', { isAdmin: true }));
  for (const [who, which] of [
    ['bob', asBob],
    ['an admin', admin],
  ] as const) {
    for (const path of ['user:ann/f', 'user:ann/none', 'team:physics/f', 'team:physics/none']) {
      t.match(await which.get(path), { status: 403, json: { code: 'KNOT_API_DENIED' } }, `${who}: ${path}`);
      t.match(await which.put(path, 'x'), { status: 403 });
      t.match(await which.remove(path), { status: 403 });
      t.match(await which.act('copy', path, { to: 'private/stolen' }), { status: 403 });
    }
    t.match(await which.get('team:nobody/f'), { status: 404, json: { code: 'KNOT_API_NO_AREA' } });
  }
  t.match(await asBob.get('admin'), { status: 403 });
  t.match(await admin.get('admin'), { status: 200 });
  t.match(await asBob.put('shared/f', 'x'), { status: 201 });
  t.match(await asAnn.get('shared/f'), { status: 200, text: 'x' });
  t.match(await asBob.act('empty', 'shared'), { status: 403 }, 'what everyone deleted is for admins to remove');
  await accounts.removeMember(id, ann.id, { name: 'test' });
  t.match(await asAnn.get('team:physics/f'), { status: 403 });
});

t.test('the areas, with what they use and may use', async (t) => {
  const { call, ann, asAnn, allowance } = await openFiles(t);
  allowance.limit = 100;
  await asAnn.put('private/f', 'x'.repeat(60));
  const { json } = await call({ url: '/areas', cookie: ann.cookie });
  t.match(json, {
    areas: [
      {
        name: 'private',
        kind: 'private',
        owner: { name: 'ann' },
        canList: true,
        canRead: true,
        canWrite: true,
        canManage: true,
        usage: { bytes: 60, reserved: 0, limit: 100 },
      },
      { name: 'shared', kind: 'shared', canWrite: true, canManage: false },
    ],
    trashDays: 30,
  });
  const refused = await asAnn.put('private/g', 'x'.repeat(60));
  t.match(refused, { status: 507, json: { code: 'KNOT_FILES_QUOTA', details: { used: 60, limit: 100, wanted: 60 } } });
  t.match(await asAnn.act('copy', 'private/f', { to: 'private/g' }), { status: 507 });
  t.match(await asAnn.put('private/f', 'y'.repeat(90)), { status: 200 }, 'only growth needs room');
  await asAnn.remove('private/f');
  t.match(await asAnn.put('private/g', 'x'.repeat(60)), { status: 507 }, 'the trash counts');
  t.match(await asAnn.act('empty', 'private'), { status: 200, json: { freed: 90 } });
  t.match(await asAnn.put('private/g', 'x'.repeat(60)), { status: 201 });
});

t.test('folders: pages, search, what is large, making and moving between areas', async (t) => {
  const { asAnn } = await openFiles(t);
  t.match(await asAnn.act('mkdir', 'private/d'), { status: 201, json: { entry: { kind: 'folder' } } });
  t.match(await asAnn.act('mkdir', 'private/d'), { status: 409, json: { code: 'KNOT_FILES_TAKEN' } });
  for (let index = 1; index <= 12; index++) await asAnn.put(`private/d/f${index}`, 'x'.repeat(index));
  const page = await asAnn.get('private/d?limit=5&page=2&sort=-size');
  t.match(page.json, { area: 'private', path: 'd', address: 'd', total: 12, page: 2, limit: 5 });
  t.same(names(page), ['f7', 'f6', 'f5', 'f4', 'f3']);
  t.match((await asAnn.get('private?q=F1')).json, {
    isComplete: true,
    found: [{ name: 'f1', folder: 'd' }, { name: 'f10' }, { name: 'f11' }, { name: 'f12' }],
  });
  t.match((await asAnn.get('private?list=usage')).json, {
    largest: [{ name: 'd', bytes: 78 }],
    everything: { bytes: 78, entries: 13 },
  });
  t.match(await asAnn.get('private?sort=owner'), { status: 400, json: { code: 'KNOT_API_INPUT' } });
  t.match(await asAnn.act('move', 'private/d', { to: 'shared/d' }), {
    status: 200,
    json: { area: 'shared', path: 'd' },
  });
  t.match(await asAnn.get('private/d'), { status: 404 });
  t.match(await asAnn.act('copy', 'shared/d/f3', { to: 'private/f3' }), { status: 200 });
  t.match(await asAnn.act('move', 'private/f3', {}), { status: 400, json: { code: 'KNOT_API_INPUT' } });
  t.match(await asAnn.act('nonsense', 'private/f3', {}), { status: 400 });
});

t.test('what a browser would run is never run on our origin, and pictures are still drawn', async (t) => {
  const { asAnn } = await openFiles(t);
  for (const name of ['x.html', 'x.svg', 'x.xml', 'x.pdf', 'x.xhtml', 'x.js', 'x.ipynb', 'x', 'x.htm', 'x.HTML']) {
    await asAnn.put(`private/${name}`, '<script>alert(1)</script>');
    const { headers } = await asAnn.get(`private/${name}`);
    t.match(
      headers,
      {
        'content-disposition': /^attachment; /,
        'x-content-type-options': 'nosniff',
        'content-security-policy': /^sandbox; default-src 'none'/,
      },
      name,
    );
    t.notMatch(String(headers['content-type']), /html|javascript|text\/xml/, name);
  }
  await asAnn.put('private/p.png', 'x');
  t.match((await asAnn.get('private/p.png')).headers, {
    'content-type': 'image/png',
    'content-disposition': /^inline; /,
    'content-security-policy': /^sandbox;/,
  });
  t.match((await asAnn.get('private/p.png?download')).headers, { 'content-disposition': /^attachment; / });
  t.match((await asAnn.get('private/x.svg')).headers, { 'content-type': 'image/svg+xml' });
  await asAnn.put('private/%22%0d%0aSet-Cookie%3A%20x%3D1%20%C3%A9', 'x');
  const odd = await asAnn.get('private/%22%0d%0aSet-Cookie%3A%20x%3D1%20%C3%A9');
  t.equal(
    odd.headers['content-disposition'],
    `attachment; filename="___Set-Cookie: x=1 _"; filename*=UTF-8''%22%0D%0ASet-Cookie%3A%20x%3D1%20%C3%A9`,
  );
});

t.test('a zip of a folder or of some of its entries', async (t) => {
  const { asAnn, app, ann, folderOfFiles } = await openFiles(t);
  await asAnn.act('mkdir', 'private/d');
  for (const name of ['a', 'b', 'c']) await asAnn.put(`private/d/${name}`, name);
  const fetchZip = async (method: 'GET' | 'POST', url: string, payload?: object) => {
    const answer = await app.inject({
      method,
      url: `/api/v1/files/${url}`,
      headers: {
        host: 'localhost:8443',
        origin: 'https://localhost:8443',
        'sec-fetch-site': 'same-origin',
        cookie: ann.cookie,
      },
      ...(payload && { payload }),
    });
    t.match(answer.headers, {
      'content-type': 'application/zip',
      'content-disposition': /^attachment; filename=".+\.zip"/,
    });
    const file = join(folderOfFiles, 'out.zip');
    writeFileSync(file, answer.rawPayload);
    const list =
      'import sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; print(*sorted(z.namelist()))';
    return execFileSync('python3', ['-c', list, file], { encoding: 'utf8' }).trim();
  };
  t.equal(await fetchZip('GET', 'private/d?zip=store'), 'd/ d/a d/b d/c');
  t.equal(await fetchZip('GET', 'private?zip=deflate'), 'd/ d/a d/b d/c');
  t.equal(await fetchZip('POST', 'private/d?op=zip', { names: ['a', 'c', 'none'] }), 'a c');
});

t.test('a personal token reaches what it is made for, and no other area', async (t) => {
  const { app, tokens, ann, asAnn } = await openFiles(t);
  await asAnn.put('private/f', 'text');
  const withToken = async (scopes: string[], method: 'GET' | 'PUT', path: string) => {
    const { secret } = await tokens.create({ userId: ann.id, name: scopes.join(), scopes, days: 1 }, { actor: 'ann' });
    const headers = { host: 'localhost:8443', authorization: `Bearer ${secret}`, 'content-type': 'text/plain' };
    const answer = await app.inject({
      method,
      url: `/api/v1${path}`,
      headers,
      ...(method === 'PUT' && { payload: 'x' }),
    });
    return answer.statusCode;
  };
  t.equal(await withToken(['files:read'], 'GET', '/files/private/f'), 200);
  t.equal(await withToken(['files:read'], 'PUT', '/files/private/g'), 403);
  t.equal(await withToken(['files:write:private'], 'PUT', '/files/private/g'), 201);
  t.equal(await withToken(['files:write:shared'], 'PUT', '/files/private/h'), 403);
  t.equal(await withToken(['files:read:shared'], 'GET', '/files/private/f'), 403);
  t.equal(await withToken(['account:read'], 'GET', '/files/private/f'), 403);
  t.equal(await withToken(['files:read'], 'GET', '/areas'), 200);
});

t.test('a file is written only as its SHA-256 says, and says its own to who asks', async (t) => {
  const { asAnn } = await openFiles(t);
  const digestOf = (text: string) => `sha-256=:${createHash('sha256').update(text).digest('base64')}:`;
  t.match(await asAnn.put('private/f', 'what was sent', { 'repr-digest': digestOf('something else') }), {
    status: 400,
    json: { code: 'KNOT_FILES_CHECKSUM' },
  });
  t.match(await asAnn.get('private/f'), { status: 404 }, 'nothing is left of it');
  for (const said of ['sha-256=abc', 'md5=:AAAA:', 'sha-256=:AAAA:']) {
    const refused = await asAnn.put('private/f', 'x', { 'repr-digest': said });
    t.match(refused, { status: 400, json: { code: 'KNOT_API_DIGEST' } }, said);
  }
  t.match(await asAnn.put('private/f', 'whole', { 'content-digest': `md5=:AAAA:, ${digestOf('whole')}` }), {
    status: 201,
  });
  const want = { 'want-repr-digest': 'sha-512=3, sha-256=10' };
  for (const answer of [
    await asAnn.get('private/f', want),
    await asAnn.head('private/f', want),
    await asAnn.get('private/f', { ...want, range: 'bytes=0-1' }),
  ]) {
    t.equal(answer.headers['repr-digest'], digestOf('whole'));
  }
  for (const unwanted of [{}, { 'want-repr-digest': 'sha-256=0' }, { 'want-repr-digest': 'sha-512=1' }]) {
    t.notOk('repr-digest' in (await asAnn.get('private/f', unwanted)).headers);
  }
});
