import t from 'tap';
import { isUsable } from '../../gateway/catalogue/index.ts';
import { chart, integrity, npmList, npmProcess, read, tiny } from './written.ts';

t.test('what is wrong with lists of npm packages is told with file and line', async (t) => {
  const rows = [
    [
      'packages of both kinds',
      { python: '[a==1]' },
      {},
      /^process.yaml:\d+ needs.npm stands beside packages of Python/,
    ],
    ['a list that is not there', { npm: '[{lock: other-lock.json}]' }, {}, /^other-lock.json:?\d* is missing/],
    ['a list with no place', { npm: '[{lock: package-lock.json, into: node_modules/a}]' }, {}, /into must be empty/],
    ['a place outside', { npm: '[{lock: package-lock.json}, {lock: b-lock.json, into: ../b}]' }, {}, /npm\[1\].into/],
    ['another form', {}, { lockfileVersion: 1 }, /^package-lock.json:1 must be a package-lock.json of version 3/],
    ['a package without digest', {}, { tiny: { version: '1.0.0' } }, /:\d+ "node_modules\/tiny" has no digest/],
    ['a package of no version', {}, { tiny: { integrity } }, /is not one version/],
    ['a package that is a link', {}, { tiny: { ...tiny, link: true } }, /is not one version/],
    ['one from elsewhere', {}, { tiny: { ...tiny, resolved: 'git+ssh://x/y' } }, /comes from elsewhere/],
    ['one that climbs', {}, { '../../x': tiny }, /is no place of a package/],
  ] as const;
  for (const [what, needs, more, message] of rows) {
    const files = { 'package-lock.json': npmList(more), 'process.yaml': npmProcess(needs) };
    const { template, problems } = await read(t, { 'Chart.yaml': chart, ...files });
    t.match(problems, [message], what);
    t.notOk(isUsable(template), what);
  }
});

t.test('a template with lists of npm packages says where each belongs', async (t) => {
  const needs = { npm: '[{lock: package-lock.json}, {lock: part-lock.json, into: node_modules/tiny/part}]' };
  const files = { 'package-lock.json': npmList({}), 'part-lock.json': npmList({}), 'process.yaml': npmProcess(needs) };
  const { template, problems } = await read(t, { 'Chart.yaml': chart, ...files });
  t.strictSame(problems, []);
  t.strictSame(template.process?.needs.npm, [
    { lock: 'package-lock.json', into: '' },
    { lock: 'part-lock.json', into: 'node_modules/tiny/part' },
  ]);
});
