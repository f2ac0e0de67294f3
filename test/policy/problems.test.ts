import { mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { checkFolder, formatProblems, type PolicyProblem } from '../../gateway/policy/index.ts';
import { positionOfByte } from '../../gateway/policy/position.ts';
import { copyOfShipped, shippedFolder, tryFolder } from './support.ts';

t.test('the shipped folder is valid and all of its cases pass', async (t) => {
  const status = await checkFolder(shippedFolder);
  t.strictSame(status.problems, []);
  t.match(status, { isCurrent: true, version: /^[0-9a-f]{12}$/ });
  t.ok(status.casesPassed >= 70);
  t.match(
    status.files.find(({ name }) => name === 'default.cedar'),
    { rules: 27 },
  );
});

t.test('a byte offset becomes the line and column a person counts', async (t) => {
  const text = 'äö\n€ 😀x\r\nlast';
  t.strictSame(positionOfByte(text, 0), { line: 1, column: 1 });
  t.strictSame(positionOfByte(text, Buffer.byteLength('äö\n€ 😀')), { line: 2, column: 4 });
  t.strictSame(positionOfByte(text, Buffer.byteLength('äö\n€ 😀x\r\nl')), { line: 3, column: 2 });
  t.strictSame(positionOfByte(text, 10_000), { line: 3, column: 5 });
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (before, after) => {
      const { line, column } = positionOfByte(before + after, Buffer.byteLength(before));
      const lines = before.split('\n');
      return line === lines.length && column === [...(lines.at(-1) ?? '')].length + 1;
    }),
  );
});

type Scenario = { what: string; name: string; text: string; expect: Partial<Record<keyof PolicyProblem, unknown>>[] };

const cedar: Scenario[] = [
  {
    what: 'a missing parenthesis',
    name: 'a.cedar',
    text: '// größer €\npermit (principal, action, resource;',
    expect: [{ file: 'a.cedar', line: 2, column: 36, kind: 'syntax', message: /unexpected token `;`/ }],
  },
  {
    what: 'a comment of another language',
    name: 'a.cedar',
    text: '# no\npermit (principal, action, resource);',
    expect: [{ line: 1, column: 1, kind: 'syntax' }],
  },
  {
    what: 'a misspelt variable',
    name: 'a.cedar',
    text: 'permit (principal, actoin, resource);',
    expect: [{ line: 1, column: 20, kind: 'syntax', help: /principal/ }],
  },
  {
    what: 'a comment in the style of C',
    name: 'a.cedar',
    text: '@id("ü") permit (principal, action, resource is Integration);\n/* */',
    expect: [{ line: 2, column: 1, kind: 'syntax' }],
  },
  {
    what: 'an attribute the schema does not know',
    name: 'a.cedar',
    text: '@id("größe") permit (principal, action, resource is Integration);\n// €€\npermit (principal, action, resource is Service)\nwhen { "ä€" != "" && resource.ovner == "x" };',
    expect: [
      { file: 'a.cedar', line: 4, column: 22, kind: 'schema', message: /`ovner`/, help: 'did you mean `owner`?' },
    ],
  },
  {
    what: 'an unknown type',
    name: 'a.cedar',
    text: 'permit (principal in Taem::"x", action, resource);',
    expect: [{ line: 1, kind: 'schema', message: /Taem/, help: /did you mean `Team`/ }],
  },
  {
    what: 'an unknown action',
    name: 'a.cedar',
    text: 'permit (principal, action == Action::"opn", resource);',
    expect: [{ line: 1, kind: 'schema', message: /opn/, help: /open/ }],
  },
  {
    what: 'a role that does not exist',
    name: 'a.cedar',
    text: 'permit (principal in Role::"admn", action, resource);',
    expect: [{ line: 1, column: 22, kind: 'schema', message: /admn/ }],
  },
  {
    what: 'a rule that can never apply',
    name: 'a.cedar',
    text: '\npermit (principal, action == Action::"administer", resource is Service);',
    expect: [{ line: 2, kind: 'schema', severity: 'error', message: /impossible|unable to find an applicable action/ }],
  },
  {
    what: 'a template',
    name: 'a.cedar',
    text: '\n\npermit (principal == ?principal, action, resource);',
    expect: [{ line: 3, column: 1, kind: 'syntax', message: /template/ }],
  },
  {
    what: 'an id that another file uses',
    name: 'z.cedar',
    text: '\n@id("own-files")\nforbid (principal, action, resource is FileArea);',
    expect: [
      { file: 'z.cedar', line: 2, column: 1, kind: 'syntax', message: /"own-files" is taken by default.cedar:\d+/ },
    ],
  },
  {
    what: 'an empty id',
    name: 'a.cedar',
    text: '@id("")\npermit (principal, action, resource);',
    expect: [{ line: 1, message: /@id ""/ }],
  },
  {
    what: 'a schema with a mistake after multibyte text',
    name: 'schema.cedarschema',
    text: '// ä€\nentity User { name: Strng };',
    expect: [{ file: 'schema.cedarschema', line: 2, column: 21, kind: 'schema', message: /Strng/ }],
  },
  {
    what: 'a schema without what Knot asks',
    name: 'schema.cedarschema',
    text: 'entity User;',
    expect: [{ file: 'schema.cedarschema', line: 0, kind: 'schema', message: /does not fit what Knot asks/ }],
  },
];

const yaml: Scenario[] = [
  {
    what: 'broken YAML',
    name: 'b.cases.yaml',
    text: 'people:\n  ann: {\n',
    expect: [{ kind: 'case', line: 3, message: /not valid YAML/ }],
  },
  {
    what: 'the same name twice',
    name: 'b.cases.yaml',
    text: 'people:\n  ann: {}\n  ann: {}\n',
    expect: [{ line: 3, column: 3 }],
  },
  {
    what: 'an unknown field',
    name: 'b.cases.yaml',
    text: 'pepole: {}\n',
    expect: [{ line: 1, column: 1, help: 'did you mean "people"?' }],
  },
  {
    what: 'an unknown person',
    name: 'b.cases.yaml',
    text: 'people:\n  ann: {}\ncases:\n  - { who: anne, action: administer, resource: platform, expect: deny }\n',
    expect: [{ line: 4, column: 12, message: /no person "anne"/, help: 'did you mean "ann"?' }],
  },
  {
    what: 'a missing field',
    name: 'b.cases.yaml',
    text: 'people:\n  ann: {}\ncases:\n  - { who: ann, resource: platform, expect: deny }\n',
    expect: [{ line: 4, column: 5, message: /"action" is missing/ }],
  },
  {
    what: 'a misspelt verdict',
    name: 'b.cases.yaml',
    text: 'people:\n  ann: {}\ncases:\n  - { who: ann, action: administer, resource: platform, expect: alow }\n',
    expect: [{ line: 4, column: 65, message: /"alow" is not one of allow, deny/, help: 'did you mean "allow"?' }],
  },
  {
    what: 'a question that is never asked',
    name: 'b.cases.yaml',
    text: 'people:\n  ann: {}\ncases:\n  - { who: ann, action: open, resource: platform, expect: deny }\n',
    expect: [{ line: 4, message: /`open` is never asked on a Platform/ }],
  },
  {
    what: 'a case that fails',
    name: 'b.cases.yaml',
    text: 'people:\n  ann: {}\ncases:\n\n  - name: wish\n    who: ann\n    action: administer\n    resource: platform\n    expect: allow\n',
    expect: [
      {
        file: 'b.cases.yaml',
        line: 5,
        column: 5,
        message: 'wish: ann administer platform: expected allow, got deny (no rule permits it)',
      },
    ],
  },
  {
    what: 'a case decided by another rule',
    name: 'b.cases.yaml',
    text: 'people:\n  root: { admin: true }\ncases:\n  - { who: root, action: administer, resource: platform, expect: allow, rule: other }\n',
    expect: [{ line: 4, message: /expected rule `other` to decide, got allow by `admins-administer`/ }],
  },
  {
    what: 'an alias',
    name: 'b.cases.yaml',
    text: 'people: &a\n  ann: {}\nresources: *a\n',
    expect: [{ line: 3, message: /aliases/ }],
  },
  {
    what: 'a list where names are expected',
    name: 'b.cases.yaml',
    text: 'people: [ann]\n',
    expect: [{ line: 1, column: 9 }],
  },
];

for (const { what, name, text, expect } of [...cedar, ...yaml]) {
  t.test(`${what} is told with its place`, async (t) => {
    const folder = copyOfShipped((clean) => t.teardown(clean));
    writeFileSync(join(folder, name), text);
    const status = await tryFolder(folder);
    t.equal(status.isCurrent, false);
    t.match(status.problems.slice(0, expect.length), expect);
  });
}

t.test('files are plain files inside the folder', async (t) => {
  const folder = copyOfShipped((clean) => t.teardown(clean));
  const outside = join(tmpdir(), `knot-outside-${process.pid}.cedar`);
  writeFileSync(outside, 'permit (principal, action, resource);');
  t.teardown(() => rmSync(outside));
  symlinkSync(outside, join(folder, 'link.cedar'));
  symlinkSync('nowhere.cedar', join(folder, 'dangling.cedar'));
  mkdirSync(join(folder, 'dir.cedar'));
  execFileSync('mkfifo', [join(folder, 'pipe.cedar')]);
  const { problems, isCurrent, version } = await checkFolder(folder);
  t.equal(isCurrent, false);
  t.equal(version, 'none');
  t.match(problems, [
    { file: 'dangling.cedar', kind: 'file', message: /does not exist/ },
    { file: 'dir.cedar', kind: 'file', message: /not a plain file/ },
    { file: 'link.cedar', kind: 'file', message: /leads out of the policies folder/ },
    { file: 'pipe.cedar', kind: 'file', message: /not a plain file/ },
  ]);
});

t.test('a link that stays inside is followed; hidden and unknown files are left alone', async (t) => {
  const folder = copyOfShipped((clean) => t.teardown(clean));
  mkdirSync(join(folder, 'kept'));
  renameSync(join(folder, 'default.cedar'), join(folder, 'kept', 'default.cedar'));
  symlinkSync('kept/default.cedar', join(folder, 'default.cedar'));
  writeFileSync(join(folder, '.#default.cedar'), 'not cedar');
  writeFileSync(join(folder, 'default.cedar~'), 'not cedar');
  writeFileSync(join(folder, 'more.cases.yml'), 'cases: []');
  const { problems, isCurrent } = await checkFolder(folder);
  t.equal(isCurrent, true, 'a warning does not refuse');
  t.match(problems, [{ file: 'more.cases.yml', severity: 'warning', help: /cases\.yaml/ }]);
});

t.test('a folder that is missing, or has no schema, says so', async (t) => {
  t.match((await checkFolder(join(tmpdir(), 'knot-no-such-folder'))).problems, [
    { file: '', message: /it does not exist/ },
  ]);
  t.match((await checkFolder(join(shippedFolder, 'default.cedar'))).problems, [{ file: '', message: /not a folder/ }]);
  const folder = copyOfShipped((clean) => t.teardown(clean));
  unlinkSync(join(folder, 'schema.cedarschema'));
  t.match((await checkFolder(folder)).problems, [{ file: 'schema.cedarschema', message: /is missing/ }]);
});

t.test('problems print as compilers print them, on one line whatever they contain', async (t) => {
  const place = { file: 'default.cedar', line: 12, column: 5, severity: 'error', kind: 'schema' } as const;
  t.equal(
    formatProblems([{ ...place, message: 'no `x`', help: 'did you mean `y`?' }]),
    'policies/default.cedar:12:5 error: no `x`\n  help: did you mean `y`?',
  );
  t.equal(
    formatProblems([{ ...place, line: 0, column: 0, message: 'a\n\u001b[2Jb' }], 'etc'),
    'etc/default.cedar error: a [2Jb',
  );
});

t.test('rules are told apart whatever stands in strings and comments', async (t) => {
  const folder = copyOfShipped((clean) => t.teardown(clean));
  writeFileSync(
    join(folder, 'odd.cedar'),
    '// a; "b\n@id("x1") forbid (principal, action, resource is FileArea) when { resource.name == "a;\\";//" };// c;\r\n\r\n' +
      '@note("€;") @id("x2") forbid (principal, action, resource is FileArea) // "\n when { resource.name == "b" };\n',
  );
  const { problems, files } = await checkFolder(folder);
  t.strictSame(problems, []);
  t.match(
    files.find(({ name }) => name === 'odd.cedar'),
    { rules: 2 },
  );
});
