import t from 'tap';
import type { AuditPage } from '../../gateway/api/contract.ts';
import { openHouse, origin, secrets } from './house.ts';

t.test('home shows the tools a person may open, with their real state', async (t) => {
  const house = await openHouse(t);
  const bob = await house.person('bob');
  const ann = await house.person('ann', { isAdmin: true });
  const tiles = async (cookie: string) =>
    (await house.call({ url: '/tiles', cookie })).json['tiles'] as { name: string }[];
  t.same(
    (await tiles(bob.cookie)).map(({ name }) => name),
    ['jupyterhub', 'echo'],
  );
  t.same(
    (await tiles(ann.cookie)).map(({ name }) => name),
    ['jupyterhub', 'echo', 'vault'],
  );
  t.match(await tiles(bob.cookie), [
    { title: 'Notebooks', kind: 'integration', status: { status: 'preparing', progress: 0.5, step: 'venv' } },
    { title: 'ECHO', url: 'https://echo.localhost:8443/', kind: 'app' },
  ]);
});

t.test('home tells each person what of theirs runs, after one look for all of them', async (t) => {
  let looks = 0;
  const house = await openHouse(t);
  Object.assign(house.hub, { people: () => ((looks += 1), ['bob']) });
  const [bob, ann] = [await house.person('bob'), await house.person('ann', { isAdmin: true })];
  const tiles = async (cookie: string) => (await house.call({ url: '/tiles', cookie })).json['tiles'] as object[];
  t.match(await tiles(bob.cookie), [{ isRunning: true }]);
  t.match(await tiles(ann.cookie), [{ isRunning: false }]);
  t.equal(looks, 1);
  t.notMatch((await tiles(bob.cookie))[1], { isRunning: false }, 'of an application nobody knows');
  house.clock.advance(2001);
  Object.assign(house.hub, { people: () => [] });
  t.match(await tiles(bob.cookie), [{ isRunning: false }]);
});

t.test('home tells who left a team that what they run still has its folder', async (t) => {
  const house = await openHouse(t);
  Object.assign(house.hub, { people: () => ['bob'], teamsOf: () => ['optics', 'physics'] });
  const bob = await house.person('bob');
  const by = { name: 'test' };
  const optics = await house.accounts.createTeam({ name: 'optics', title: 'Optics' }, by);
  const physics = await house.accounts.createTeam({ name: 'physics', title: 'Physics' }, by);
  for (const { id } of [optics, physics]) await house.accounts.setMember(id, bob.id, 'member', by);
  const hub = async () => ((await house.call({ url: '/tiles', cookie: bob.cookie })).json['tiles'] as object[])[0]!;
  t.notOk('keepsTeams' in (await hub()));
  await house.accounts.removeMember(physics.id, bob.id, by);
  t.match(await hub(), { isRunning: true, keepsTeams: ['physics'] });
  house.clock.advance(2001);
  Object.assign(house.hub, { people: () => [] });
  t.notOk('keepsTeams' in (await hub()), 'what does not run keeps nothing');
});

t.test('me: who, which session, what is allowed', async (t) => {
  const house = await openHouse(t);
  const bob = await house.person('bob');
  t.match(await house.call({ url: '/me', cookie: bob.cookie }), {
    json: {
      user: {
        id: bob.id,
        username: 'bob',
        email: 'bob@example.org',
        isAdmin: false,
        teams: [],
        groups: ['knot:user:bob'],
      },
      session: { id: bob.sessionId, startedAt: house.clock.now() },
      domain: 'localhost',
      canAdminister: false,
      hasCluster: false,
      offers: [],
      version: '9.9.9',
    },
  });
});

t.test('policies, explanations, health and integrations', async (t) => {
  const house = await openHouse(t);
  const { cookie } = await house.person('ann', { isAdmin: true });
  const bob = await house.person('bob');
  t.match(await house.call({ url: '/policies', cookie }), {
    json: {
      isCurrent: true,
      problems: [],
      version: house.policy.status().version,
      files: [{ name: 'default.cases.yaml' }, { name: 'default.cedar', text: /permit/ }],
    },
  });
  const explain = (as: string, url = 'https://vault.localhost:8443/') =>
    house.call({ method: 'POST', url: '/policies/explanations', body: { as, method: 'GET', url }, cookie });
  t.match(await explain('bob'), {
    json: {
      sentence: 'bob may not view VAULT.',
      route: 'vault',
      resource: 'Integration::"vault"',
      decision: { effect: 'deny', rules: [] },
      hint: /bob were in Role admin/,
    },
  });
  t.match(await explain('ann', 'vault.localhost:8443/x'), {
    json: {
      sentence: 'ann may view VAULT.',
      resource: 'Integration::"vault"',
      decision: { effect: 'allow', rules: [{ rule: 'tools-for-admins', file: 'default.cedar', effect: 'permit' }] },
    },
  });
  // A refusal of the API has an id that leads to it.
  const refused = await house.call({ url: '/users', cookie: bob.cookie });
  const { decisionId } = refused.json['details'] as { decisionId: string };
  t.match(await house.call({ url: `/policies/refusals/${decisionId}`, cookie }), {
    json: {
      id: decisionId,
      username: 'bob',
      method: 'GET',
      url: `${origin}/api/v1/users`,
      action: 'administer',
      resource: 'Platform::"knot"',
      decision: { effect: 'deny', reason: 'no_permit', rules: [] },
      facts: [{ about: 'person', name: 'username', value: 'bob' }],
      now: {
        effect: 'deny',
        hint: /`admins-administer` \(default\.cedar:\d+\) would permit it if bob were in Role admin/,
      },
    },
  });
  t.match(await house.call({ url: `/policies/refusals/${decisionId}`, cookie: bob.cookie }), { status: 403 });
  t.match(await house.call({ url: '/policies/refusals/0000000000000000', cookie }), {
    status: 404,
    json: { code: 'KNOT_APP_DECISION_UNKNOWN', remedy: /kept for a day/ },
  });
  t.match(await explain('zoe'), { status: 404, json: { code: 'KNOT_PROXY_EXPLAIN_PERSON' } });
  t.match(await explain('bob', `${origin}/`), {
    status: 422,
    json: { code: 'KNOT_APP_EXPLAIN_MAIN', remedy: /https:\/\/jupyterhub\.localhost\// },
  });
  t.match(await house.call({ url: '/health', cookie }), {
    json: { status: 'warning', components: [{ name: 'store' }, { name: 'sandbox', remedy: 'Install it.' }] },
  });
  t.match(await house.call({ url: '/integrations/jupyterhub', cookie }), {
    json: { title: 'Notebooks', settings: /generic-oauth/, health: [{ status: 'working' }] },
  });
  t.notMatch(JSON.stringify(await house.call({ url: '/integrations/jupyterhub', cookie })), secrets.client);
  t.match(await house.call({ url: '/integrations/gone', cookie }), { status: 404 });
});

t.test('the audit record is paged to its end and verified', async (t) => {
  const house = await openHouse(t);
  const { cookie } = await house.person('ann', { isAdmin: true });
  for (let n = 0; n < 5; n++) {
    await house.audit.append({
      action: 'test.done',
      actor: 'ann',
      subject: `thing:${n}`,
      outcome: 'done',
      detail: { n },
    });
  }
  const seen: string[] = [];
  let before: number | null | undefined;
  do {
    const page = await house.call({
      url: `/audit?action=test.done&limit=2${before ? `&before=${before}` : ''}`,
      cookie,
    });
    const { records, nextBefore } = page.json as AuditPage;
    seen.push(...records.map(({ subject }) => subject));
    before = nextBefore;
  } while (before !== null && seen.length < 20);
  t.same(seen, ['thing:4', 'thing:3', 'thing:2', 'thing:1', 'thing:0']);
  t.match(await house.call({ url: '/audit/verification', cookie }), { json: { isIntact: true, count: 7 } });
});

t.test('what happened to a person is found by the name, as actor, subject or member', async (t) => {
  const house = await openHouse(t);
  const ann = await house.person('ann', { isAdmin: true });
  const bob = await house.person('bob');
  await house.person('bobby');
  const by = { name: 'ann' };
  await house.accounts.setAdmin(bob.id, true, by);
  const team = await house.accounts.createTeam({ name: 'optics', title: 'Optics' }, by);
  await house.accounts.setMember(team.id, bob.id, 'member', by);
  await house.audit.append({ action: 'signin.refused', actor: 'bob', subject: 'login', outcome: 'refused' });
  const found = async (person: string) => {
    const answer = await house.call({
      url: `/audit?limit=100&person=${encodeURIComponent(person)}`,
      cookie: ann.cookie,
    });
    return (answer.json as AuditPage).records.map(({ action }) => action).reverse();
  };
  const acts = await found('bob');
  for (const action of ['user.created', 'session.started', 'user.promoted', 'team.member-set', 'signin.refused']) {
    t.ok(acts.includes(action), action);
  }
  t.equal(acts.filter((action) => action === 'user.created').length, 1, 'not those of bobby');
  t.notOk(acts.includes('team.created'));
  for (const hostile of ['%', '_ob', 'b%', `"`, `' or 1=1 --`, '\\', 'member'])
    t.same(await found(hostile), [], hostile);
});
