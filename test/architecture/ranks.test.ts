import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { findViolations, ranks, rooms } from './ranks.ts';

const repository = join(import.meta.dirname, '..', '..');

t.test('the gateway keeps its ranks, doors and sizes', async (t) => {
  t.strictSame(findViolations(join(repository, 'gateway')), []);
});

t.test('each rule is broken by its fixture and seen', async (t) => {
  const rules = ['sideways', 'upward', 'cycle', 'past-door', 'io-in-lib', 'too-long', 'unknown-module'] as const;
  for (const rule of rules) {
    const files: Record<string, Record<string, string>> = {
      sideways: { sessions: "import { a } from '../accounts/index.ts';\nexport const b = a;\n" },
      upward: { sessions: "import { a } from '../api/index.ts';\nexport const b = a;\n" },
      cycle: { lib: "import { b } from './other.ts';\nexport const a = b;\n" },
      'past-door': { sessions: "import { a } from '../lib/other.ts';\nexport const b = a;\n" },
      'io-in-lib': { lib: "import { readdirSync, readFileSync } from 'node:fs';\nexport const a = readFileSync;\n" },
      'too-long': { sessions: '// line\n'.repeat(401) },
      'unknown-module': { drawer: 'export const a = 1;\n' },
    };
    const plain = 'export const a = 1;\n';
    const tree: Record<string, Record<string, string>> = {
      lib: { 'index.ts': plain, 'other.ts': rule === 'cycle' ? "export { a as b } from './index.ts';\n" : plain },
      accounts: { 'index.ts': "import { a as x } from '../lib/index.ts';\nexport const a = x;\n" },
      sessions: { 'index.ts': "import type { a } from '../lib/index.ts';\nexport type A = typeof a;\n" },
      api: { 'index.ts': plain },
    };
    for (const [module, text] of Object.entries(files[rule]!)) tree[module] = { ...tree[module], 'index.ts': text };
    const violations = findViolations(t.testdir(tree));
    t.ok(
      violations.some((violation) => violation.rule === rule),
      `${rule} is seen`,
    );
    t.ok(
      violations.every((violation) => violation.rule === rule),
      `and nothing but ${rule}: ${JSON.stringify(violations)}`,
    );
  }
});

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
  const elsewhere = new Set(['lib', 'kube', 'provisioning', 'services', 'files', 'admission', 'main', 'cli', 'app']);
  for (const module of Object.keys(ranks).filter((name) => !elsewhere.has(name))) {
    t.match(app, `/${module}/index.ts'`, `app.ts imports ${module}`);
    t.match(map, `\`${module}\``, `the map describes ${module}`);
  }
});
