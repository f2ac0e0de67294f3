import { execFileSync } from 'node:child_process';
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { accountOf, giveFolder, shareFolder } from '../../gateway/process/index.ts';

/** Accounts of the machine for owners: one each, for notebooks and services alike, and what is theirs. */
const isRoot = process.getuid?.() === 0;
const forRoot = { skip: isRoot ? (false as const) : 'only root gives accounts' };

function folderOf(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'knot-accounts-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const bookIn = (folder: string, count = 4) => ({
  file: join(folder, 'accounts.json'),
  homes: join(folder, 'homes'),
  first: 47_500,
  count,
});

t.test('everybody has one number and keeps it, however many ask at once', async (t) => {
  const book = bookIn(folderOf(t), 20);
  const names = ['ann', 'bob', 'eve', 'ann', 'joe', 'bob', 'ann'];
  const found = await Promise.all(names.map((name) => accountOf(book, name)));
  const numbers = new Map(names.map((name, at) => [name, found[at]!.uid]));
  t.equal(new Set(numbers.values()).size, 4);
  for (const [at, name] of names.entries()) t.strictSame(found[at], { uid: numbers.get(name), gid: 47_500 });
  t.equal(statSync(book.file).mode & 0o777, 0o600);
});

t.test('when no number is left, that is said', async (t) => {
  const book = bookIn(folderOf(t), 2);
  await accountOf(book, 'ann');
  await t.rejects(accountOf(book, 'bob'), { code: 'KNOT_PROCESS_NO_ACCOUNT', internal: { reason: /accounts\.count/ } });
});

t.test('a record that was lost leads to no second number, nor to one that owns a home', forRoot, async (t) => {
  const folder = folderOf(t);
  const book = bookIn(folder);
  mkdirSync(join(folder, 'homes/ann'), { recursive: true });
  chownSync(join(folder, 'homes/ann'), 47_502, 47_500);
  t.equal((await accountOf(book, 'bob')).uid, 47_501);
  t.equal((await accountOf(book, 'ann')).uid, 47_502);
  t.equal((await accountOf(book, 'eve')).uid, 47_503);
});

t.test('the launcher of notebooks and the gateway give the same number', forRoot, async (t) => {
  const folder = folderOf(t);
  const book = bookIn(folder);
  const launcher = join(import.meta.dirname, '../../gateway/integrations/jupyterhub/launch');
  const byLauncher = (name: string): number => {
    mkdirSync(join(folder, 'homes', name), { recursive: true });
    const facts = JSON.stringify({ file: book.file, first: book.first, count: book.count });
    const script = `import json, sys
sys.path.insert(0, ${JSON.stringify(launcher)})
import accounts
print(accounts.account_of(json.loads(${JSON.stringify(facts)}), ${JSON.stringify(name)}, [${JSON.stringify(join(folder, 'homes', name))}]).uid)`;
    return Number(execFileSync('python3', ['-B', '-c', script], { encoding: 'utf8' }));
  };
  const ann = byLauncher('ann');
  t.equal((await accountOf(book, 'ann')).uid, ann);
  const { uid: bob } = await accountOf(book, 'bob');
  t.not(bob, ann);
  t.equal(byLauncher('bob'), bob);
});

t.test('a folder is given as a whole, and no link leads out of it', forRoot, async (t) => {
  const folder = folderOf(t);
  const [own, outside] = [join(folder, 'own'), join(folder, 'outside')];
  for (const path of [join(own, 'a/b'), outside]) mkdirSync(path, { recursive: true });
  for (const path of [join(own, 'a/b/c'), join(outside, 'x')]) writeFileSync(path, '');
  symlinkSync(outside, join(own, 'link'));
  symlinkSync('/nowhere', join(own, 'a/dangling'));
  writeFileSync(Buffer.concat([Buffer.from(`${own}/`), Buffer.from([0xff, 0xfe])]), '');
  giveFolder(own, { uid: 47_501, gid: 47_500 });
  for (const path of ['', 'a', 'a/b', 'a/b/c']) t.match(statSync(join(own, path)), { uid: 47_501, gid: 47_500 }, path);
  t.equal(statSync(own).mode & 0o777, 0o700);
  for (const path of [outside, join(outside, 'x')]) t.equal(statSync(path).uid, 0, path);
  t.equal(readFileSync(join(outside, 'x'), 'utf8'), '');
});

t.test('a shared folder is its group’s, with what is in it and what comes', forRoot, async (t) => {
  const folder = folderOf(t);
  const shared = join(folder, 'shared');
  mkdirSync(join(shared, 'a'), { recursive: true });
  writeFileSync(join(shared, 'a/file'), '', { mode: 0o600 });
  writeFileSync(join(shared, 'program'), '', { mode: 0o700 });
  symlinkSync('/etc/hostname', join(shared, 'link'));
  execFileSync('mkfifo', [join(shared, 'pipe')]);
  shareFolder(shared, { gid: 47_500 });
  t.match(statSync(shared), { gid: 47_500, uid: 0 });
  t.equal(statSync(join(shared, 'a')).mode & 0o7777, 0o2770);
  t.equal(statSync(join(shared, 'a/file')).mode & 0o777, 0o660);
  t.equal(statSync(join(shared, 'program')).mode & 0o777, 0o770);
  writeFileSync(join(shared, 'a/new'), '');
  t.equal(statSync(join(shared, 'a/new')).gid, 47_500);
  t.not(statSync('/etc/hostname').gid, 47_500);
  t.ok(existsSync(join(shared, 'pipe')));
});
