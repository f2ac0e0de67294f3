import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { installedPackages, telling, wantedPackages } from '../../gateway/bin/prepare.mjs';

const root = join(import.meta.dirname, '..', '..');

t.test('long work at the first start says again and again what is known, until it is done', async (t) => {
  const lines: string[] = [];
  const work = Promise.withResolvers<void>();
  let done = 0;
  const write = (line: string) => {
    lines.push(line);
    if (lines.length === 4) work.resolve();
  };
  await telling('Installing dependencies', () => `${(done += 100)} of about 300 packages`, work.promise, {
    everyMs: 1,
    write,
  });
  t.match(lines, [
    /^Installing dependencies …$/,
    /^Installing dependencies … 100 of about 300 packages, \d+ s$/,
    /^Installing dependencies … 200 of about 300 packages, \d+ s$/,
    /^Installing dependencies … 300 of about 300 packages, \d+ s$/,
    /^Installing dependencies took \d+ s\.$/,
  ]);
});

t.test('work that fails is not said to have taken its time', async (t) => {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  await t.rejects(
    telling('Building', () => undefined, Promise.reject(new Error('no disk')), { write }),
    /no disk/,
  );
  t.strictSame(lines, ['Building …']);
});

t.test('the packages of a whole installation are nearly as many as the lock file promises', (t) => {
  const [wanted, installed] = [wantedPackages(root), installedPackages(root)];
  t.ok(installed > 0.95 * wanted && installed < 1.05 * wanted, `${installed} of ${wanted}`);
  t.end();
});

t.test('a folder that npm has made and not yet filled is no package', (t) => {
  const clone = t.testdir();
  const names = ['a', '@scope/b', 'a/node_modules/c'].map((name) => join(clone, 'node_modules', name));
  for (const name of names) mkdirSync(name, { recursive: true });
  t.equal(installedPackages(clone), 0);
  for (const name of names) writeFileSync(join(name, 'package.json'), '{}');
  t.equal(installedPackages(clone), 3);
  t.end();
});
