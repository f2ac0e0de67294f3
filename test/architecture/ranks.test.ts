import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { findViolations, maxLines, ranks, rooms, type Violation } from './ranks.ts';

const repository = join(import.meta.dirname, '..', '..');

t.test('the gateway keeps its ranks, doors and sizes', async (t) => {
  t.strictSame(findViolations(join(repository, 'gateway')), []);
});

t.test('the tests keep the size of what they test', async (t) => {
  const tests = readdirSync(join(repository, 'test'), { recursive: true, encoding: 'utf8' });
  const lines = (file: string): number => readFileSync(join(repository, 'test', file), 'utf8').split('\n').length - 1;
  t.strictSame(
    tests.filter((file) => file.endsWith('.ts') && lines(file) > maxLines),
    [],
  );
});

t.test('each rule is broken by its fixture and seen', async (t) => {
  /** One file that breaks the rule, in place of the module's own `index.ts`, and what else the house has then. */
  const fixtures: [rule: Violation['rule'], what: string, broken: Record<string, string>, more?: Tree][] = [
    ['sideways', 'a value', { sessions: "import { a } from '../accounts/index.ts';\nexport const b = a;\n" }],
    ['upward', 'a value', { sessions: "import { a } from '../api/index.ts';\nexport const b = a;\n" }],
    ['cycle', 'of values', { lib: "import { b } from './other.ts';\nexport const a = b;\n" }, circle('')],
    ['cycle', 'of types', { lib: "import type { b } from './other.ts';\nexport const a = b;\n" }, circle('type ')],
    ['past-door', 'of a module', { sessions: "import { a } from '../lib/other.ts';\nexport const b = a;\n" }],
    [
      'past-door',
      'of app, by a command',
      { cli: "import type { a } from '../app/facts.ts';\nexport type B = typeof a;\n" },
    ],
    [
      'io-in-lib',
      'a file',
      { lib: "import { readdirSync, readFileSync } from 'node:fs';\nexport const a = readFileSync;\n" },
    ],
    ['too-long', 'by one line', { sessions: '// line\n'.repeat(401) }],
    ['unknown-module', 'a folder', { drawer: 'export const a = 1;\n' }],
  ];
  for (const [rule, what, broken, more = {}] of fixtures) {
    const tree: Tree = {
      lib: { 'index.ts': plain, 'other.ts': plain },
      accounts: { 'index.ts': "import { a as x } from '../lib/index.ts';\nexport const a = x;\n" },
      sessions: { 'index.ts': "import type { a } from '../lib/index.ts';\nexport type A = typeof a;\n" },
      app: { 'index.ts': "export { a } from './facts.ts';\n", 'facts.ts': plain },
      cli: { 'index.ts': "import { a } from '../app/index.ts';\nexport const b = a;\n" },
      api: { 'index.ts': plain },
      ...more,
    };
    for (const [module, text] of Object.entries(broken)) tree[module] = { ...tree[module], 'index.ts': text };
    const violations = findViolations(t.testdir({ ...tree, 'app.ts': "export { a } from './app/facts.ts';\n" }));
    t.ok(
      violations.some((violation) => violation.rule === rule),
      `${rule} ${what} is seen`,
    );
    t.ok(
      violations.every((violation) => violation.rule === rule),
      `and nothing but ${rule}: ${JSON.stringify(violations)}`,
    );
  }
});

type Tree = Record<string, Record<string, string>>;
const plain = 'export const a = 1;\n';

/** A second file of `lib` that imports the first. */
function circle(type: '' | 'type '): Tree {
  return { lib: { 'index.ts': plain, 'other.ts': `export ${type}{ a as b } from './index.ts';\n` } };
}

t.test('rooms of a module import downward only, by types as well', async (t) => {
  const plain = 'export type A = 1;\n';
  const imports = (path: string): string => `import type { A } from '${path}';\nexport type B = A;\n`;
  const violationsOf = (proxy: object) => findViolations(t.testdir({ proxy: { 'index.ts': plain, ...proxy } }));
  const [wire, story] = [{ 'a.ts': plain }, imports('./wire/a.ts')];
  t.strictSame(violationsOf({ wire, 'edge.ts': story, tunnel: { 'b.ts': imports('../wire/a.ts') } }), []);
  for (const [what, tree] of Object.entries({
    upward: { tunnel: wire, wire: { 'b.ts': imports('../tunnel/a.ts') } },
    sideways: { upstream: wire, listener: { 'b.ts': imports('../upstream/a.ts') } },
    'to the story': { 'edge.ts': plain, tunnel: { 'b.ts': imports('../edge.ts') } },
    'to a room of no floor': { drawer: wire, tunnel: { 'b.ts': imports('../drawer/a.ts') } },
    'from a room of no floor': { wire, drawer: { 'b.ts': imports('../wire/a.ts') } },
  })) {
    t.strictSame(
      violationsOf(tree).map(({ rule }) => rule),
      ['rooms'],
      what,
    );
  }
  const folders = readdirSync(join(repository, 'gateway/proxy'), { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  );
  t.strictSame(
    folders.map(({ name }) => name).sort(),
    Object.keys(rooms['proxy']!).sort(),
    'each room of the proxy has its floor',
  );
});

t.test('app.ts names every module of the house', async (t) => {
  const parts = readdirSync(join(repository, 'gateway', 'app')).map((name) => join(repository, 'gateway', 'app', name));
  const app = [join(repository, 'gateway', 'app.ts'), ...parts].map((file) => readFileSync(file, 'utf8')).join('\n');
  const map = readFileSync(join(repository, 'gateway', 'README.md'), 'utf8');
  const elsewhere = new Set([
    'lib',
    'kube',
    'provisioning',
    'services',
    'files',
    'admission',
    'metrics',
    'discovery',
    'main',
    'cli',
    'app',
    'bin',
  ]);
  for (const module of Object.keys(ranks).filter((name) => !elsewhere.has(name))) {
    t.match(app, `/${module}/index.ts'`, `app.ts imports ${module}`);
    t.match(map, `\`${module}\``, `the map describes ${module}`);
  }
});
