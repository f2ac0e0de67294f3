import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import { checkFolder, createPolicy } from '../../gateway/policy/index.ts';
import { ask, copyOfShipped, notebookOf, notebooks, person, shippedFolder } from './support.ts';

/** They come before those of a test in the order of the files. */
const shippedRules = readdirSync(shippedFolder)
  .filter((name) => name.endsWith('.cedar'))
  .flatMap((name) => readFileSync(join(shippedFolder, name), 'utf8').match(/^(permit|forbid)\b/gm) ?? []).length;

// Each file is tried in a process of its own.

const root = person('root', { isAdmin: true });
const base = { clock: systemClock, log: silentLog };

const rule = (condition: string): string => `permit (principal, action, resource)\nwhen { ${condition} };`;
const many = (count: number, one: (index: number) => string, between = ''): string =>
  Array.from({ length: count }, (_, index) => one(index)).join(between);
const nested = (count: number, open: string, inner: string, close: string): string =>
  open.repeat(count) + inner + close.repeat(count);
const chain = (count: number, one: string, sign: string): string => many(count, () => one, ` ${sign} `);
const isX = 'principal.username == "x"';
const types = (count: number): string =>
  `type T0 = { x: Bool };\n${many(count, (n) => `type T${n + 1} = { x: T${n}, y: T${n} };\n`)}`;
const cases = (body: string): string =>
  `people:\n  ann: {}\nresources:\n  hub: { type: Integration }\ncases:\n${body}\n`;

/** What is in the file, the file, and where the problem must be told. All of these ended the engine or the process. */
const files: readonly { what: string; name?: string; text: string | Buffer; line?: number; says?: RegExp }[] = [
  { what: 'two hundred brackets', text: rule(nested(200, '(', 'true', ')')), line: 2, says: /brackets/ },
  { what: 'fifteen hundred "or"', text: rule(chain(1500, isX, '||')), line: 2, says: /longer or deeper/ },
  {
    what: 'four hundred "or", which parse and end the engine when it decides',
    text: rule(chain(400, isX, '||')),
    line: 2,
  },
  { what: 'two thousand "and"', text: rule(chain(2000, isX, '&&')), line: 2 },
  { what: 'two thousand "+"', text: rule(`${chain(2000, '1', '+')} == 3`), line: 2 },
  { what: 'two thousand "*"', text: rule(`${chain(2000, '1', '*')} == 3`), line: 2 },
  { what: 'nine hundred "if"', text: rule(`${many(900, () => `if ${isX} then true else `)} false`), line: 2 },
  {
    what: 'nine hundred "if" in "then"',
    text: rule(`${'if true then '.repeat(900)} true ${'else false '.repeat(900)}`),
    line: 2,
  },
  {
    what: 'nine hundred clauses',
    text: `permit (principal, action, resource)\n${`when { ${isX} }\n`.repeat(900)};`,
    says: /deeper/,
  },
  { what: 'sets in sets', text: rule(`${nested(300, '[', '1', ']')} == [1]`), line: 2 },
  { what: 'records in records', text: rule(`${nested(300, '{a: ', '1', '}')} == {}`), line: 2 },
  { what: 'calls in calls', text: rule(nested(300, '[true].contains(', 'true', ')')), line: 2 },
  { what: 'a long path of attributes', text: rule(`context${'.a'.repeat(3000)}`), line: 2 },
  { what: 'a hundred thousand "!"', text: rule(`${'!'.repeat(100_000)}true`), line: 2 },
  { what: 'a hundred thousand "-"', text: rule(`${'-'.repeat(100_000)}1 == 1`), line: 2 },
  { what: 'brackets that are never closed', text: 'permit (('.repeat(20_000), line: 1 },
  { what: 'brackets and chains mixed', text: rule(nested(60, `(${isX} || `, 'true', ')')), line: 2 },
  {
    what: 'ten thousand names in a list',
    text: rule(`[${many(10_000, (n) => `"u${n}"`, ',')}].contains(principal.username)`),
    line: 2,
  },
  {
    what: 'an enormous text',
    text: rule(`principal.username == "${'x'.repeat(200_000)}"`),
    line: 2,
    says: /2048 characters/,
  },
  { what: 'a text without end, full of escapes', text: rule(`"${'\\"'.repeat(100_000)}`) },
  {
    what: 'five thousand rules',
    text: many(5000, () => 'permit(principal,action,resource);\n'),
    line: 2001 - shippedRules,
  },
  { what: 'a name without end', text: `${'A'.repeat(200_000)}` },
  {
    what: 'a type that stands for a billion',
    name: 'schema.cedarschema',
    text: types(40),
    says: /stands for more than/,
  },
  {
    what: 'records in records of the schema',
    name: 'schema.cedarschema',
    text: `entity Z {\n a: ${nested(2000, '{x: ', 'Bool', '}')} };`,
    line: 2,
  },
  {
    what: 'sets in sets of the schema',
    name: 'schema.cedarschema',
    text: `entity Z {\n a: ${nested(5000, 'Set<', 'Bool', '>')} };`,
    line: 2,
  },
  {
    what: 'five thousand entities in a row',
    name: 'schema.cedarschema',
    text: `entity Z0;\n${many(5000, (n) => `entity Z${n + 1} in [Z${n}];\n`)}`,
    line: 1001,
  },
  { what: 'a schema of nothing but brackets', name: 'schema.cedarschema', text: '{'.repeat(200_000), line: 1 },
  {
    what: 'ten billion cases',
    name: 'x.cases.yaml',
    text: cases(
      `  - who: [${many(8_000, () => 'ann', ',')}]\n    action: [${many(4_000, () => 'open', ',')}]\n    resource: [${many(4_000, () => 'hub', ',')}]\n    expect: allow`,
    ),
    line: 6,
    says: /more than 10000 cases/,
  },
  {
    what: 'many cases of many',
    name: 'x.cases.yaml',
    text: cases(
      many(200, () => `  - { who: [${many(100, () => 'ann', ',')}], action: open, resource: hub, expect: allow }\n`),
    ),
    says: /more than 10000 cases/,
  },
  {
    what: 'a billion laughs',
    name: 'x.cases.yaml',
    text: `a0: &a0 [x]\n${many(30, (n) => `a${n + 1}: &a${n + 1} [*a${n}, *a${n}]\n`)}people: *a30\n`,
  },
  { what: 'lists in lists', name: 'x.cases.yaml', text: `cases:\n  ${'['.repeat(100_000)}`, line: 2, says: /levels/ },
  {
    what: 'lists in lists by dashes',
    name: 'x.cases.yaml',
    text: `cases:\n${'- '.repeat(100_000)}x`,
    line: 2,
    says: /levels/,
  },
  {
    what: 'fields in fields by question marks',
    name: 'x.cases.yaml',
    text: `cases:\n${'? '.repeat(100_000)}x`,
    line: 2,
  },
  {
    what: 'fields in fields by indentation',
    name: 'x.cases.yaml',
    text: many(600, (n) => `${' '.repeat(n)}a:\n`),
    says: /levels/,
  },
  {
    what: 'twenty thousand people',
    name: 'x.cases.yaml',
    text: `people:\n${many(20_000, (n) => `  p${n}:\n`)}`,
    says: /more than 1000/,
  },
  {
    what: 'a person of a long name',
    name: 'x.cases.yaml',
    text: cases(`  - { who: ${'x'.repeat(200_000)}, action: open, resource: hub, expect: allow }`),
    line: 6,
  },
  {
    what: 'many long lists, each within its bound',
    text: many(30, (n) => `@id("l${n}") ${rule(`[${'"a",'.repeat(1_900)}"b"].contains(principal.username)`)}\n`),
    says: /more than 80000 words/,
  },
  {
    what: 'a hundred patterns that take half a minute for one long address',
    text: many(100, (n) => `@id("p${n}") ${rule(`context.path like "*${'a'.repeat(1_900)}b"`)}\n`),
    line: 10,
    says: /patterns/,
  },
  { what: 'bytes that are no text', text: Buffer.from([0, 255, 254, 128]), says: /not UTF-8/ },
  { what: 'zeros', text: Buffer.alloc(200_000) },
];

t.test(
  'whatever a file holds, it is refused with its place, and the set in force goes on deciding what was never asked',
  async (t) => {
    const folder = copyOfShipped((clean) => t.teardown(clean));
    const policy = await createPolicy({ recordReload: () => undefined, ...base, folder });
    t.teardown(() => policy.close());
    const { version } = policy.status();
    let asked = 0;
    for (const { what, name = 'hostile.cedar', text, line, says } of files) {
      writeFileSync(join(folder, name), text);
      const status = await policy.reload();
      t.match(status, { isCurrent: false, version }, what);
      const [problem] = status.problems;
      t.equal(problem?.file, name, `${what}: the file is named`);
      if (line !== undefined) t.equal(problem?.line, line, `${what}: and the line`);
      if (says !== undefined) t.match(problem?.message, says, what);
      t.ok(status.problems.length <= 100 && status.problems.every(({ message }) => message.length <= 501), what);
      asked += 1;
      t.match(
        policy.decide(ask({ ...root, version: asked }, 'open', notebooks)),
        { effect: 'allow' },
        `${what}: allowed`,
      );
      t.match(policy.decide(ask({ ...root, version: asked }, 'open', notebookOf('ann'))), {
        effect: 'deny',
        reason: 'forbid',
      });
      if (name === 'schema.cedarschema') rmSync(folder, { recursive: true });
      else unlinkSync(join(folder, name));
      if (name === 'schema.cedarschema') {
        const fresh = copyOfShipped((clean) => t.teardown(clean));
        execFileSync('cp', ['-r', fresh, folder]);
      }
    }
    t.match(await policy.reload(), { isCurrent: true, version, problems: [] }, 'mended');
  },
);

t.test('a start with a hostile file keeps admins in, and the corrected file is taken', async (t) => {
  const folder = copyOfShipped((clean) => t.teardown(clean));
  writeFileSync(join(folder, 'hostile.cedar'), rule(nested(200, '(', 'true', ')')));
  const policy = await createPolicy({ recordReload: () => undefined, ...base, folder, watch: true });
  t.teardown(() => policy.close());
  t.match(policy.status(), { version: 'fallback', problems: [{ file: 'hostile.cedar', line: 2 }] });
  t.match(policy.decide(ask(root, 'administer', { type: 'Platform', id: 'knot', attributes: {} })), {
    effect: 'allow',
  });
  unlinkSync(join(folder, 'hostile.cedar'));
  t.match(await policy.reload(), { isCurrent: true, problems: [] });
  t.equal(policy.decide(ask(root, 'open', notebooks)).effect, 'allow');
});

t.test('thousands of files, pipes, devices and links are told, not read', async (t) => {
  const folder = copyOfShipped((clean) => t.teardown(clean));
  execFileSync('mkfifo', [join(folder, 'pipe.cedar')]);
  symlinkSync('/dev/zero', join(folder, 'device.cedar'));
  symlinkSync('loop.cedar', join(folder, 'loop.cedar'));
  mkdirSync(join(folder, 'folder.cedar'));
  const { problems } = await checkFolder(folder);
  t.strictSame(problems.map(({ file }) => file).sort(), ['device.cedar', 'folder.cedar', 'loop.cedar', 'pipe.cedar']);
  for (let index = 0; index < 6_000; index += 1) writeFileSync(join(folder, `many-${index}.cedar`), '');
  const crowded = await checkFolder(folder);
  t.equal(crowded.isCurrent, false);
  t.ok(crowded.problems.some(({ message }) => message.includes('5000 files')));
});

t.test('what the bounds let through, the engine bears: parsed, validated, decided and explained', async (t) => {
  const folder = copyOfShipped((clean) => t.teardown(clean));
  unlinkSync(join(folder, 'default.cases.yaml'));
  const most = [
    rule(chain(190, isX, '||')),
    rule(`${chain(190, '1', '+')} == 3 && principal.isAdmin`),
    rule(`${many(95, () => `if ${isX} then true else `)} principal.isAdmin`),
    rule(nested(39, '(', 'principal.isAdmin', ')')),
    rule(nested(38, '[true].contains(', 'principal.isAdmin', ')')),
    rule(nested(39, '(principal.isAdmin || ', isX, ')')),
    `permit (principal, action, resource) ${`when { ${isX} } `.repeat(190)};`,
    rule(`[${many(1_900, (n) => `"u${n}"`, ',')}].contains(principal.username)`),
  ];
  writeFileSync(join(folder, 'most.cedar'), most.join('\n'));
  const policy = await createPolicy({ recordReload: () => undefined, ...base, folder });
  t.teardown(() => policy.close());
  t.strictSame(policy.status().problems, []);
  t.equal(policy.decide(ask(person('ann'), 'open', notebooks)).effect, 'allow');
  t.equal(policy.decide(ask(root, 'open', notebooks)).effect, 'allow');
  t.match((await policy.explain(ask(person('ann'), 'open', notebookOf('bob')))).hint, /services-are-private/);
});

t.test('a set full of patterns does not stop everybody for an address that is long', async (t) => {
  const folder = copyOfShipped((clean) => t.teardown(clean));
  unlinkSync(join(folder, 'default.cases.yaml'));
  const patterns = many(
    4,
    (n) =>
      `@id("p${n}") forbid (principal, action, resource) when { context.path like "*${'a'.repeat(1_900)}${n}" };\n`,
  );
  writeFileSync(join(folder, 'patterns.cedar'), patterns);
  const policy = await createPolicy({ recordReload: () => undefined, ...base, folder });
  t.teardown(() => policy.close());
  t.strictSame(policy.status().problems, []);
  const long = ask(person('ann'), 'open', notebooks, { path: `/${'a'.repeat(15_000)}` });
  t.match(policy.decide(long), { effect: 'deny', reason: 'too_long', rules: [] });
  t.match(await policy.explain(long), { hint: /too long/, decision: { reason: 'too_long' } });
  t.match(policy.decide(ask(person('ann'), 'open', notebooks, { path: `/${'a'.repeat(1_000)}` })), { effect: 'allow' });
  const matching = ask(person('ann'), 'open', notebooks, { path: `/${'a'.repeat(1_900)}3` });
  t.match(policy.decide(matching), { effect: 'deny', reason: 'forbid', rules: [{ rule: 'p3' }] });
});

t.test('hostile facts do not bring the engine down: very many teams, very long names', async (t) => {
  const folder = copyOfShipped((clean) => t.teardown(clean));
  unlinkSync(join(folder, 'default.cases.yaml'));
  writeFileSync(
    join(folder, 'more.cedar'),
    `@id("t") forbid (principal in Team::"t", action, resource) when { context.path like "*a*a*a*b" };\n` +
      `@id("m") permit (principal, action, resource is Integration) when { resource.title like "*x*" };`,
  );
  const policy = await createPolicy({ recordReload: () => undefined, ...base, folder });
  t.teardown(() => policy.close());
  t.strictSame(policy.status().problems, []);
  const teams = Array.from({ length: 20_000 }, (_, index) => ({
    name: index === 7 ? 't' : `t${index}`,
    role: 'member' as const,
  }));
  const loud = person('ann', { teams, email: 'x'.repeat(1_000_000) });
  const long = { ...notebooks, attributes: { ...notebooks.attributes, title: 'x'.repeat(500_000) } };
  t.match(policy.decide(ask(loud, 'open', long, { path: `/${'a'.repeat(200_000)}b` })), {
    effect: 'deny',
    reason: 'forbid',
  });
  t.match(policy.decide(ask(loud, 'open', long, { path: `/${'a'.repeat(200_000)}c` })), { effect: 'allow' });
  const halves = {
    ...notebooks,
    id: 'x"\ud800',
    attributes: { ...notebooks.attributes, title: '\ud800'.repeat(1000) },
  };
  t.match(policy.decide(ask(loud, 'open', halves)), { effect: 'deny', reason: 'evaluation_error' }, 'half characters');
  t.match(policy.decide(ask(person('bob'), 'open', notebooks)), { effect: 'allow' });
});

t.test('an engine that ends in the middle of a decision is replaced, and the next one decides', async (t) => {
  const folder = copyOfShipped((clean) => t.teardown(clean));
  const policy = await createPolicy({ recordReload: () => undefined, ...base, folder });
  t.teardown(() => policy.close());
  let asked = 0;
  const fresh = () => ask({ ...root, version: (asked += 1) }, 'open', notebooks);
  // Called from ever deeper, until the stack of the process has no room left for the engine: a real RangeError inside of it.
  const reasons = new Set<string>();
  const descend = (): void => {
    try {
      descend();
    } catch {
      // Too deep even for this function.
    }
    reasons.add(policy.decide(fresh()).reason);
  };
  const safely = (): void => {
    try {
      descend();
    } catch {
      // The outermost calls of it have little room too.
    }
  };
  safely();
  t.ok(reasons.size > 0);
  for (let round = 0; round < 50; round += 1) t.match(policy.decide(fresh()), { effect: 'allow', reason: 'permit' });
  t.match((await policy.explain(fresh())).decision, { effect: 'allow' });
});
