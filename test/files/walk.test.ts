import { execFileSync } from 'node:child_process';
import {
  closeSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { openAreas } from '../../gateway/files/walk/areas.ts';
import { addressOf, nameOf, pathOfAddress, pathOfText, textOf } from '../../gateway/files/walk/names.ts';
import { readTarget, refusedOddity, silentLog } from '../../gateway/lib/index.ts';

const anyName = fc
  .uint8Array({ minLength: 1, maxLength: 255 })
  .map((bytes) => Buffer.from(bytes))
  .filter((name) => !name.includes(0) && !name.includes(0x2f) && !['.', '..'].includes(name.toString('latin1')));

t.test('every name has one text and one address, and the edge lets the address through', async (t) => {
  const check = (name: Buffer) => {
    t.same(nameOf(textOf(name)), name);
    const address = addressOf(name);
    t.same(pathOfAddress(address), [name]);
    const target = readTarget(`/api/v1/files/private/${address}/${address}`);
    if (typeof target === 'string') return t.fail(`${target}: ${name.toString('hex')}`);
    t.equal(refusedOddity(target.oddities, { encodedSlash: false }), undefined);
  };
  fc.assert(
    fc.property(anyName, (name) => {
      check(name);
    }),
    { numRuns: 300 },
  );
  const awkward = [
    'a\nb',
    '100%.txt',
    'p_%25_q',
    'a & b#1.txt',
    'x + y',
    '90%h.txt',
    '🧪',
    'trailing.',
    'trailing ',
    ' ',
    '...',
    '..;a',
    '.;a',
    'back\\slash',
    '\u202egnp.exe',
    'e\u0301',
    'é',
    '\uf041',
    'ü'.repeat(127),
  ];
  for (const text of awkward) check(Buffer.from(text));
  check(Buffer.from([0x61, 0xff, 0xc3, 0x28, 0xed, 0xa0, 0x80]));
  t.not(textOf(Buffer.from('é')), textOf(Buffer.from('e\u0301')), 'names that only look alike stay two');
});

t.test('what is no name is refused', async (t) => {
  for (const address of ['..', 'a/../b', '.', 'a//b', 'a%2Fb', 'a%00', '%', 'a%zz', '%EF%80%AF', '%EF%80%80'])
    t.throws(() => pathOfAddress(address), { code: 'KNOT_FILES_NAME' }, address);
  for (const text of ['../x', 'a/./b', 'x'.repeat(256), '\ud800', 'a\0'])
    t.throws(() => pathOfText(text), { code: 'KNOT_FILES_NAME' }, text);
  t.same(pathOfAddress(''), []);
  t.same(pathOfAddress('a/'), [Buffer.from('a')]);
});

function house(t: Test) {
  const folder = mkdtempSync(join(tmpdir(), 'knot-files-'));
  const files = join(folder, 'files');
  const warned: string[] = [];
  const areas = openAreas({ folder: files, log: { ...silentLog, warn: (_, message) => void warned.push(message) } });
  const area = { kind: 'private', id: 'u1' } as const;
  areas.root(area).close();
  t.teardown(() => {
    areas.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return { folder, root: join(files, 'private/u1'), areas, area, warned };
}

t.test('links lead nowhere: at the end, on the way, dangling, and in the place of an area', async (t) => {
  const { folder, root, areas, area } = house(t);
  writeFileSync(join(folder, 'secret'), 'secret');
  mkdirSync(join(root, 'real'));
  symlinkSync(folder, join(root, 'out'));
  symlinkSync(join(folder, 'secret'), join(root, 'link'));
  symlinkSync(join(folder, 'nothing'), join(root, 'dangling'));
  symlinkSync('real', join(root, 'inside'));
  const held = areas.root(area);
  t.teardown(() => held.close());
  t.throws(() => held.file(nameOf('link')), { code: 'KNOT_FILES_NOT_A_FILE' });
  t.throws(() => held.newFile(nameOf('dangling')), { code: 'EEXIST' });
  t.throws(() => areas.folder(area, pathOfText('out')), { code: 'KNOT_FILES_NOT_A_FOLDER' });
  t.throws(() => areas.folder(area, pathOfText('inside/x')), { code: 'KNOT_FILES_NOT_A_FOLDER' });
  symlinkSync(folder, join(root, '..', 'u2'));
  t.throws(() => areas.root({ kind: 'private', id: 'u2' }), { code: 'KNOT_FILES_NOT_A_FOLDER' });
  t.throws(() => areas.root({ kind: 'private', id: '../../etc' }), { code: 'KNOT_FILES_NAME' });
});

t.test('pipes, sockets and devices are not opened; a hard link is a file like others', async (t) => {
  const { root, areas, area } = house(t);
  execFileSync('mkfifo', [join(root, 'pipe')]);
  const server = createServer().listen(join(root, 'socket'));
  t.teardown(() => server.close());
  const special = ['pipe', 'socket'];
  if (process.getuid?.() === 0) {
    execFileSync('mknod', [join(root, 'zero'), 'c', '1', '5']);
    special.push('zero');
  }
  const held = areas.root(area);
  t.teardown(() => held.close());
  for (const name of special)
    t.throws(() => held.file(nameOf(name)), { code: 'KNOT_FILES_NOT_A_FILE' }, `${name} is refused at once`);
  writeFileSync(join(root, 'one'), 'text');
  linkSync(join(root, 'one'), join(root, 'two'));
  const descriptor = held.file(nameOf('two'));
  t.equal(readFileSync(descriptor, 'utf8'), 'text');
  closeSync(descriptor);
});

const skip = process.getuid?.() === 0 ? false : 'a PID namespace takes root';

t.test('a process that has another number in /proc opens its own folders', { skip }, async (t) => {
  const { root } = house(t);
  mkdirSync(join(root, 'a/b'), { recursive: true });
  const module = (file: string) => JSON.stringify(new URL(`../../gateway/files/walk/${file}`, import.meta.url));
  const program = `
    import { HeldFolder, walk } from ${module('held-folder.ts')};
    import { pathOfText } from ${module('names.ts')};
    const held = walk(HeldFolder.open(process.argv[1]), pathOfText('a'));
    console.log(process.pid, held.names().join());`;
  const node = [process.execPath, '--input-type=module', '--eval', program, root];
  // The /proc of the outer namespace stays mounted: there process 1 is another one.
  const output = execFileSync('unshare', ['--pid', '--fork', ...node], { encoding: 'utf8' });
  t.equal(output.trim(), '1 b');
});

t.test('an area that is deleted or replaced underneath is noticed, and works', async (t) => {
  const { root, areas, area, warned } = house(t);
  rmSync(root, { recursive: true });
  // The number of the old folder must not be given to the new one.
  mkdirSync(`${root}x`);
  areas.root(area).close();
  renameSync(root, `${root}.old`);
  mkdirSync(root);
  writeFileSync(join(root, 'new'), '');
  const held = areas.root(area);
  t.ok(held.look(nameOf('new')));
  held.close();
  t.match(warned, ['the folder of an area was replaced']);
});

t.test('folders may lie deeper than any path the system takes', async (t) => {
  const { areas, area } = house(t);
  const name = nameOf('d'.repeat(200));
  let here = areas.root(area);
  const path = [];
  for (let depth = 0; depth < 200; depth++) {
    const next = here.folderMade(name);
    here.close();
    here = next;
    path.push(name);
  }
  closeSync(here.newFile(nameOf('end')));
  here.close();
  const deepest = areas.folder(area, path);
  t.ok(deepest.look(nameOf('end')), '40,000 bytes of path');
  deepest.close();
});
