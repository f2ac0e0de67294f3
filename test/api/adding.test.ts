import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openUploads } from './upload-house.ts';

/** What somebody does and learns who may add to a folder, and do nothing else with it. */

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

t.test('what is refused leaves no folder behind that was made for it', async (t) => {
  const { root, person, call, ann, allowance } = await openUploads(t);
  const bob = await person('bob');
  mkdirSync(join(root, 'box'));
  writeFileSync(join(root, 'box/no'), 'of ann');
  const share = { area: 'private', path: 'box', with: 'user:bob', right: 'upload' };
  t.match(await call({ method: 'POST', url: '/shares', body: share, cookie: ann.cookie }), { status: 201 });
  const as = (method: 'PUT' | 'POST', url: string, body: object | string) =>
    call({ method, url, body, cookie: bob.cookie });
  t.match(await as('PUT', '/files/private/large', 'x'.repeat(1_000)), { status: 201 });
  allowance.limit = 100;
  for (const how of ['copy', 'move']) {
    for (const to of ['up/by/large', 'no/by/large']) {
      const answer = await as('POST', `/files/private/large?op=${how}`, { to: `user:ann/box/${to}` });
      t.match(answer, { status: 507, text: /KNOT_FILES_QUOTA/ }, how);
    }
    const missing = await as('POST', `/files/private/none?op=${how}`, { to: 'user:ann/box/up/none' });
    t.match(missing, { status: 404 }, `${how} of what is not there`);
  }
  t.match(await as('POST', '/files/private/large?op=copy', { to: 'user:ann/box/large' }), { status: 507 });
  t.same(readdirSync(join(root, 'box')), ['no']);
  // What stood before, or what somebody else has put something into meanwhile, stays.
  mkdirSync(join(root, 'box/is'));
  t.match(await as('POST', '/files/private/large?op=copy', { to: 'user:ann/box/is/up/large' }), { status: 507 });
  t.same(readdirSync(join(root, 'box'), { recursive: true }).sort(), ['is', 'no']);
});
