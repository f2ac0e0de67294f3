import {
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
  cpSync,
  readFileSync,
  appendFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import { createPolicy, type PolicyReload } from '../../gateway/policy/index.ts';
import { ask, copyOfShipped, notebookOf, notebooks, person } from './support.ts';
import { eventually } from '../support/eventually.ts';

const ann = person('ann');
const base = { clock: systemClock, log: silentLog };
const closeNotebooks = '@id("closed") forbid (principal, action, resource == Integration::"jupyterhub");\n';

t.test('a saved change comes into force by itself, and so does taking it back', async (t) => {
  const folder = copyOfShipped((clean) => t.teardown(clean));
  unlinkSync(join(folder, 'default.cases.yaml'));
  const policy = await createPolicy({ recordReload: () => undefined, ...base, folder, watch: true });
  t.teardown(() => policy.close());
  t.equal(policy.decide(ask(ann, 'open', notebooks)).effect, 'allow');

  writeFileSync(join(folder, 'closed.cedar'), closeNotebooks);
  await eventually('ann is refused', () => policy.decide(ask(ann, 'open', notebooks)).effect === 'deny');

  renameSync(join(folder, 'closed.cedar'), join(folder, 'shut.cedar'));
  await eventually('the renamed file is read', () => policy.status().files.some(({ name }) => name === 'shut.cedar'));
  t.equal(policy.decide(ask(ann, 'open', notebooks)).effect, 'deny', 'a renamed file still counts');

  unlinkSync(join(folder, 'shut.cedar'));
  await eventually('ann is let in', () => policy.decide(ask(ann, 'open', notebooks)).effect === 'allow');
});

t.test('something that never stops changing beside the rules does not hold them up', async (t) => {
  const folder = copyOfShipped((clean) => t.teardown(clean));
  unlinkSync(join(folder, 'default.cases.yaml'));
  const policy = await createPolicy({ recordReload: () => undefined, ...base, folder, watch: true });
  t.teardown(() => policy.close());
  let count = 0;
  const noise = setInterval(() => writeFileSync(join(folder, 'noise.log'), String((count += 1))), 50);
  t.teardown(() => clearInterval(noise));
  writeFileSync(join(folder, 'closed.cedar'), closeNotebooks);
  await eventually('ann is refused', () => policy.decide(ask(ann, 'open', notebooks)).effect === 'deny');
});

t.test('polling sees changes too, for network file systems', async (t) => {
  const folder = copyOfShipped((clean) => t.teardown(clean));
  unlinkSync(join(folder, 'default.cases.yaml'));
  const policy = await createPolicy({ recordReload: () => undefined, ...base, folder, watch: 'polling' });
  t.teardown(() => policy.close());
  writeFileSync(join(folder, 'closed.cedar'), closeNotebooks);
  await eventually('ann is refused', () => policy.decide(ask(ann, 'open', notebooks)).effect === 'deny');
});

t.test('a ConfigMap volume, which swaps the link ..data, is followed', async (t) => {
  const shipped = copyOfShipped((clean) => t.teardown(clean));
  const folder = copyOfShipped((clean) => t.teardown(clean));
  for (const name of ['schema.cedarschema', 'default.cedar', 'default.cases.yaml', 'README.md']) {
    rmSync(join(folder, name), { force: true });
  }
  mkdirSync(join(folder, '..1'));
  cpSync(shipped, join(folder, '..1'), { recursive: true });
  symlinkSync('..1', join(folder, '..data'));
  for (const name of ['schema.cedarschema', 'default.cedar']) symlinkSync(`..data/${name}`, join(folder, name));
  const policy = await createPolicy({ recordReload: () => undefined, ...base, folder, watch: true });
  t.teardown(() => policy.close());
  t.strictSame(policy.status().problems, []);
  t.equal(policy.decide(ask(ann, 'open', notebooks)).effect, 'allow');

  mkdirSync(join(folder, '..2'));
  cpSync(shipped, join(folder, '..2'), { recursive: true });
  unlinkSync(join(folder, '..2', 'default.cases.yaml'));
  writeFileSync(join(folder, '..2', 'default.cedar'), closeNotebooks);
  symlinkSync('..2', join(folder, '..data_tmp'));
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
  await eventually('ann is refused', () => policy.decide(ask(ann, 'open', notebooks)).effect === 'deny');
});

t.test('a folder that appears after the start is taken up', async (t) => {
  const parent = copyOfShipped((clean) => t.teardown(clean));
  const folder = join(parent, 'later');
  const policy = await createPolicy({ recordReload: () => undefined, ...base, folder, watch: true });
  t.teardown(() => policy.close());
  t.equal(policy.status().isCurrent, false);
  cpSync(
    copyOfShipped((clean) => t.teardown(clean)),
    folder,
    { recursive: true },
  );
  await eventually('the set in force is the folder', () => policy.status().isCurrent);
});

t.test('a file that is written slowly is taken when it is complete', async (t) => {
  const folder = copyOfShipped((clean) => t.teardown(clean));
  unlinkSync(join(folder, 'default.cases.yaml'));
  const policy = await createPolicy({ recordReload: () => undefined, ...base, folder, watch: true });
  t.teardown(() => policy.close());
  const heard: string[] = [];
  policy.onReload(({ files }) => heard.push(files.find(({ name }) => name === 'default.cedar')?.text ?? ''));
  const pieces = ['permit (principal, action, resource);\n', '// and now\n', closeNotebooks];
  writeFileSync(join(folder, 'default.cedar'), '');
  for (const piece of pieces) {
    appendFileSync(join(folder, 'default.cedar'), piece);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await eventually('ann is refused', () => policy.decide(ask(ann, 'open', notebooks)).effect === 'deny');
  t.strictSame(heard, [pieces.join('')], 'no half of it was ever in force');
});

const spoilers = [
  { what: 'a syntax error', name: 'bad.cedar', text: 'permit (principal, action', kind: 'syntax' },
  {
    what: 'a name the schema does not know',
    name: 'bad.cedar',
    text: 'permit (principal, action, resource) when { resource.ovner == "x" };',
    kind: 'schema',
  },
  {
    what: 'an impossible rule',
    name: 'bad.cedar',
    text: 'permit (principal, action, resource) when { principal.state == "a" && false };',
    kind: 'schema',
  },
  { what: 'a rule that breaks a case', name: 'bad.cedar', text: closeNotebooks, kind: 'case' },
  { what: 'broken YAML in the cases', name: 'bad.cases.yaml', text: 'cases: [', kind: 'case' },
  { what: 'a broken schema', name: 'schema.cedarschema', text: 'entity User {', kind: 'schema' },
  { what: 'no rule at all', name: 'default.cedar', text: '', kind: 'file' },
  { what: 'a file that is not text', name: 'bad.cedar', text: Buffer.from([0xff, 0xfe, 0]), kind: 'file' },
  { what: 'a file beyond the size limit', name: 'bad.cedar', text: `// ${'x'.repeat(300_000)}\n`, kind: 'file' },
] as const;

for (const { what, name, text, kind } of spoilers) {
  t.test(`${what} never goes live: the set in force stays and the problem is told`, async (t) => {
    const folder = copyOfShipped((clean) => t.teardown(clean));
    // Its hundreds of cases take longer than all the rest.
    if (what !== 'a rule that breaks a case') unlinkSync(join(folder, 'default.cases.yaml'));
    const records: PolicyReload[] = [];
    const heard: boolean[] = [];
    const policy = await createPolicy({ ...base, folder, recordReload: (reload) => records.push(reload) });
    t.teardown(() => policy.close());
    policy.onReload((status) => heard.push(status.isCurrent));
    const { version } = policy.status();
    const before = readFileSync(join(folder, 'default.cedar'));

    writeFileSync(join(folder, name), text);
    const status = await policy.reload();
    t.equal(status.isCurrent, false);
    t.equal(status.version, version);
    t.match(status.problems, [{ kind, severity: 'error' }]);
    t.equal(policy.decide(ask(ann, 'open', notebooks)).effect, 'allow');
    t.equal(policy.decide(ask(ann, 'open', notebookOf('bob'))).effect, 'deny');
    t.strictSame(heard, [false]);
    t.match(records, [{ outcome: 'loaded' }, { outcome: 'refused', version, previousVersion: version }]);

    await policy.reload();
    t.equal(records.length, 2, 'the same mistake is told once');

    if (name.startsWith('bad')) unlinkSync(join(folder, name));
    else cpSync(join(import.meta.dirname, '../../policies', name), join(folder, name));
    t.strictSame(before, readFileSync(join(folder, 'default.cedar')));
    t.equal((await policy.reload()).isCurrent, true, 'mended');
    t.strictSame(heard, [false, true]);
  });
}

t.test('requests during a reload see one version or the other, never a mixture', async (t) => {
  const folder = copyOfShipped((clean) => t.teardown(clean));
  unlinkSync(join(folder, 'default.cases.yaml'));
  const rules = (name: string): string =>
    `@id("one-${name}") permit (principal, action, resource);\n@id("two-${name}") permit (principal, action, resource) when { true };\n`;
  writeFileSync(join(folder, 'default.cedar'), rules('a'));
  const policy = await createPolicy({ recordReload: () => undefined, ...base, folder });
  t.teardown(() => policy.close());
  const versions = new Map<string, string>([[policy.status().version, 'a']]);
  for (const name of ['b', 'c', 'd']) {
    writeFileSync(join(folder, 'default.cedar'), rules(name));
    const reload = policy.reload();
    let isDone = false;
    void reload.then(({ version }) => {
      versions.set(version, name);
      isDone = true;
    });
    const seen = [];
    for (let version = 2; !isDone; version += 1) {
      seen.push(policy.decide(ask({ ...ann, version }, 'open', notebooks)));
      await new Promise((resolve) => setImmediate(resolve));
    }
    seen.push(policy.decide(ask({ ...ann, version: 1e9 }, 'open', notebooks)));
    for (const { rules: deciders, policyVersion } of seen) {
      const one = versions.get(policyVersion) ?? '?';
      t.strictSame(
        deciders.map(({ rule }) => rule),
        [`one-${one}`, `two-${one}`],
      );
    }
    t.equal(seen.at(-1)?.policyVersion, policy.status().version);
  }
});

t.test('cached decisions do not outlive a reload', async (t) => {
  const folder = copyOfShipped((clean) => t.teardown(clean));
  unlinkSync(join(folder, 'default.cases.yaml'));
  const policy = await createPolicy({ recordReload: () => undefined, ...base, folder });
  t.teardown(() => policy.close());
  t.equal(policy.decide(ask(ann, 'open', notebooks)).effect, 'allow');
  t.equal(policy.decide(ask(ann, 'open', notebooks)).effect, 'allow');
  writeFileSync(join(folder, 'closed.cedar'), closeNotebooks);
  await policy.reload();
  t.match(policy.decide(ask(ann, 'open', notebooks)), { effect: 'deny', rules: [{ rule: 'closed' }] });
});

t.test('a policy that was closed denies', async (t) => {
  const folder = copyOfShipped((clean) => t.teardown(clean));
  const policy = await createPolicy({ recordReload: () => undefined, ...base, folder });
  policy.decide(ask(ann, 'open', notebooks));
  await policy.close();
  t.match(policy.decide(ask(ann, 'open', notebooks)), { effect: 'deny', reason: 'not_loaded' });
});
