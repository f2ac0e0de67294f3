import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import t from 'tap';
import { list, type ListQuery } from '../../gateway/files/look/list.ts';
import { picture } from '../../gateway/files/look/picture.ts';
import { search } from '../../gateway/files/look/search.ts';
import { zip } from '../../gateway/files/look/zip.ts';
import { nameOf, textOf, textOfPath } from '../../gateway/files/walk/names.ts';
import { ann, openScene } from './scene.ts';

const first: ListQuery = { sort: 'name', isDescending: false, offset: 0, limit: 100 };

t.test('pages are sorted on the server, folders first, numbers by value', async (t) => {
  const { areas, root } = await openScene(t);
  for (const [index, name] of ['f10', 'f9', 'F1', 'é', 'e\u0301'].entries()) {
    writeFileSync(join(root, name), 'x'.repeat(index));
    utimesSync(join(root, name), 1000 - index, 1000 - index);
  }
  mkdirSync(join(root, 'z'));
  const held = areas.root(ann);
  t.teardown(() => held.close());
  const names = async (query: Partial<ListQuery>) =>
    (await list(held, { ...first, ...query })).entries.map(({ name }) => name);
  t.same(
    await names({}),
    ['z', 'e\u0301', 'é', 'F1', 'f9', 'f10'].sort(
      (a, b) =>
        ['z', 'e\u0301', 'é', 'F1', 'f9', 'f10'].indexOf(a) - ['z', 'e\u0301', 'é', 'F1', 'f9', 'f10'].indexOf(b),
    ),
  );
  t.same(await names({ sort: 'size', isDescending: true }), ['z', 'e\u0301', 'é', 'F1', 'f9', 'f10']);
  t.same(await names({ sort: 'modified' }), ['z', 'e\u0301', 'é', 'F1', 'f9', 'f10']);
  t.same(await names({ sort: 'size', offset: 1, limit: 2 }), ['f10', 'f9']);
  t.equal((await list(held, { ...first, limit: 1 })).total, 6);
});

t.test('every entry is listed: dangling links, pipes, names that are no text', async (t) => {
  const { areas, root } = await openScene(t);
  symlinkSync('nowhere', join(root, 'dangling'));
  execFileSync('mkfifo', [join(root, 'pipe')]);
  writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0x61, 0xff])]), 'x');
  writeFileSync(join(root, 'good'), 'text');
  const held = areas.root(ann);
  t.teardown(() => held.close());
  const { entries } = await list(held, first);
  t.same(
    entries.map(({ name, kind }) => `${name} ${kind}`).sort(),
    ['a\uf0ff file', 'dangling link', 'good file', 'pipe other'].sort(),
  );
});

const isRoot = process.getuid?.() === 0;

t.test(
  'a disk that does not tell kinds is like others',
  { skip: isRoot ? false : 'mounting needs root' },
  async (t) => {
    const { areas, root } = await openScene(t);
    const folder = mkdtempSync(join(tmpdir(), 'knot-image-'));
    t.teardown(() => rmSync(folder, { recursive: true }));
    const image = join(folder, 'image');
    const disk = join(root, 'disk');
    mkdirSync(disk);
    // As ext2 of old, XFS without `ftype` and NFS for large folders (readdir(3): DT_UNKNOWN).
    execFileSync('mkfs.ext2', ['-q', '-O', '^filetype', '-N', '2000', image, '4M']);
    execFileSync('mount', ['-o', 'loop', image, disk]);
    t.teardown(() => execFileSync('umount', ['-l', disk]));
    mkdirSync(join(disk, 'e\u0301'));
    for (let n = 0; n < 1500; n++) writeFileSync(join(disk, `ö${n}`), '');
    writeFileSync(Buffer.concat([Buffer.from(`${disk}/`), Buffer.from([0x61, 0xff])]), 'x');
    const held = areas.folder(ann, [nameOf('disk')]);
    t.teardown(() => held.close());
    const { entries, total } = await list(held, { ...first, limit: 2000 });
    t.equal(total, 1503);
    t.equal(new Set(entries.map(({ name }) => name)).size, 1503, 'each once');
    t.same(
      entries.filter(({ kind }) => kind === 'folder').map(({ name }) => name),
      ['e\u0301', 'lost+found'],
    );
    t.ok(entries.some(({ name, kind }) => name === 'a\uf0ff' && kind === 'file'));
    const { found } = await search(held, 'Ö149', { mostFound: 50, mostSeen: 10_000 });
    t.equal(found.length, 11);
  },
);

t.test('100,000 entries: the first page, the last one and a search', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'knot-many-'));
  const root = join(folder, 'private/ann');
  mkdirSync(join(root, 'many'), { recursive: true });
  execFileSync(process.execPath, [
    '-e',
    `const fs = require('fs'); for (let i = 0; i < 100000; i++) fs.closeSync(fs.openSync(${JSON.stringify(join(root, 'many'))} + '/file-' + i, 'w'))`,
  ]);
  const { areas } = await openScene(t, folder);
  const held = areas.folder(ann, [nameOf('many')]);
  const top = areas.root(ann);
  t.teardown(() => {
    held.close();
    top.close();
  });
  const startedAt = performance.now();
  const page = await list(held, first);
  t.comment(`first page in ${Math.round(performance.now() - startedAt)} ms`);
  t.equal(page.total, 100_000);
  t.same(page.entries.map(({ name }) => name).slice(0, 3), ['file-0', 'file-1', 'file-2']);
  const last = await list(held, { ...first, offset: 99_900 });
  t.equal(last.entries.at(-1)?.name, 'file-99999');
  const bounds = { mostFound: 50, mostSeen: 1_000_000 };
  const found = await search(top, 'FILE-9999', bounds);
  t.same(
    found.found
      .map(({ name, folder }) => `${textOfPath(folder)}/${name}`)
      .sort()
      .slice(0, 2),
    ['many/file-9999', 'many/file-99990'],
  );
  t.equal(found.isComplete, true);
  t.equal((await search(top, 'file', bounds)).isComplete, false);
  t.equal((await search(top, 'file', { ...bounds, mostSeen: 10 })).isComplete, false);
  rmSync(join(root, 'many'), { recursive: true });
});

t.test('a search that is ended half way does not say that it is complete', async (t) => {
  const { areas, root } = await openScene(t);
  // More than are read of a folder at once.
  for (let n = 0; n < 1100; n++) writeFileSync(join(root, `f${n}`), '');
  const held = areas.root(ann);
  t.teardown(() => held.close());
  const asking = new AbortController();
  const isHidden = () => {
    asking.abort();
    return false;
  };
  const bounds = { mostFound: 5000, mostSeen: 5000, signal: asking.signal, isHidden };
  await t.rejects(search(held, 'f', bounds), { name: 'AbortError' });
});

t.test('accents are found in either form', async (t) => {
  const { areas, root } = await openScene(t);
  writeFileSync(join(root, 'Cafe\u0301.txt'), '');
  const held = areas.root(ann);
  t.teardown(() => held.close());
  t.equal((await search(held, 'CAFÉ', { mostFound: 5, mostSeen: 100 })).found.length, 1);
});

t.test('what is large: the largest children, and the rest together', async (t) => {
  const { areas, root } = await openScene(t);
  for (let size = 1; size <= 9; size++) writeFileSync(join(root, `f${size}`), 'x'.repeat(size));
  mkdirSync(join(root, 'd/e'), { recursive: true });
  writeFileSync(join(root, 'd/e/f'), 'x'.repeat(100));
  symlinkSync('/', join(root, 'link'));
  const held = areas.root(ann);
  t.teardown(() => held.close());
  const { largest, rest, total } = await picture(held, { most: 2 });
  t.same(
    largest.map(({ name, bytes }) => [textOf(name), bytes]),
    [
      ['d', 100],
      ['f9', 9],
    ],
  );
  t.equal(total.bytes, 145);
  t.equal(rest.bytes, 36);
});

t.test('a zip holds what can be read and names what is missing', async (t) => {
  const { areas, root, folder } = await openScene(t);
  mkdirSync(join(root, 'd/empty'), { recursive: true });
  writeFileSync(join(root, 'd/a & b#1.txt'), 'text');
  writeFileSync(join(root, 'd/big'), Buffer.alloc(3 << 20, 'x'));
  symlinkSync(join(folder, 'outside'), join(root, 'd/out'));
  writeFileSync(join(folder, 'outside'), 'secret');
  execFileSync('mkfifo', [join(root, 'd/pipe')]);
  for (const method of ['store', 'deflate'] as const) {
    const stream = zip(areas.root(ann), [nameOf('d')], { method, onError: (error) => t.fail(String(error)) });
    const file = join(folder, `${method}.zip`);
    writeFileSync(file, await buffer(stream));
    const script =
      'import json,sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; print(json.dumps({n: len(z.read(n)) for n in z.namelist()})); print(z.read("NOT IN THIS ARCHIVE.txt").decode())';
    const [names = '', ...report] = execFileSync('python3', ['-c', script, file], { encoding: 'utf8' })
      .trim()
      .split('\n');
    t.match(JSON.parse(names), { 'd/': 0, 'd/empty/': 0, 'd/a & b#1.txt': 4, 'd/big': 3 << 20 });
    t.same(report.sort(), ['d/out: a link', 'd/pipe: no regular file']);
  }
});

t.test('a zip whose reader goes away opens nothing more', async (t) => {
  const { areas, root } = await openScene(t);
  mkdirSync(join(root, 'd'));
  for (let index = 0; index < 50; index++) writeFileSync(join(root, `d/f${index}`), Buffer.alloc(1 << 18));
  const stream = zip(areas.root(ann), [nameOf('d')], { method: 'store', onError: () => undefined });
  for await (const chunk of stream) {
    t.ok(chunk);
    break;
  }
  t.ok(stream.destroyed);
});
