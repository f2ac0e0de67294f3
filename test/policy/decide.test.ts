import { unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import {
  type Action,
  type AuthorizationRequest,
  createManualClock,
  platform,
  type Resource,
  silentLog,
  systemClock,
} from '../../gateway/lib/index.ts';
import { createPolicy, type Policy } from '../../gateway/policy/index.ts';
import { ask, copyOfShipped, notebookOf, notebooks, person, shippedFolder } from './support.ts';

const base = { clock: systemClock, log: silentLog };
const ann = person('ann');
const root = person('root', { isAdmin: true });

/** A policy made of the shipped schema and these rules alone. */
async function policyOf(t: Test, rules: string): Promise<Policy> {
  const folder = copyOfShipped((clean) => t.teardown(clean));
  unlinkSync(join(folder, 'default.cases.yaml'));
  writeFileSync(join(folder, 'default.cedar'), rules);
  const policy = await createPolicy({ recordReload: () => undefined, ...base, folder });
  t.teardown(() => policy.close());
  t.strictSame(policy.status().problems, [], 'the rules are valid');
  return policy;
}

t.test('the shipped policies, role by role', async (t) => {
  const policy = await createPolicy({ recordReload: () => undefined, ...base, folder: shippedFolder });
  t.teardown(() => policy.close());
  const console_: Resource = { type: 'Integration', id: 'console', attributes: { audience: 'admins' } };
  const bob = person('bob', { teams: [{ name: 'physics', role: 'manager' }] });
  const scenarios: { who: typeof ann; must: [Action, Resource][]; mustNot: [Action, Resource][] }[] = [
    {
      who: ann,
      must: [
        ['open', notebooks],
        ['view', notebooks],
        ['open', notebookOf('ann')],
        ['manage', notebookOf('ann')],
      ],
      mustNot: [
        ['open', notebookOf('bob')],
        ['view', notebookOf('root')],
        ['open', console_],
        ['administer', platform],
        ['open', notebookOf('')],
      ],
    },
    {
      who: bob,
      must: [['open', notebookOf('bob')]],
      mustNot: [
        ['open', notebookOf('ann')],
        ['administer', platform],
      ],
    },
    {
      who: root,
      must: [
        ['open', notebooks],
        ['open', console_],
        ['administer', platform],
        ['open', notebookOf('root')],
      ],
      mustNot: [
        ['open', notebookOf('ann')],
        ['view', notebookOf('')],
        ['impersonate', platform],
      ],
    },
    ...(['pending', 'disabled'] as const).map((state) => ({
      who: person('pat', { state, isAdmin: true }),
      must: [],
      mustNot: [
        ['open', notebooks],
        ['view', console_],
        ['open', notebookOf('pat')],
        ['administer', platform],
      ] as [Action, Resource][],
    })),
  ];
  for (const { who, must, mustNot } of scenarios) {
    const name = `${who.username} (${who.state})`;
    for (const [action, resource] of must) {
      t.match(
        policy.decide(ask(who, action, resource)),
        { effect: 'allow', reason: 'permit' },
        `${name} ${action} ${resource.id}`,
      );
    }
    for (const [action, resource] of mustNot) {
      t.equal(policy.decide(ask(who, action, resource)).effect, 'deny', `${name} not ${action} ${resource.id}`);
    }
  }
});

t.test('what no rule speaks of is denied', async (t) => {
  const policy = await policyOf(t, 'permit (principal, action == Action::"view", resource is Integration);');
  t.match(policy.decide(ask(root, 'open', notebooks)), { effect: 'deny', reason: 'no_permit', rules: [] });
  t.match(policy.decide(ask(root, 'view', notebooks)), {
    effect: 'allow',
    rules: [{ rule: 'default.cedar#1', file: 'default.cedar', line: 1, effect: 'permit' }],
  });
});

t.test('a forbid beats every permit and is named', async (t) => {
  const policy = await policyOf(
    t,
    `permit (principal, action, resource);
// closed at night

@id("closed")
forbid (principal, action == Action::"open", resource is Integration)
when { resource.name == "jupyterhub" };`,
  );
  t.match(policy.decide(ask(ann, 'open', notebooks)), {
    effect: 'deny',
    reason: 'forbid',
    rules: [{ rule: 'closed', file: 'default.cedar', line: 4, effect: 'forbid' }],
  });
  t.equal(policy.decide(ask(ann, 'view', notebooks)).effect, 'allow');
});

t.test('a rule that cannot be evaluated denies, above all a forbid that would be skipped', async (t) => {
  const policy = await policyOf(
    t,
    `permit (principal, action, resource);
@id("sum") forbid (principal, action == Action::"open", resource is Integration)
when { 9223372036854775807 + (if resource.name == "jupyterhub" then 1 else 0) == 0 };`,
  );
  t.match(policy.decide(ask(ann, 'open', notebooks)), {
    effect: 'deny',
    reason: 'evaluation_error',
    rules: [{ rule: 'sum' }],
  });
  t.equal(policy.decide(ask(ann, 'view', notebooks)).effect, 'allow');
  t.match((await policy.explain(ask(ann, 'open', notebooks))).hint, /`sum` \(default.cedar:2\) could not be evaluated/);
});

t.test('an address that is none denies when a rule looks at it', async (t) => {
  const policy = await policyOf(
    t,
    'permit (principal, action, resource) when { context.address.isInRange(ip("10.0.0.0/8")) };',
  );
  const from = (address: string): string => policy.decide(ask(ann, 'open', notebooks, { address })).effect;
  t.equal(from('10.1.2.3'), 'allow');
  t.equal(from('192.0.2.1'), 'deny');
  for (const address of ['', 'unknown', '10.0.0.1/8', '10.0.0.0/8', 'fe80::1%eth0', '010.1.2.3'])
    t.equal(from(address), 'deny', address);
});

t.test('teams and roles are parents; the person is known by id, not by name', async (t) => {
  const policy = await policyOf(
    t,
    `@id("team") permit (principal in Team::"physics", action == Action::"open", resource);
@id("one") permit (principal == User::"id-of-bob", action == Action::"view", resource);`,
  );
  const member = person('mia', { teams: [{ name: 'physics', role: 'member' }] });
  const other = person('eve', { teams: [{ name: 'chemistry', role: 'manager' }] });
  t.equal(policy.decide(ask(member, 'open', notebooks)).effect, 'allow');
  t.equal(policy.decide(ask(other, 'open', notebooks)).effect, 'deny');
  t.equal(policy.decide(ask(person('bob'), 'view', notebooks)).effect, 'allow');
  t.equal(policy.decide(ask(person('x', { username: 'bob' }), 'view', notebooks)).effect, 'deny');
});

t.test('a change of the person is seen at once, because the version is part of the key', async (t) => {
  const policy = await createPolicy({ recordReload: () => undefined, ...base, folder: shippedFolder });
  t.teardown(() => policy.close());
  t.equal(policy.decide(ask(ann, 'open', notebooks)).effect, 'allow');
  t.equal(policy.decide(ask({ ...ann, state: 'disabled', version: 2 }, 'open', notebooks)).effect, 'deny');
  t.equal(policy.decide(ask({ ...ann, version: 3 }, 'open', notebooks)).effect, 'allow');
});

t.test('the cache never changes a verdict', async (t) => {
  const rules = `permit (principal, action == Action::"open", resource)
when { context.path like "/a*" && context.method == "GET" && !context.isUpgrade };
permit (principal, action == Action::"view", resource is Integration) when { resource.title == "T" || resource.audience == "a" };
forbid (principal, action, resource is Service) unless { resource.owner == principal.username || context.address == ip("::1") };
permit (principal in Team::"t", action, resource is Service);`;
  const warm = await policyOf(t, rules);
  const word = fc.constantFrom('a', 'b', 'T', '', '1:a', 'jupyterhub', 'a1:b');
  const request: fc.Arbitrary<AuthorizationRequest> = fc.record({
    principal: fc
      .record({ username: fc.constantFrom('ann', 'bob'), isTeam: fc.boolean() })
      .map(({ username, isTeam }) =>
        person(username, { version: isTeam ? 2 : 1, teams: isTeam ? [{ name: 't', role: 'member' }] : [] }),
      ),
    action: fc.constantFrom<Action>('open', 'view'),
    resource: fc.record({
      type: fc.constantFrom<'Integration' | 'Service'>('Integration', 'Service'),
      id: word,
      attributes: fc.record(
        { title: word, owner: fc.constantFrom('ann', 'bob', ''), audience: word, name: word },
        { requiredKeys: [] },
      ),
    }),
    context: fc.record({
      method: fc.constantFrom('GET', 'POST'),
      host: word,
      path: fc.constantFrom('/a', '/b', '/a/b', ''),
      address: fc.constantFrom('::1', '10.0.0.1'),
      isUpgrade: fc.boolean(),
    }),
  });
  await fc.assert(
    fc.asyncProperty(request, async (asked) => {
      const cached = warm.decide(asked);
      const fresh = (await warm.explain(asked)).decision;
      return cached.effect === fresh.effect && JSON.stringify(cached.rules) === JSON.stringify(fresh.rules);
    }),
    { numRuns: 1500 },
  );
});

t.test('what no rule mentions does not multiply cached decisions', async (t) => {
  const policy = await createPolicy({ recordReload: () => undefined, ...base, folder: shippedFolder });
  t.teardown(() => policy.close());
  const first = policy.decide(ask(ann, 'open', notebooks, { path: '/one', method: 'GET' }));
  t.equal(policy.decide(ask(ann, 'open', notebooks, { path: '/two', method: 'POST', isUpgrade: true })), first);
  const whole = await policyOf(
    t,
    'permit (principal, action, resource) unless { {"has": context} == {"has": context} && context.method == "GET" };',
  );
  t.not(
    whole.decide(ask(ann, 'open', notebooks, { path: '/one' })),
    whole.decide(ask(ann, 'open', notebooks, { path: '/two' })),
    'unless a rule compares the context as a whole',
  );
  const strict = await policyOf(t, 'permit (principal, action, resource) when { context has path };');
  const one = strict.decide(ask(ann, 'open', notebooks, { path: '/one' }));
  t.equal(strict.decide(ask(ann, 'open', notebooks, { path: '/one', method: 'POST' })), one);
  t.not(strict.decide(ask(ann, 'open', notebooks, { path: '/two' })), one);
});

t.test('explanations say who decided, what else there was, and what would help', async (t) => {
  const policy = await createPolicy({ recordReload: () => undefined, ...base, folder: shippedFolder });
  t.teardown(() => policy.close());
  const hub = await policy.explain(ask(ann, 'administer', platform));
  t.equal(hub.decision.effect, 'deny');
  t.strictSame(hub.matched, []);
  t.match(
    hub.others.map(({ rule }) => rule),
    ['admins-administer', 'only-active-accounts'],
  );
  t.match(
    hub.hint,
    /^No rule permits `administer` on Platform knot for ann\. Rule `admins-administer` \(default\.cedar:\d+\) would permit it if ann were in Role admin\.$/,
  );

  const foreign = await policy.explain(ask(root, 'open', notebookOf('ann')));
  t.match(
    foreign.hint,
    /Rule `services-are-private` .* forbids `open` on Service jupyterhub\/ann for root\. .*if root owned it/,
  );

  const pending = await policy.explain(ask(person('pat', { state: 'pending' }), 'open', notebooks));
  t.match(
    pending.matched.map(({ rule }) => rule),
    ['tools-for-everyone', 'only-active-accounts'],
    'also rules that did not decide',
  );
  t.match(pending.hint, /if the account of pat were active/);

  const teams = await policyOf(t, '@id("lab") permit (principal in Team::"lab", action, resource is Integration);');
  t.match(
    (await teams.explain(ask(ann, 'open', notebooks))).hint,
    /`lab` \(default.cedar:1\) would permit it if ann were in Team lab/,
  );
  t.match((await teams.explain(ask(ann, 'administer', platform))).hint, /a rule has to be written/);
});

t.test('without a valid folder only active admins get in, to the admin pages only', async (t) => {
  const folder = copyOfShipped((clean) => t.teardown(clean));
  writeFileSync(join(folder, 'default.cedar'), 'permit (');
  const clock = createManualClock();
  const policy = await createPolicy({ recordReload: () => undefined, folder, clock, log: silentLog });
  t.teardown(() => policy.close());
  t.match(policy.status(), {
    version: 'fallback',
    isCurrent: false,
    loadedAt: clock.now(),
    problems: [{ file: 'default.cedar', line: 1 }],
  });
  t.match(policy.decide(ask(root, 'administer', platform)), {
    effect: 'allow',
    rules: [{ rule: 'built-in-fallback' }],
  });
  for (const [who, action, resource] of [
    [ann, 'administer', platform],
    [person('pat', { isAdmin: true, state: 'pending' }), 'administer', platform],
    [root, 'impersonate', platform],
    [root, 'open', notebooks],
    [ann, 'open', notebookOf('ann')],
  ] as const) {
    t.match(policy.decide(ask(who, action, resource)), { effect: 'deny', reason: 'not_loaded' });
  }
  t.match((await policy.explain(ask(ann, 'open', notebooks))).hint, /The policy files are not valid/);
});

t.test('requests are served while a decision is explained against as many rules as there may be', async (t) => {
  const rules = Array.from({ length: 1_990 }, (_, n) => {
    const effect = n % 2 === 0 ? 'permit' : 'forbid';
    return `@id("r${n}") ${effect} (principal, action == Action::"open", resource) when { principal.username == "u${n}" };`;
  });
  const teams = Array.from(
    { length: 9 },
    (_, n) =>
      `@id("t${n}") permit (principal in Team::"team${n}", action == Action::"open", resource) when { resource.name == "nowhere" };`,
  );
  const policy = await policyOf(
    t,
    [...rules, ...teams, '@id("last") permit (principal in Role::"admin", action == Action::"open", resource);'].join(
      '\n',
    ),
  );
  const spans: number[] = [];
  let last = performance.now();
  let isExplained = false;
  const turn = (): void => {
    spans.push(performance.now() - last);
    last = performance.now();
    if (!isExplained) setImmediate(turn);
  };
  const explaining = policy.explain(ask(person('u7'), 'open', notebooks));
  setImmediate(turn);
  const denied = await explaining;
  isExplained = true;
  t.strictSame(
    denied.matched.map(({ rule }) => rule),
    ['r7'],
  );
  t.equal(denied.others.length, 1_999);
  t.match(denied.hint, /`r7` .* forbids/);
  t.ok(spans.length >= 5, `${spans.length} turns of the event loop`);
  t.match(
    (await policy.explain(ask(person('ann'), 'open', notebooks))).hint,
    /`last` .* would permit it if ann were in Role admin/,
  );
});

t.test('a decision is made once and then found', async (t) => {
  const policy = await createPolicy({ recordReload: () => undefined, ...base, folder: shippedFolder });
  t.teardown(() => policy.close());
  const requests = Array.from({ length: 500 }, (_, index) =>
    ask(person(`user${index}`), 'open', notebookOf(`user${index}`)),
  );
  /** Processor time of this thread, in microseconds a decision; the same questions as before are found, others are not. */
  const costOfAll = (): number => {
    const before = process.threadCpuUsage();
    for (const request of requests) policy.decide(request);
    const { user, system } = process.threadCpuUsage(before);
    return (user + system) / requests.length;
  };
  const made = costOfAll();
  const found = Math.min(...Array.from({ length: 4 }, costOfAll));
  t.comment(`${made.toFixed(2)} us made, ${found.toFixed(2)} us found`);
  t.ok(found < made / 5, `${found.toFixed(2)} us found, ${made.toFixed(2)} us made`);
  for (const request of requests.slice(0, 8)) t.equal(policy.decide(request), policy.decide({ ...request }));
});
