import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import {
  createCatalogue,
  diskFolder,
  fillIn,
  isUsable,
  readTemplateAt,
  templateId,
} from '../../gateway/catalogue/index.ts';
import { type Principal, silentLog, type TemplateFolder } from '../../gateway/lib/index.ts';
import { chart, folderWith, npmList, read, runs } from './written.ts';

const shipped = join(import.meta.dirname, '../../charts/templates');
const digest = 'a'.repeat(64);

t.test('every template that Knot ships is without fault and has what people read', async (t) => {
  const catalogue = createCatalogue({
    sources: [{ folder: diskFolder(shipped), origin: { kind: 'shipped' } }],
    now: Date.now,
    log: silentLog,
  });
  const templates = await catalogue.list();
  t.ok(templates.length > 0);
  for (const template of templates) {
    t.strictSame(template.problems, [], template.name);
    t.ok(
      template.readme && template.icon && template.description && (template.process ?? template.release),
      template.name,
    );
  }
  t.equal((await catalogue.find('web'))?.title, 'Web page');
  t.equal(await catalogue.find('team:physics/web'), undefined);
});

t.test('what is wrong is told with file and line', async (t) => {
  const rows: [string, Record<string, string>, RegExp][] = [
    ['no chart', {}, /^Chart.yaml: is missing/],
    ['nothing that runs', { 'Chart.yaml': chart }, /^process.yaml: is missing, and so is templates/],
    [
      'a file in the place of the folder',
      { 'Chart.yaml': chart, templates: 'kind: Service\n' },
      /^process.yaml: is missing, and so is templates/,
    ],
    [
      'a level that there is not',
      { 'Chart.yaml': `${chart}annotations: {knot/pod-security: none}\n` },
      /^Chart.yaml:5 annotations.knot\/pod-security must be/,
    ],
    [
      'an amount that is none',
      { 'Chart.yaml': `${chart}annotations: {knot/memory: 2Gi}\n` },
      /^Chart.yaml:5 annotations.knot\/memory must be an amount/,
    ],
    [
      'an engine that there is not',
      { 'Chart.yaml': chart, 'values.schema.json': '{"properties":{"a":{"x-knot":{"engine":"podman"}}}}' },
      /^values.schema.json: \/properties\/a\/x-knot\/engine is not what/,
    ],
    ['a version', { 'Chart.yaml': chart.replace('1.2.3', 'one') }, /^Chart.yaml:3 version must be text/],
    [
      'another name',
      { 'Chart.yaml': chart.replace('name: web', 'name: page') },
      /^Chart.yaml:2 .*folder is called "web"/,
    ],
    ['no YAML', { 'Chart.yaml': 'a: [\n' }, /^Chart.yaml:\d /],
    ['a key twice', { 'Chart.yaml': `${chart}name: web\n` }, /^Chart.yaml:5 .*unique/i],
    ['no JSON', { 'Chart.yaml': chart, 'values.schema.json': '{' }, /^values.schema.json:\d* is not JSON/],
    [
      'a default that the schema refuses',
      { 'Chart.yaml': chart, 'values.yaml': 'a: 1\n', 'values.schema.json': '{"properties":{"a":{"type":"string"}}}' },
      /^values.yaml: \/a is not what/,
    ],
    ['a list of values', { 'Chart.yaml': chart, 'values.yaml': '- 1\n' }, /^values.yaml:1 must be a section/],
    [
      'no command',
      { 'Chart.yaml': chart, 'process.yaml': 'listen: {socket: true}\n' },
      /^process.yaml:\d command is missing/,
    ],
    [
      'an unknown placeholder',
      { 'Chart.yaml': chart, 'process.yaml': 'command:\n  - a\n  - "{sokcet}"\nlisten: {port: 8000}\n' },
      /^process.yaml:3 command\[1\] does not know \{sokcet\}/,
    ],
    [
      'a value that there is not',
      { 'Chart.yaml': chart, 'process.yaml': 'command: [a, "{values.b}"]\nlisten: {port: 8000}\n' },
      /command\[1\] names \{values.b\}/,
    ],
    [
      'the program from a value',
      {
        'Chart.yaml': chart,
        'values.yaml': 'b: x\n',
        'process.yaml': 'command: ["{values.b}"]\nlisten: {port: 8000}\n',
      },
      /command\[0\] must not come from a value/,
    ],
    [
      'both ways to listen',
      { 'Chart.yaml': chart, 'process.yaml': 'command: [a, "{socket}"]\nlisten: {port: 8000, socket: true}\n' },
      /listen must say one of/,
    ],
    [
      'a variable of Knot',
      {
        'Chart.yaml': chart,
        'process.yaml': 'command: [a]\nlisten: {port: 8000}\nenvironment: [{name: LD_PRELOAD, value: x}]\n',
      },
      /environment\[0\].name "LD_PRELOAD" is set by Knot/,
    ],
    [
      'a package without its version',
      {
        'Chart.yaml': chart,
        'process.yaml': 'command: ["{python}"]\nlisten: {port: 8000}\nneeds: {python: [jupyterlab]}\n',
      },
      /needs.python\[0\] must be text/,
    ],
    [
      'an offer that says not what it speaks',
      { 'Chart.yaml': chart, 'process.yaml': 'command: [a, "{offer}"]\nlisten: {offer: a.sock}\n' },
      /^process.yaml:2 listen must say what an offer speaks/,
    ],
    [
      'an offer that the program is not told of',
      { 'Chart.yaml': chart, 'process.yaml': 'command: [a]\nlisten: {offer: a.sock, speaks: A}\n' },
      /^process.yaml:1 command must tell the program where its offer is/,
    ],
    [
      'a check of what is no offer',
      { 'Chart.yaml': chart, 'process.yaml': 'command: [a]\nlisten:\n  port: 8000\n  check: [a]\n' },
      /^process.yaml:4 listen.check is for an offer/,
    ],
    [
      'packages in two places',
      {
        'Chart.yaml': chart,
        'requirements.txt': `a==1 --hash=sha256:${digest}\n`,
        'process.yaml':
          'command: ["{python}"]\nlisten: {port: 8000}\nneeds:\n  python: [a==1]\n  requirements: requirements.txt\n',
      },
      /^process.yaml:4 needs.python stands in requirements.txt/,
    ],
    [
      'a list of packages that is not there',
      {
        'Chart.yaml': chart,
        'process.yaml': 'command: ["{python}"]\nlisten: {port: 8000}\nneeds: {requirements: requirements.txt}\n',
      },
      /^requirements.txt:\d* ?is missing/,
    ],
    ...(
      [
        ['a package without a digest', `# all\na==1 --hash=sha256:${digest}\nb==2\n`, /:3 "b==2" has no --hash/],
        ['a package without its version', `a>=1 \\\n  --hash=sha256:${digest}\n`, /:1 "a>=1 .*must be NAME==VERSION/],
        ['another index', `--index-url https://x/ --hash=sha256:${digest}\n`, /:1 .*must be NAME==VERSION/],
        ['a file from anywhere', `a @ https://x/a.whl --hash=sha256:${digest}\n`, /:1 .*must be NAME==VERSION/],
        ['a list that is cut', 'a==1 \\', /:1 ends in the middle/],
      ] as const
    ).map(([what, list, message]): [string, Record<string, string>, RegExp] => [
      what,
      {
        'Chart.yaml': chart,
        'requirements.txt': list,
        'process.yaml': 'command: ["{python}"]\nlisten: {port: 8000}\nneeds: {requirements: requirements.txt}\n',
      },
      message,
    ]),
  ];
  for (const [what, files, message] of rows) {
    const { template, problems } = await read(t, files);
    t.match(problems, [message], what);
    t.notOk(isUsable(template), what);
  }
});

t.test('templates of people need packages only where they may', async (t) => {
  const needing = (needs: string) => ({
    'Chart.yaml': chart,
    'process.yaml': `command: ["{python}", "{packages}"]\nlisten: {port: 8000}\nneeds: ${needs}\n`,
    'package-lock.json': npmList({}),
  });
  for (const [needs, isNeeding] of [
    ['{python: ["jupyterlab==4.0.0"]}', true],
    ['{requirements: requirements.txt}', true],
    ['{npm: [{lock: package-lock.json}]}', true],
    ['{executables: [{name: sh}]}', false],
  ] as const) {
    const files = isNeeding
      ? needing(needs)
      : { 'Chart.yaml': chart, 'process.yaml': `command: [sh]\nlisten: {port: 8000}\nneeds: ${needs}\n` };
    const folder = diskFolder(
      join(
        folderWith(t, { ...files, 'requirements.txt': `jupyterlab==4.0.0 --hash=sha256:${'0'.repeat(64)}\n` }),
        'web',
      ),
    );
    const origin = { kind: 'user', owner: 'ann' } as const;
    const may = await readTemplateAt(folder, 'web', origin);
    t.strictSame(may.problems, [], needs);
    const mayNot = await readTemplateAt(folder, 'web', origin, { mayNeedPackages: false });
    t.equal(isUsable(mayNot), !isNeeding, needs);
  }
});

t.test('YAML that grows, nests or is no data is refused', async (t) => {
  const bomb = [
    'a: &a [x,x,x,x,x,x,x,x,x]',
    ...'bcdefghi'.split('').map((name, at) => `${name}: &${name} [${Array(9).fill(`*${'abcdefghi'[at]}`).join(',')}]`),
  ].join('\n');
  t.match((await read(t, { 'Chart.yaml': chart, 'values.yaml': bomb })).problems, [/too many aliases/]);
  const deep = `${'{a: '.repeat(60)}1${'}'.repeat(60)}`;
  t.match((await read(t, { 'Chart.yaml': chart, 'values.yaml': deep })).problems, [/nested more than/]);
  t.match((await read(t, { 'Chart.yaml': chart, 'values.yaml': 'a: .inf\n' })).problems, [/no plain data/]);
  t.match((await read(t, { 'Chart.yaml': chart, 'values.yaml': '"__proto__": {x: 1}\n' })).problems, [/no plain data/]);
});

t.test('only plain files of the folder are read', async (t) => {
  const root = folderWith(t, { 'Chart.yaml': chart });
  symlinkSync('/etc/hostname', join(root, 'web', 'README.md'));
  const template = await readTemplateAt(diskFolder(join(root, 'web')), 'web', { kind: 'admin' });
  t.match(template.problems, [{ file: 'README.md', message: /is a link/ }]);
  t.equal(template.readme, undefined);
  const large = await read(t, { 'Chart.yaml': chart, 'README.md': 'x'.repeat(300_000) });
  t.match(large.problems, [/at most 262144 are read/]);
});

t.test('a template without a schema has one of its defaults, their comments and the earlier metadata', async (t) => {
  const values = [
    'folder: /x # Where it is.',
    '# How many of them.',
    'replicas: 2',
    'fast: false',
    'image:',
    '  pullPolicy: Always',
    'empty:',
    'outer:',
    '  inner: 1',
    '  # taken: out',
    'tags: [a]',
    'secret: s',
    'knot:',
    '  hostname: x',
    '  metadata:',
    '    secret: {hidden: true}',
    '    image.pullPolicy: {title: Pull, choices: [Always, Never]}',
    '    replicas: {sizes: 1}',
    '',
  ].join('\n');
  const { template, problems } = await read(t, { 'Chart.yaml': chart, 'values.yaml': values, 'process.yaml': runs });
  t.match(problems, [/^values.yaml:\d+ knot.metadata.replicas.sizes is not known/]);
  t.ok(isUsable(template));
  t.equal(template.schemaSource, 'inferred');
  t.match(template.schema, {
    properties: {
      folder: { type: 'string', description: 'Where it is.', default: '/x' },
      replicas: { type: 'integer', description: 'How many of them.' },
      fast: { type: 'boolean' },
      image: { type: 'object', properties: { pullPolicy: { title: 'Pull', enum: ['Always', 'Never'] } } },
      empty: { default: null },
      tags: { type: 'array', default: ['a'] },
      secret: { 'x-knot': { hidden: true } },
    },
  });
  t.notOk('knot' in (template.schema['properties'] as object));
  const { empty, outer } = template.schema['properties'] as Record<string, object>;
  t.notOk('type' in empty!, 'nothing says what belongs there');
  t.notOk('description' in outer!, 'a comment at the end of a section is no help for it');
});

t.test('one argument stays one, whatever is filled in', async (t) => {
  const facts = {
    socket: '/s',
    port: '1',
    home: '/h',
    base: '',
    origin: 'o',
    secret: '{values.a}',
    template: 't',
    node: 'n',
    python: 'p',
    packages: '/p',
    offer: '/f',
    values: '{}',
  };
  const values = { a: 'x; rm -rf / {socket} --evil', b: { c: 3 }, d: null };
  t.equal(fillIn('--a={values.a}', facts, values), '--a=x; rm -rf / {socket} --evil');
  t.equal(fillIn('{secret}', facts, values), '{values.a}');
  t.equal(fillIn('{{{values.b.c}}}{values.d}', facts, values), '{3}');
  t.equal(fillIn('{values.constructor}', facts, values), '');
});

t.test('two templates of one name: the first is kept, and both origins stay apart', async (t) => {
  const [first, second] = [
    folderWith(t, { 'Chart.yaml': chart }),
    folderWith(t, { 'Chart.yaml': chart.replace('A page', 'Another') }),
  ];
  const catalogue = createCatalogue({
    sources: [
      { folder: diskFolder(first), origin: { kind: 'admin' } },
      { folder: diskFolder(second), origin: { kind: 'admin' } },
      { folder: diskFolder(second), origin: { kind: 'team', owner: 'physics' } },
      { folder: diskFolder('/does/not/exist'), origin: { kind: 'admin' } },
    ],
    now: () => 0,
    log: silentLog,
  });
  const found = (await catalogue.list()).map((template) => [templateId(template), template.description]);
  t.strictSame(found, [
    ['web', 'A page.'],
    ['team:physics/web', 'Another.'],
  ]);
});

t.test('a template of a person is read once in a moment, for whoever may read it then', async (t) => {
  let now = 0;
  const read: string[] = [];
  const isOf = new Map([
    ['ann', true],
    ['bob', true],
  ]);
  // The private files of both are at one path, as each of them names it.
  const privately = (owner: string): TemplateFolder => ({
    path: '/files/private/services',
    entries: async (below) => [below === '' ? { name: 'web', kind: 'folder' } : { name: 'Chart.yaml', kind: 'file' }],
    read: async () => {
      read.push(owner);
      return { bytes: Buffer.from(chart.replace('A page', `Of ${owner}`)) };
    },
  });
  const catalogue = createCatalogue({
    sources: [],
    sourcesOf: async ({ username: owner }) =>
      isOf.get(owner) === true ? [{ folder: privately(owner), origin: { kind: 'user', owner } }] : [],
    now: () => now,
    log: silentLog,
  });
  const person = (username: string) => ({ username }) as Principal;
  const described = async (who: string) => (await catalogue.list(person(who))).map(({ description }) => description);
  t.strictSame(await described('ann'), ['Of ann.']);
  t.strictSame(await described('bob'), ['Of bob.']);
  t.match(await catalogue.find('user:ann/web', person('ann')), { description: 'Of ann.' });
  now = 1_999;
  t.strictSame(await described('ann'), ['Of ann.']);
  t.strictSame(read, ['ann', 'bob']);
  isOf.set('ann', false);
  t.strictSame(await described('ann'), [], 'the right is asked for each time');
  t.equal(await catalogue.find('user:ann/web', person('ann')), undefined);
  t.equal(await catalogue.find('user:ann/web', person('bob')), undefined);
  isOf.set('ann', true);
  now = 2_000;
  await described('ann');
  t.strictSame(read, ['ann', 'bob', 'ann'], 'and then again');
});

t.test(
  'a template of administrators that cannot be read is a warning; one of people is their own affair',
  async (t) => {
    const said: [level: string, folder: unknown][] = [];
    const say = (level: string) => (facts: unknown) => void said.push([level, (facts as { folder: string }).folder]);
    const log = { ...silentLog, warn: say('warn'), debug: say('debug') };
    // As a folder that Knot's account may not enter.
    const locked = (path: string): TemplateFolder => ({
      path,
      entries: async (below) => {
        if (below !== '') throw new Error('EACCES');
        return [{ name: 'web', kind: 'folder' }];
      },
      read: async () => ({ refused: 'cannot be read' }),
    });
    const catalogue = createCatalogue({
      sources: [{ folder: locked('/templates'), origin: { kind: 'admin' } }],
      sourcesOf: async () => [
        { folder: locked('/files/team/physics/services'), origin: { kind: 'team', owner: 'physics' } },
      ],
      now: () => 0,
      log,
    });
    t.strictSame(await catalogue.list({} as Principal), []);
    t.strictSame(said, [
      ['warn', '/templates/web'],
      ['debug', '/files/team/physics/services/web'],
    ]);
  },
);
