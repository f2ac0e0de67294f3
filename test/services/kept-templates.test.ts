import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { diskFolder } from '../../gateway/catalogue/index.ts';
import { keepOnly, keepTemplate } from '../../gateway/services/kept-templates.ts';

t.test('files of templates that nothing needs are taken away, never what is about to be needed', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'knot-kept-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const store = join(folder, 'store');
  await keepOnly(store, new Set());
  const keep = async (text: string): Promise<string> => {
    mkdirSync(join(folder, 'template'), { recursive: true });
    writeFileSync(join(folder, 'template', 'a.txt'), text);
    return keepTemplate(diskFolder(join(folder, 'template')), store);
  };
  const age = (name: string): void => utimesSync(join(store, name), new Date(0), new Date(0));
  const [one, two, three] = [await keep('one'), await keep('two'), await keep('three')];
  t.equal(await keep('one'), one);
  await keepOnly(store, new Set([one]));
  t.strictSame(readdirSync(store).sort(), [one, two, three].sort(), 'what was kept just now is young');
  // A copy that was cut short is under a name of its own.
  mkdirSync(join(store, '.cut'));
  for (const name of [one, two, three, '.cut']) age(name);
  t.equal(await keep('three'), three, 'what is kept once more is young again');
  await keepOnly(store, new Set([one]));
  t.strictSame(readdirSync(store).sort(), [one, three].sort());
  t.ok(existsSync(join(store, three, 'a.txt')));
  t.equal(await keep('two'), two);
  t.ok(existsSync(join(store, two, 'a.txt')), 'and what was taken away is there when it is needed again');
});

t.test('services under another account read all of a template, whatever the umask of the gateway is', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'knot-kept-'));
  const before = process.umask(0o077);
  t.teardown(() => {
    process.umask(before);
    rmSync(folder, { recursive: true, force: true });
  });
  mkdirSync(join(folder, 'template/kernels/python3'), { recursive: true });
  writeFileSync(join(folder, 'template/kernels/python3/kernel.json'), '{}');
  const store = join(folder, 'store');
  const keep = () => keepTemplate(diskFolder(join(folder, 'template')), store);
  const digest = await keep();
  const inside = ['', 'kernels', 'kernels/python3', 'kernels/python3/kernel.json'];
  const rights = () => inside.map((path) => (statSync(join(store, digest, path)).mode & 0o777).toString(8));
  const readable = ['755', '755', '755', '644'];
  t.strictSame(rights(), readable);
  for (const [again, what] of [
    [() => keep(), 'one that was kept otherwise is put right when it is needed again'],
    [() => keepOnly(store, new Set([digest])), 'and when a gateway looks what it needs'],
  ] as const) {
    chmodSync(join(store, digest, 'kernels/python3'), 0o700);
    chmodSync(join(store, digest, 'kernels'), 0o700);
    await again();
    t.strictSame(rights(), readable, what);
  }
});
