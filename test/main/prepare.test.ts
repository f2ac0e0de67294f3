import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { areDependenciesCurrent, installedPackages, telling, wantedPackages } from '../../gateway/bin/prepare.mjs';

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

t.test('a clone that was brought up to date installs again what its lock file names otherwise', (t) => {
  const clone = t.testdir({ node_modules: {} });
  const isCurrent = (wanted: object, installed: object) => {
    writeFileSync(join(clone, 'package-lock.json'), JSON.stringify({ packages: { '': {}, ...wanted } }));
    writeFileSync(join(clone, 'node_modules', '.package-lock.json'), JSON.stringify({ packages: installed }));
    return areDependenciesCurrent(clone);
  };
  const at = (version: string, kind: object = {}) => ({ 'node_modules/a': { version, ...kind } });
  t.equal(areDependenciesCurrent(clone), false, 'nothing is installed');
  t.equal(isCurrent(at('1.0.0'), {}), false);
  for (const kind of [{}, { optional: true }, { dev: true }, { devOptional: true }, { peer: true }]) {
    const what = JSON.stringify(kind);
    t.equal(isCurrent(at('1.0.1', kind), at('1.0.0')), false, `an older one, ${what}`);
    t.equal(isCurrent(at('1.0.1', kind), at('1.0.1')), true, `the one that is named, ${what}`);
    t.equal(isCurrent(at('1.0.1', kind), {}), Object.keys(kind).length > 0, `none, ${what}`);
  }
  t.equal(isCurrent({ dashboard: { version: '1.0.0' } }, {}), true, 'a folder of this project');
  t.end();
});

/** What came to JavaScript and Node after the oldest that README.md names (20). */
const newerThan20 =
  /\b(?:withResolvers|Promise\.try|fromAsync|groupBy|Iterator\.|RegExp\.escape|isError|symmetricDifference|isSubsetOf|isSupersetOf|isDisjointFrom|import\.meta\.main|execve)|\.(?:union|intersection|difference)\(|^\s*(?:await )?using /m;

t.test('what runs before the dependencies are there needs no newer Node than README.md says', (t) => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object };
  const texts = new Map<string, string>();
  const read = (file: string): void => {
    if (texts.has(file)) return;
    const text = readFileSync(file, 'utf8');
    texts.set(file, text);
    for (const [, name] of text.matchAll(/from '(\.[^']+\.mjs)'/g)) read(join(dirname(file), name!));
  };
  for (const script of Object.values(scripts) as string[]) {
    const file = /^exec node (\S+\.mjs)/.exec(script)?.[1];
    if (file !== undefined) read(join(root, file));
  }
  t.ok(texts.size > 5);
  for (const [file, text] of texts) t.notMatch(text, newerThan20, file.slice(root.length));
  t.end();
});
