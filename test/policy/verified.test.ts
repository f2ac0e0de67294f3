import { appendFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import { createPolicy, type Verified, type VerifiedSets } from '../../gateway/policy/index.ts';
import { ask, copyOfShipped, notebooks, person } from './support.ts';

const ann = person('ann');
const failingCase =
  '- {name: wrong on purpose, who: {username: ann}, action: open, on: {type: Platform, id: knot}, expect: allow}\n';

function memory(): VerifiedSets & { kept: Verified[] } {
  const kept: Verified[] = [];
  return { kept, find: async () => kept.at(-1), keep: async (verified) => void kept.push(verified) };
}

t.test('a folder that passed every check is only parsed at the next start, and decides the same', async (t) => {
  const folder = copyOfShipped((clean) => t.teardown(clean));
  const verified = memory();
  const start = () =>
    createPolicy({ recordReload: () => undefined, folder, clock: systemClock, log: silentLog, verified });
  const first = await start();
  t.equal(verified.kept.length, 1);
  const before = first.status();
  await first.close();
  const second = await start();
  t.teardown(() => second.close());
  const { version, casesPassed, isCurrent } = second.status();
  t.strictSame(
    { version, casesPassed, isCurrent },
    { version: before.version, casesPassed: before.casesPassed, isCurrent: true },
  );
  t.equal(second.decide(ask(ann, 'open', notebooks)).effect, 'allow');
});

t.test('one changed byte, in a rule, the schema or a case, is checked in full', async (t) => {
  for (const [file, text] of [
    ['default.cedar', '\npermit (principal, action == Action::"opn", resource);\n'],
    ['schema.cedarschema', '\nentity ;\n'],
    ['more.cases.yaml', failingCase],
  ] as const) {
    const folder = copyOfShipped((clean) => t.teardown(clean));
    const verified = memory();
    await (
      await createPolicy({ recordReload: () => undefined, folder, clock: systemClock, log: silentLog, verified })
    ).close();
    if (file.startsWith('more')) writeFileSync(join(folder, file), text);
    else appendFileSync(join(folder, file), text);
    const policy = await createPolicy({
      recordReload: () => undefined,
      folder,
      clock: systemClock,
      log: silentLog,
      verified,
    });
    t.equal(policy.status().isCurrent, false, `${file} is seen`);
    t.ok(policy.status().problems.length > 0);
    t.equal(verified.kept.length, 1, 'and what failed is not remembered');
    await policy.close();
  }
});

t.test('a memory that fails costs nothing but the check', async (t) => {
  const folder = copyOfShipped((clean) => t.teardown(clean));
  const verified: VerifiedSets = { find: async () => undefined, keep: () => Promise.reject(new Error('disk full')) };
  const policy = await createPolicy({
    recordReload: () => undefined,
    folder,
    clock: systemClock,
    log: silentLog,
    verified,
  });
  t.teardown(() => policy.close());
  t.equal(policy.status().isCurrent, true);
});

t.test(
  '"in force since" is when these rules came into force: not moved by a restart, a mistake or other cases',
  async (t) => {
    const folder = copyOfShipped((clean) => t.teardown(clean));
    const verified = memory();
    let now = 1_000;
    const start = () =>
      createPolicy({
        recordReload: () => undefined,
        folder,
        clock: { ...systemClock, now: () => now },
        log: silentLog,
        verified,
      });
    await (await start()).close();
    now = 2_000;
    const policy = await start();
    t.teardown(() => policy.close());
    t.equal(policy.status().loadedAt, 1_000, 'after a restart');
    now = 3_000;
    writeFileSync(join(folder, 'bad.cedar'), 'permit (');
    const refused = await policy.reload();
    t.match(refused, { isCurrent: false, loadedAt: 1_000 });
    t.equal(refused.casesPassed, verified.kept[0]?.casesPassed, 'the cases that the set in force has passed');
    unlinkSync(join(folder, 'bad.cedar'));
    t.match(await policy.reload(), { isCurrent: true, loadedAt: 1_000 });
    writeFileSync(join(folder, 'more.cases.yaml'), '# none yet\n');
    t.match(await policy.reload(), { isCurrent: true, loadedAt: 1_000 });
    writeFileSync(
      join(folder, 'more.cedar'),
      '@id("new") forbid (principal, action, resource == Platform::"knot") when { false };',
    );
    t.match(await policy.reload(), { isCurrent: false });
    writeFileSync(
      join(folder, 'more.cedar'),
      '@id("new") forbid (principal, action == Action::"impersonate", resource);',
    );
    t.match(await policy.reload(), { isCurrent: true, loadedAt: 3_000 }, 'other rules');
  },
);
