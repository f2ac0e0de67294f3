import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openHouse } from './house.ts';

/** What the page of a folder needs besides its entries. */

async function openFolders(t: Parameters<typeof openHouse>[0]) {
  const house = await openHouse(t);
  const ann = await house.person('ann');
  const bob = await house.person('bob');
  const root = join(house.folderOfFiles, 'private', ann.id);
  mkdirSync(root, { recursive: true });
  const call = (method: 'GET' | 'PUT' | 'POST' | 'DELETE', url: string, body?: unknown, headers = {}, who = ann) =>
    house.call({ method, url: `/files/${url}`, body, cookie: who.cookie, headers });
  return {
    ...house,
    ann,
    bob,
    root,
    get: (url: string, who = ann) => call('GET', url, undefined, {}, who),
    put: (url: string, body: string) => call('PUT', url, body, { 'content-type': 'text/plain' }),
    act: (op: string, url: string, body: object = {}) => call('POST', `${url}?op=${op}`, body),
    remove: (url: string, headers = {}) => call('DELETE', url, undefined, headers),
  };
}

const entryIn = ({ json }: { json: Record<string, unknown> }) => json['entry'] as { name: string; etag: string };

t.test('one thing is told by its address, whatever it is, with what may be done there', async (t) => {
  const { get, put, root, bob } = await openFolders(t);
  await put('private/a.txt', 'first');
  symlinkSync('a.txt', join(root, 'link'));
  const rights = { canRead: true, canWrite: true, canAdd: true, canShare: true, canManage: true };
  t.match(await get('private/a.txt?list=entry'), {
    status: 200,
    json: { area: 'private', path: 'a.txt', entry: { name: 'a.txt', kind: 'file', size: 5 }, rights },
  });
  t.match(await get('private/link?list=entry'), { json: { entry: { kind: 'link' } } });
  t.match(await get('private?list=entry'), { json: { entry: { kind: 'folder', name: '' } } });
  t.match(await get('private'), { json: { rights } });
  t.match(await get('private/none?list=entry'), { status: 404, json: { code: 'KNOT_FILES_NOT_FOUND' } });
  t.match(await get('user:ann/a.txt?list=entry', bob), { status: 403 });
  t.match(await get('shared', bob), { json: { rights: { canWrite: true, canManage: false } } });
});

t.test('a taken name is kept, and what comes gets the next free one where that is asked for', async (t) => {
  const { get, put, act } = await openFolders(t);
  await act('mkdir', 'private/d');
  for (const [path, text] of [
    ['a.txt', 'mine'],
    ['d/a.txt', 'there'],
    ['d/a%20(2).txt', 'too'],
  ] as const) {
    await put(`private/${path}`, text);
  }
  t.match(await act('copy', 'private/a.txt', { to: 'private/d/a.txt' }), {
    status: 409,
    json: { code: 'KNOT_FILES_TAKEN' },
  });
  t.match(await act('copy', 'private/a.txt', { to: 'private/d/a.txt', keepsBoth: true }), {
    status: 200,
    json: { path: 'd/a (3).txt', address: 'd/a%20(3).txt', entry: { name: 'a (3).txt' } },
  });
  t.match(await act('copy', 'private/a.txt', { to: 'private/a.txt' }), { status: 409 });
  t.match(await act('copy', 'private/a.txt', { to: 'private/a.txt', keepsBoth: true }), {
    json: { path: 'a (2).txt' },
  });
  t.match(
    await act('copy', 'private/d', { to: 'private/d', keepsBoth: true }),
    { json: { path: 'd (2)' } },
    'beside itself',
  );
  t.match(await act('copy', 'private/d', { to: 'private/d/d', keepsBoth: true }), {
    json: { code: 'KNOT_FILES_INTO_ITSELF' },
  });
  t.match(await act('move', 'private/a.txt', { to: 'private/d/a.txt', keepsBoth: true }), {
    json: { path: 'd/a (4).txt' },
  });
  t.equal((await get('private/d/a%20(4).txt')).text, 'mine');
  t.equal((await get('private/d/a.txt')).text, 'there');
});

t.test('an act on what somebody changed meanwhile is refused where its version is named', async (t) => {
  const { get, put, act, remove } = await openFolders(t);
  const first = entryIn({ json: { entry: (await put('private/a.txt', 'first')).json } });
  await put('private/a.txt', 'other');
  const changed = { status: 412, json: { code: 'KNOT_FILES_CHANGED' } };
  t.match(await act('move', 'private/a.txt', { to: 'private/b.txt', etag: first.etag }), changed);
  t.match(await act('copy', 'private/a.txt', { to: 'private/b.txt', etag: first.etag }), changed);
  t.match(await act('trash', 'private/a.txt', { etag: first.etag }), changed);
  t.match(await remove('private/a.txt', { 'if-match': first.etag }), changed);
  t.match(await get('private/b.txt'), { status: 404 });
  const moved = await act('move', 'private/a.txt', {
    to: 'private/b.txt',
    etag: entryIn(await get('private/a.txt?list=entry')).etag,
  });
  t.match(moved, { status: 200 });
  const back = await act('move', 'private/b.txt', { to: 'private/a.txt', etag: entryIn(moved).etag });
  t.match(back, { status: 200 }, 'the version in an answer is the one that is there');
  t.match(await remove('private/a.txt', { 'if-match': entryIn(back).etag }), { status: 200 });
});

t.test('a new folder, a copy and a move across areas answer the version that is there', async (t) => {
  const { put, act, get } = await openFolders(t);
  const made = await act('mkdir', 'private/d');
  await put('shared/s.txt', 'x');
  const copied = await act('copy', 'shared/s.txt', { to: 'private/s.txt' });
  const moved = await act('move', 'shared/s.txt', { to: 'private/t.txt' });
  for (const [path, answer] of [
    ['d', made],
    ['s.txt', copied],
    ['t.txt', moved],
  ] as const) {
    t.equal(entryIn(await get(`private/${path}?list=entry`)).etag, entryIn(answer).etag, path);
  }
  await put('private/d/in.txt', 'x');
  t.match(await act('trash', 'private/d', { etag: entryIn(made).etag }), { status: 412 }, 'a folder that was filled');
});

t.test('what is large can be walked down into, and the trash is a part of it', async (t) => {
  const { get, put, act, remove } = await openFolders(t);
  await act('mkdir', 'private/run%237');
  await put('private/run%237/x', 'x'.repeat(70));
  await put('private/old', 'x'.repeat(30));
  await remove('private/old');
  t.match((await get('private?list=usage')).json, {
    largest: [{ name: 'run#7', address: 'run%237', bytes: 70 }],
    everything: { bytes: 70 },
    trashed: { bytes: 30, entries: 1 },
  });
  const inner = (await get('private/run%237?list=usage')).json;
  t.match(inner, { largest: [{ name: 'x', address: 'x' }] });
  t.notOk('trashed' in inner, 'the trash is of the area');
});

t.test('the trash comes in pages, and a folder in it with what it holds', async (t) => {
  const { get, put, act, remove, clock } = await openFolders(t);
  await act('mkdir', 'private/d');
  await put('private/d/x', 'x'.repeat(70));
  for (const name of ['a', 'b', 'd']) {
    if (name !== 'd') await put(`private/${name}`, name);
    clock.advance(1000);
    await remove(`private/${name}`);
  }
  const first = (await get('private?list=trash&limit=2')).json;
  t.match(first, { total: 3, page: 1, trash: [{ path: 'd', size: 70 }, { path: 'b' }] });
  t.match((await get('private?list=trash&limit=2&page=2')).json, { total: 3, trash: [{ path: 'a' }] });
  t.equal(((await get('private?list=trash')).json['trash'] as unknown[]).length, 3);
});
