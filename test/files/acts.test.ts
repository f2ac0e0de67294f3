import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import t from 'tap';
import { onWay } from '../../gateway/files/act/make-way.ts';
import { copy, move } from '../../gateway/files/act/move.ts';
import { put, putStaged } from '../../gateway/files/act/put.ts';
import { etagOf } from '../../gateway/files/walk/entry.ts';
import { HeldFolder } from '../../gateway/files/walk/held-folder.ts';
import { nameOf, textOfPath } from '../../gateway/files/walk/names.ts';
import { mountSmallDisk, smallDiskSkipReason } from '../support/process/small-disk.ts';
import { ann, at, body, openScene, path, picture, shared } from './scene.ts';

const isRoot = process.getuid?.() === 0;

t.test('a file is written as a whole, and a quick second text of equal length has another ETag', async (t) => {
  const { acts, root } = await openScene(t);
  const first = await put(acts, ann, path('f'), body('aaa'), {});
  t.ok(first.isNew);
  const second = await put(acts, ann, path('f'), body('bbb'), { ifMatch: [first.entry.etag] });
  t.not(first.entry.etag, second.entry.etag);
  t.equal(second.bytes, 0);
  const stale = put(acts, ann, path('f'), body('ccc'), { ifMatch: [first.entry.etag] });
  await t.rejects(stale, { code: 'KNOT_FILES_CHANGED', statusCode: 412, details: { etag: second.entry.etag } });
  await t.rejects(put(acts, ann, path('g'), body('x'), { ifMatch: ['*'] }), { code: 'KNOT_FILES_CHANGED' });
  await t.rejects(put(acts, ann, path('f'), body('x'), { isNew: true }), { code: 'KNOT_FILES_TAKEN' });
  t.same(picture(root), { f: 'bbb' });
  // Written in place by somebody else: equal length, within the same second.
  writeFileSync(join(root, 'f'), 'ddd');
  await t.rejects(put(acts, ann, path('f'), body('x'), { ifMatch: [second.entry.etag] }), {
    code: 'KNOT_FILES_CHANGED',
  });
});

t.test('who keeps both never replaces: the next free name is taken, also by many at once', async (t) => {
  const { acts, root } = await openScene(t);
  mkdirSync(join(root, 'd'));
  await put(acts, ann, path('a.txt'), body('first'), {});
  const names = await Promise.all(
    ['second', 'third', 'fourth'].map(
      async (text) => (await put(acts, ann, path('a.txt'), body(text), { keepsBoth: true })).entry.name,
    ),
  );
  t.same(names.sort(), ['a (2).txt', 'a (3).txt', 'a (4).txt']);
  t.equal(picture(root)['a.txt'], 'first');
  t.equal((await put(acts, ann, path('d'), body('x'), { keepsBoth: true })).entry.name, 'd (2)', 'beside a folder');
  t.equal((await put(acts, ann, path('b'), body('x'), { keepsBoth: true })).entry.name, 'b');
});

t.test('a body that ends early leaves what was there and nothing beside it', async (t) => {
  const { acts, root, folder } = await openScene(t);
  await put(acts, ann, path('f'), body('before'), {});
  const broken = async function* () {
    yield Buffer.from('half');
    throw new Error('the line was cut');
  };
  const { Readable } = await import('node:stream');
  await t.rejects(put(acts, ann, path('f'), Readable.from(broken()), {}), { message: 'the line was cut' });
  await t.rejects(put(acts, ann, path('none/f'), body('x'), {}), { code: 'KNOT_FILES_NOT_FOUND' });
  t.same(picture(root), { f: 'before' });
  t.same(readdirSync(join(folder, '.knot/private/ann/staging')), []);
});

t.test('mode and group of a file that is replaced are kept, new ones belong to whom the folder belongs', async (t) => {
  const { acts, root } = await openScene(t);
  writeFileSync(join(root, 'script'), 'old');
  chmodSync(join(root, 'script'), 0o775);
  if (isRoot) {
    chownSync(join(root, 'script'), 0, 1234);
    chownSync(root, 1001, 1002);
  }
  chmodSync(root, 0o770);
  await put(acts, ann, path('script'), body('new'), {});
  await put(acts, ann, path('fresh'), body('new'), {});
  t.equal(statSync(join(root, 'script')).mode & 0o7777, 0o775);
  t.equal(statSync(join(root, 'fresh')).mode & 0o7777, 0o664, 'the group may write where it may write to the folder');
  if (!isRoot) return;
  t.equal(statSync(join(root, 'script')).gid, 1234);
  t.same([statSync(join(root, 'fresh')).uid, statSync(join(root, 'fresh')).gid], [1001, 1002]);
});

t.test('links, pipes and folders are not written to, and a link is not turned into a file', async (t) => {
  const { acts, root, folder } = await openScene(t);
  writeFileSync(join(folder, 'outside'), 'safe');
  symlinkSync(join(folder, 'outside'), join(root, 'link'));
  execFileSync('mkfifo', [join(root, 'pipe')]);
  mkdirSync(join(root, 'dir'));
  for (const name of ['link', 'pipe', 'dir', ''])
    await t.rejects(put(acts, ann, path(name), body('x'), {}), { code: 'KNOT_FILES_NOT_A_FILE' }, name);
  t.equal(picture(folder)['outside'], 'safe');
  t.equal(picture(root)['link'], `-> ${join(folder, 'outside')}`);
});

t.test('a rename replaces nothing, unless the request names the version at the destination', async (t) => {
  const { acts, root, areas } = await openScene(t);
  for (const name of ['a', 'b']) writeFileSync(join(root, name), name);
  mkdirSync(join(root, 'dir/sub'), { recursive: true });
  const etag = (name: string) => {
    const held = areas.root(ann);
    try {
      return etagOf(held.look(nameOf(name))!);
    } finally {
      held.close();
    }
  };
  await t.rejects(move(acts, at('a'), at('b'), {}), { code: 'KNOT_FILES_TAKEN' });
  const seen = etag('b');
  writeFileSync(join(root, 'b'), 'B');
  await t.rejects(move(acts, at('a'), at('b'), { ifMatch: [seen] }), { code: 'KNOT_FILES_CHANGED' }, 'a stale b stays');
  t.equal(picture(root)['b'], 'B');
  const moved = await move(acts, at('a'), at('b'), { ifMatch: [etag('b')] });
  t.equal(moved.replaced, 1);
  t.same(picture(root), { b: 'a', dir: '/', 'dir/sub': '/' });
  await t.rejects(move(acts, at('dir'), at('dir/sub/dir'), {}), { code: 'KNOT_FILES_INTO_ITSELF' });
  await t.rejects(copy(acts, at('dir'), at('dir/sub/dir'), {}), { code: 'KNOT_FILES_INTO_ITSELF' });
  await t.rejects(move(acts, at('none'), at('x'), {}), { code: 'KNOT_FILES_NOT_FOUND' });
  await move(acts, at('dir'), at('moved'), {});
  t.same(picture(root), { b: 'a', moved: '/', 'moved/sub': '/' });
});

t.test('a copy has everything but pipes and devices, which are named; links stay links', async (t) => {
  const { acts, root, folder } = await openScene(t);
  mkdirSync(join(root, 'dir/empty'), { recursive: true });
  writeFileSync(join(root, 'dir/f'), 'text');
  writeFileSync(join(folder, 'outside'), 'secret');
  symlinkSync(join(folder, 'outside'), join(root, 'dir/link'));
  execFileSync('mkfifo', [join(root, 'dir/pipe')]);
  const { skipped } = await copy(acts, at('dir'), at('dir', shared), {});
  t.same(skipped, ['pipe']);
  t.same(picture(join(folder, 'shared')), {
    dir: '/',
    'dir/empty': '/',
    'dir/f': 'text',
    'dir/link': `-> ${join(folder, 'outside')}`,
  });
});

t.test(
  'what is deleted comes back exactly, also with the longest names, a taken name and a parent that is gone',
  async (t) => {
    const { root, trash } = await openScene(t);
    const long = 'ü'.repeat(127);
    for (const name of ['x'.repeat(255), long]) {
      writeFileSync(join(root, name), name);
      const item = await trash.put(ann, path(name), 'ann');
      t.match(item, { path: name, kind: 'file', size: Buffer.byteLength(name), deletedBy: 'ann' });
      t.notOk(existsSync(join(root, name)));
      await trash.restore(ann, item.id);
      t.equal(picture(root)[name], name);
      await trash.put(ann, path(name), 'ann');
    }
    await trash.empty(ann);
    t.same(trash.list(ann), []);

    mkdirSync(join(root, 'd'));
    writeFileSync(join(root, 'd/f'), 'first');
    linkSync(join(root, 'd/f'), join(root, 'd/g'));
    const file = await trash.put(ann, path('d/f'), 'ann');
    const parent = await trash.put(ann, path('d'), 'ann');
    t.equal(textOfPath((await trash.restore(ann, file.id)).path), 'd/f', 'its folder is made anew');
    t.equal(textOfPath((await trash.restore(ann, parent.id)).path), 'd (2)', 'the name is taken meanwhile');
    t.same(picture(root), { d: '/', 'd/f': 'first', 'd (2)': '/', 'd (2)/g': 'first' });

    const again = await trash.put(ann, path('d/f'), 'ann');
    writeFileSync(join(root, 'd/f'), 'second');
    await t.rejects(
      trash.restore(ann, again.id, path('d/f')),
      { code: 'KNOT_FILES_TAKEN' },
      'a place that was asked for is not changed',
    );
    await trash.restore(ann, again.id, path('d/other'));
    t.equal(picture(root)['d/other'], 'first');
    await t.rejects(trash.restore(ann, again.id), { code: 'KNOT_FILES_NOT_IN_TRASH' });
    await t.rejects(trash.restore(ann, '../../x'), { code: 'KNOT_FILES_NOT_IN_TRASH' });
    await t.rejects(trash.empty(ann, ['nothing']), { code: 'KNOT_FILES_NOT_IN_TRASH' });
  },
);

t.test('a link and a pipe can be deleted and come back as what they were', async (t) => {
  const { root, trash } = await openScene(t);
  symlinkSync('/etc/passwd', join(root, 'link'));
  execFileSync('mkfifo', [join(root, 'pipe')]);
  for (const name of ['link', 'pipe']) {
    const item = await trash.put(ann, path(name), 'ann');
    await trash.restore(ann, item.id);
  }
  t.same(picture(root), { link: '-> /etc/passwd', pipe: '?' });
});

t.test('areas on two disks', { skip: smallDiskSkipReason() }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'knot-files-'));
  const root = join(folder, 'private/ann');
  const other = join(folder, 'shared');
  mkdirSync(other);
  const unmount = mountSmallDisk(other, '4m');
  const fresh = await openScene(t, folder);
  t.teardown(unmount);
  mkdirSync(join(root, 'd/e'), { recursive: true });
  writeFileSync(join(root, 'd/e/f'), 'text');
  symlinkSync('nowhere', join(root, 'd/link'));
  await move(fresh.acts, at('d'), at('d', shared), {});
  t.same(picture(root), {});
  t.match(picture(other), { d: '/', 'd/e': '/', 'd/e/f': 'text', 'd/link': '-> nowhere' });
  await move(fresh.acts, at('d/e/f', shared), at('f'), {});
  t.same(picture(root), { f: 'text' });

  const item = await fresh.trash.put(shared, path('d'), 'ann');
  t.ok(existsSync(join(other, '.knot/trash', item.id)), 'the trash is on the disk of its area');
  await fresh.trash.restore(shared, item.id);

  mkdirSync(join(root, 'big'));
  writeFileSync(join(root, 'big/f'), Buffer.alloc(5 << 20));
  await t.rejects(move(fresh.acts, at('big'), at('big', shared), {}), {
    code: 'KNOT_FILES_DISK_FULL',
    statusCode: 507,
  });
  t.ok(existsSync(join(root, 'big/f')), 'the original is still there');
  t.notOk(existsSync(join(other, 'big')), 'and no part of it at the target');
  await t.rejects(put(fresh.acts, shared, path('big'), body('x'.repeat(5 << 20)), {}), {
    code: 'KNOT_FILES_DISK_FULL',
  });

  // Full to the last byte: deleting and emptying the trash work.
  await put(fresh.acts, shared, path('one'), body('x'.repeat(1 << 20)), {});
  try {
    writeFileSync(join(other, 'fill'), Buffer.alloc(8 << 20));
  } catch {
    // As full as it gets.
  }
  t.throws(() => writeFileSync(join(other, 'more'), 'x'), { code: 'ENOSPC' });
  await fresh.trash.put(shared, path('one'), 'ann');
  t.notOk(existsSync(join(other, 'one')));
  await fresh.trash.empty(shared);
  await put(fresh.acts, shared, path('two'), body('y'.repeat(1 << 19)), {});
});

t.test('folders that are made for an act go again when it fails, but for those that somebody else uses', async (t) => {
  const { acts, areas, root, trash } = await openScene(t);
  mkdirSync(join(root, 'is'));
  const lost = { folder: areas.room(ann, 'staging'), name: nameOf('lost') };
  t.teardown(() => lost.folder.close());
  const putLost = putStaged(acts, ann, path('is/made/for/it'), lost, { knownFolders: 1 });
  await t.rejects(putLost, { code: 'KNOT_FILES_NOT_FOUND' });
  t.same(picture(root), { is: '/' });
  const refused = (work: (way: string) => void) =>
    onWay(areas, ann, path('is/made/for'), 1, (way) => {
      work(textOfPath(way));
      throw new Error('refused');
    });
  await t.rejects(
    refused(() => writeFileSync(join(root, 'is/made/by-another'), 'x')),
    { message: 'refused' },
  );
  t.same(picture(root), { is: '/', 'is/made': '/', 'is/made/by-another': 'x' });
  await t.rejects(
    refused((way) => {
      renameSync(join(root, way), join(root, 'kept'));
      mkdirSync(join(root, way));
    }),
    { message: 'refused' },
  );
  t.ok(existsSync(join(root, 'is/made/for')), 'another of its name is not removed');
  await put(acts, ann, path('is/made/f'), body('x'), {});
  const { id } = await trash.put(ann, path('is/made/f'), 'ann');
  rmSync(join(root, 'is'), { recursive: true });
  const { link } = HeldFolder.prototype;
  t.teardown(() => (HeldFolder.prototype.link = link));
  HeldFolder.prototype.link = () => {
    throw Object.assign(new Error('no room'), { code: 'ENOSPC' });
  };
  await t.rejects(trash.restore(ann, id), { code: 'KNOT_FILES_DISK_FULL' });
  HeldFolder.prototype.link = link;
  t.notOk(existsSync(join(root, 'is')), 'restoring made none either');
});

t.test('folders that an act which failed took back are made once more for who was about to use them', async (t) => {
  const { areas, root } = await openScene(t);
  let tries = 0;
  const place = await onWay(areas, ann, path('made/for'), 0, (way) => {
    if (++tries === 1) rmSync(join(root, 'made'), { recursive: true });
    areas.folder(ann, way).close();
    return textOfPath(way);
  });
  t.same([place, tries], ['made/for', 2]);
  tries = 0;
  const missing = onWay(areas, ann, path('other/for'), 0, () => {
    tries += 1;
    areas.folder(ann, path('none')).close();
  });
  await t.rejects(missing, { code: 'KNOT_FILES_NOT_FOUND' });
  t.equal(tries, 1, 'what else is missing is not tried again');
  t.notOk(existsSync(join(root, 'other')));
});
