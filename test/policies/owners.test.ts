import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';
import type { Resource } from '../../gateway/lib/index.ts';
import { checkFolder, createPolicy } from '../../gateway/policy/index.ts';
import { questions } from '../../gateway/policy/schema.ts';
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import { ask, copyOfShipped, person, shippedFolder } from '../policy/support.ts';

/** The shipped rules about people, teams and what they own; `policies/default.cases.yaml` holds the table they must obey. */

type CaseLine = { who: string | string[]; action: string | string[]; resource: string | string[]; shared?: unknown };
const file = parse(readFileSync(join(shippedFolder, 'default.cases.yaml'), 'utf8')) as {
  people: Record<string, unknown>;
  resources: Record<string, { type: string }>;
  cases: CaseLine[];
};

/** What belongs to owners; the rest are tools. */
const owned = /^(service|files|namespace)-of-/;

t.test('every person of the table is asked about, for each action, each thing', (t) => {
  const told = new Set(
    file.cases
      .filter(({ who, shared }) => shared === undefined || [who].flat().includes('dan'))
      .flatMap(({ who, action, resource }) =>
        [who]
          .flat()
          .flatMap((one) => [action].flat().flatMap((act) => [resource].flat().map((what) => `${one} ${act} ${what}`))),
      ),
  );
  const missing: string[] = [];
  for (const who of Object.keys(file.people)) {
    for (const [name, { type }] of Object.entries(file.resources).filter(([name]) => owned.test(name))) {
      for (const [action, types] of Object.entries(questions)) {
        if ((types as readonly string[]).includes(type) && !told.has(`${who} ${action} ${name}`))
          missing.push(`${who} ${action} ${name}`);
      }
    }
  }
  t.same(missing, []);
  t.end();
});

t.test('the shipped folder passes its own check', async (t) => {
  const { problems, casesPassed } = await checkFolder(shippedFolder);
  t.same(problems, []);
  t.ok(casesPassed > 500, `${casesPassed} cases`);
});

t.test('a rule may speak of a namespace, and then of all that is in it', async (t) => {
  const folder = copyOfShipped((clean) => t.teardown(clean));
  const { writeFileSync } = await import('node:fs');
  writeFileSync(
    join(folder, 'ours.cedar'),
    '@id("audit-of-physics") permit (principal, action in [Action::"see", Action::"manage"], resource in Namespace::"physics") when { principal.username == "otto" };\n',
  );
  const policy = await createPolicy({ recordReload: () => undefined, folder, clock: systemClock, log: silentLog });
  t.teardown(() => policy.close());
  t.same(policy.status().problems, []);
  const otto = person('otto');
  const files = (owner: string): Resource => ({ type: 'FileArea', id: 'x', attributes: { owner } });
  const effect = (thing: Resource) => policy.decide(ask(otto, 'manage', thing)).effect;
  t.equal(effect(files('physics')), 'allow');
  t.equal(effect(files('chemistry')), 'deny');
  t.equal(effect({ type: 'Namespace', id: 'physics', attributes: { owner: 'physics' } }), 'allow');
});

t.test('a verdict of a team is not handed to somebody whose team or share is another', async (t) => {
  const policy = await createPolicy({
    recordReload: () => undefined,
    folder: shippedFolder,
    clock: systemClock,
    log: silentLog,
  });
  t.teardown(() => policy.close());
  const mia = person('mia', { teams: [{ name: 'physics', role: 'member' }] });
  const of = (team: string): Resource => ({ type: 'FileArea', id: 'same', attributes: { owner: team, team } });
  t.equal(policy.decide(ask(mia, 'readFiles', of('physics'))).effect, 'allow');
  t.equal(policy.decide(ask(mia, 'readFiles', of('chemistry'))).effect, 'deny');
  t.equal(policy.decide({ ...ask(mia, 'readFiles', of('chemistry')), shared: ['view'] }).effect, 'allow');
  t.equal(policy.decide(ask(mia, 'readFiles', of('chemistry'))).effect, 'deny');
  t.equal(policy.decide({ ...ask(mia, 'writeFiles', of('chemistry')), shared: ['view'] }).effect, 'deny');
  t.equal(policy.decide({ ...ask(mia, 'writeFiles', of('chemistry')), shared: ['view', 'edit'] }).effect, 'allow');
});

t.test('what would let somebody in is said: the team, or a share', async (t) => {
  const policy = await createPolicy({
    recordReload: () => undefined,
    folder: shippedFolder,
    clock: systemClock,
    log: silentLog,
  });
  t.teardown(() => policy.close());
  const area: Resource = { type: 'FileArea', id: 'team/physics', attributes: { owner: 'physics', team: 'physics' } };
  const { hint } = await policy.explain(ask(person('bob'), 'readFiles', area));
  t.match(hint, /`files-are-private` .* forbids/);
  t.match(hint, /`team-files` .* if bob were in Team physics/);
  t.match(hint, /`shared-to-view` .* if it were shared with bob: view/);
});
