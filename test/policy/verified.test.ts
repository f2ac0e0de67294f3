import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import { createPolicy, type VerifiedSets } from '../../gateway/policy/index.ts';
import { ask, copyOfShipped, notebooks, person } from './support.ts';

const ann = person('ann');
const failingCase =
  '- {name: wrong on purpose, who: {username: ann}, action: open, on: {type: Platform, id: knot}, expect: allow}\n';

function memory(): VerifiedSets & { kept: Map<string, number> } {
  const kept = new Map<string, number>();
  return { kept, find: async (hash) => kept.get(hash), keep: async (hash, cases) => void kept.set(hash, cases) };
}

t.test('a folder that passed every check is only parsed at the next start, and decides the same', async (t) => {
  const folder = copyOfShipped((clean) => t.teardown(clean));
  const verified = memory();
  const start = () => createPolicy({ folder, clock: systemClock, log: silentLog, verified });
  const first = await start();
  t.equal(verified.kept.size, 1);
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
    await (await createPolicy({ folder, clock: systemClock, log: silentLog, verified })).close();
    if (file.startsWith('more')) writeFileSync(join(folder, file), text);
    else appendFileSync(join(folder, file), text);
    const policy = await createPolicy({ folder, clock: systemClock, log: silentLog, verified });
    t.equal(policy.status().isCurrent, false, `${file} is seen`);
    t.ok(policy.status().problems.length > 0);
    t.equal(verified.kept.size, 1, 'and what failed is not remembered');
    await policy.close();
  }
});

t.test('a memory that fails costs nothing but the check', async (t) => {
  const folder = copyOfShipped((clean) => t.teardown(clean));
  const verified: VerifiedSets = { find: async () => undefined, keep: () => Promise.reject(new Error('disk full')) };
  const policy = await createPolicy({ folder, clock: systemClock, log: silentLog, verified });
  t.teardown(() => policy.close());
  t.equal(policy.status().isCurrent, true);
});
