import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { formatProblems } from '../../gateway/policy/index.ts';
import { questions } from '../../gateway/policy/schema.ts';
import { copyOfShipped, shippedFolder, tryFolder } from '../policy/support.ts';

/** The three worked examples of the README, taken from its text: a rule and the cases that show what it does. */
const readme = readFileSync(join(shippedFolder, 'README.md'), 'utf8');
const examples = [
  ...readme.matchAll(/\*\*\d\. ([^*]+)\*\*[\s\S]*?```cedar\n([\s\S]*?)```\n\n```yaml\n([\s\S]*?)```/g),
].map(([, title, rule, cases]) => ({ title: title ?? '', rule: rule ?? '', cases: cases ?? '' }));

t.equal(examples.length, 3, 'three examples');

for (const { title, rule, cases } of examples) {
  t.test(`README: ${title}`, async (t) => {
    const folder = copyOfShipped((clean) => t.teardown(clean));
    // What the README says about the second example.
    const shipped = readFileSync(join(folder, 'default.cases.yaml'), 'utf8');
    if (rule.includes('administer')) {
      t.equal(
        (await tried(folder, rule, cases)).isCurrent,
        false,
        'the shipped case stands against it, as the README says',
      );
      const before = 'resource: platform, expect: allow, rule: admins-administer';
      t.ok(shipped.includes(before));
      const amended = shipped.replace(before, `${before}, context: { address: 10.0.0.1 }`);
      writeFileSync(join(folder, 'default.cases.yaml'), amended);
    }
    const status = await tried(folder, rule, cases);
    t.equal(formatProblems(status.problems), '');
    t.equal(status.isCurrent, true);

    writeFileSync(join(folder, 'ours.cedar'), '');
    t.equal((await tryFolder(folder)).isCurrent, false, 'without the rule its cases fail');
  });
}

async function tried(folder: string, rule: string, cases: string) {
  writeFileSync(join(folder, 'ours.cedar'), rule);
  writeFileSync(join(folder, 'ours.cases.yaml'), cases);
  return tryFolder(folder);
}

t.test('the README is one page and speaks of every action and every file', async (t) => {
  t.ok(readme.length < 7200, `${readme.length} characters`);
  for (const word of Object.keys(questions)) {
    t.ok(readme.includes(word), word);
  }
});

t.test('taking any shipped rule away breaks a case, so every rule is held by one', async (t) => {
  const text = readFileSync(join(shippedFolder, 'default.cedar'), 'utf8');
  const rules = text.split(/(?=^@id)/m).filter((part) => part.startsWith('@id'));
  t.equal(rules.length, 27);
  const cases = await tryFolder(shippedFolder);
  t.same(cases.problems, []);
  for (const rule of rules) {
    const folder = copyOfShipped((clean) => t.teardown(clean));
    writeFileSync(join(folder, 'default.cedar'), text.replace(rule, '\n'));
    const { problems } = await tryFolder(folder);
    t.ok(
      problems.some(({ kind }) => kind === 'case'),
      rule.split('\n', 1).join(''),
    );
  }
});

t.test('a broad rule on a tool does not open what people own inside of it', async (t) => {
  const folder = copyOfShipped((clean) => t.teardown(clean));
  writeFileSync(
    join(folder, 'ours.cedar'),
    'permit (principal in Team::"physics", action, resource in Integration::"jupyterhub");',
  );
  const { problems } = await tryFolder(folder);
  t.notOk(
    problems.some(({ message }) => /bob (open|view) notebook-of-ann/.test(message)),
    'services-are-private still forbids it',
  );
});
