import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { request } from 'undici';
import type { AuditPage, Changed } from '../../gateway/api/contract.ts';
import { openHouse, origin, secrets } from './house.ts';

t.setTimeout(120_000);

type House = Awaited<ReturnType<typeof openHouse>>;

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

/** Opens the event stream over a real socket and collects what it tells. */
async function follow(house: House, cookie: string) {
  if (!house.app.server.listening) await house.app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = house.app.server.address() as AddressInfo;
  const answer = await request(`http://127.0.0.1:${port}/api/v1/events`, { headers: { cookie } });
  const topics: string[] = [];
  let isEnded = false;
  let isTold = false;
  answer.body.on('data', (chunk: Buffer) => {
    for (const [, data] of String(chunk).matchAll(/event: changed\ndata: (.*)\n/g)) {
      topics.push(...(JSON.parse(data ?? '') as Changed).topics);
    }
    if (String(chunk).includes('event: ended\n')) isTold = true;
  });
  const ended = Promise.race([once(answer.body, 'end'), once(answer.body, 'close')]).then(
    () => void (isEnded = true),
    () => void (isEnded = true),
  );
  return { answer, topics, ended, isEnded: () => isEnded, isTold: () => isTold, stop: () => answer.body.destroy() };
}

async function until(claim: () => boolean, deadlineMs = 5000): Promise<boolean> {
  const end = Date.now() + deadlineMs;
  while (Date.now() < end) {
    if (claim()) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
}

t.test('the event stream tells an admin what changed, a user only what concerns them', async (t) => {
  const house = await openHouse(t);
  const ann = await house.person('ann', { isAdmin: true });
  const bob = await house.person('bob');
  // That these two were made is no news any more.
  house.clock.advance(31_000);
  const admin = await follow(house, ann.cookie);
  const user = await follow(house, bob.cookie);
  t.match(admin.answer, {
    statusCode: 200,
    headers: { 'content-type': /^text\/event-stream/, 'cache-control': 'no-store' },
  });
  t.equal(house.live.count(), 2);

  await house.person('carl');
  t.ok(await until(() => ['users', 'audit'].every((topic) => admin.topics.includes(topic))));
  t.notOk(user.topics.includes('audit') || user.topics.includes('users'), 'not for a user');
  house.hub.change();
  t.ok(await until(() => user.topics.includes('tiles') && admin.topics.includes('health')));
  t.notOk(user.topics.includes('health'));
  await house.accounts.setAdmin(bob.id, true, { name: 'ann' });
  t.ok(await until(() => user.topics.includes('users')), 'an admin from now on');
  admin.stop();
  user.stop();
  t.ok(await until(() => house.live.count() === 0), 'streams that end are forgotten');
});

t.test(
  'what changed between the reading of a page and the opening of its stream is told, and nothing older',
  async (t) => {
    const house = await openHouse(t);
    const ann = await house.person('ann', { isAdmin: true });
    house.hub.change();
    house.clock.advance(31_000);
    await house.accounts.setEmail(ann.id, 'ann@new.example.org', { name: 'ann' });
    const stream = await follow(house, ann.cookie);
    t.ok(await until(() => stream.topics.includes('users')));
    t.notOk(stream.topics.includes('health'), 'the hub changed half a minute ago: whoever reads now has read that');
    stream.stop();
  },
);

t.test('many changes at once are told once', async (t) => {
  const house = await openHouse(t);
  const ann = await house.person('ann', { isAdmin: true });
  const stream = await follow(house, ann.cookie);
  for (let n = 0; n < 100; n++) house.hub.change();
  t.ok(await until(() => stream.topics.includes('tiles')));
  t.equal(stream.topics.filter((topic) => topic === 'tiles').length, 1);
  stream.stop();
});

t.test('the event stream ends with the session, with the account, and with the server', async (t) => {
  const house = await openHouse(t);
  const ann = await house.person('ann', { isAdmin: true });
  const bob = await house.person('bob');
  const bobs = await follow(house, bob.cookie);
  await house.call({ method: 'DELETE', url: `/users/${bob.id}/sessions`, cookie: ann.cookie });
  t.ok(await until(bobs.isEnded, 2000), 'signed out');
  t.ok(bobs.isTold(), 'and told, so that it is not taken for a broken line');

  const again = await house.signIn(bob.id, 'bob');
  const second = await follow(house, again.cookie);
  await house.call({ method: 'PATCH', url: `/users/${bob.id}`, body: { state: 'disabled' }, cookie: ann.cookie });
  t.ok(await until(second.isEnded, 2000), 'disabled');

  const admins = await follow(house, ann.cookie);
  await house.app.close();
  t.ok(await until(admins.isEnded, 2000), 'closing');
  t.notOk(admins.isTold(), 'which is a broken line');
  t.equal(house.live.count(), 0);
});

t.test('one person cannot hold any number of streams', async (t) => {
  const house = await openHouse(t);
  const bob = await house.person('bob');
  const streams = [];
  for (let n = 0; n < 32; n++) streams.push(await follow(house, bob.cookie));
  const refused = await follow(house, bob.cookie);
  t.equal(refused.answer.statusCode, 429);
  for (const stream of [...streams, refused]) stream.stop();
  t.ok(await until(() => house.live.count() === 0));
  const next = await follow(house, bob.cookie);
  t.equal(next.answer.statusCode, 200);
  next.stop();
});
