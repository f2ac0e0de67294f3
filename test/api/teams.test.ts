import t from 'tap';
import { type Call, openHouse } from './house.ts';

/** Who may do what with a team: max manages it, mia is in it, bob is not, ann administers. */
async function given() {
  const house = await openHouse(t);
  const people = {
    ann: await house.person('ann', { isAdmin: true }),
    max: await house.person('max'),
    mia: await house.person('mia'),
    bob: await house.person('bob'),
  };
  const { ann } = people;
  const made = await house.call({
    method: 'POST',
    url: '/teams',
    body: { name: 'physics', title: 'Physics' },
    cookie: ann.cookie,
  });
  const { id } = made.json as { id: string };
  const as = (who: keyof typeof people, call: Call) => house.call({ ...call, cookie: people[who].cookie });
  const put = (who: keyof typeof people, whom: string, role: 'member' | 'manager') =>
    as(who, { method: 'PUT', url: `/teams/${id}/members/${whom}`, body: { role } });
  const remove = (who: keyof typeof people, whom: string) =>
    as(who, { method: 'DELETE', url: `/teams/${id}/members/${whom}` });
  const members = async () => {
    const [team] = await house.accounts.listTeams(['physics']);
    return team!.members.map(({ username, role }) => `${username} ${role}`);
  };
  await put('ann', 'max', 'manager');
  await put('ann', 'mia', 'member');
  return { ...house, people, id, as, put, remove, members };
}

t.test('an admin makes a team, a manager decides who is in it, a member does not', async (t) => {
  const { put, remove, members, people, as, id } = await given();
  t.equal((await put('max', 'bob', 'member')).status, 200, 'a manager adds by name');
  t.same(await members(), ['bob member', 'max manager', 'mia member']);
  t.match(await put('mia', 'ann', 'member'), {
    status: 403,
    json: {
      code: 'KNOT_API_DENIED',
      message: /change who is in the team physics/,
      details: { decisionId: /^\w{16}$/ },
    },
  });
  t.match(await remove('mia', 'bob'), { status: 403 });
  t.match(await put('mia', 'mia', 'manager'), { status: 403 }, 'nobody makes a manager of themselves');
  t.equal((await remove('max', 'bob')).status, 200);
  t.same(await members(), ['max manager', 'mia member']);
  t.match(
    await put('bob', 'bob', 'member'),
    { status: 404, json: { code: 'KNOT_API_NO_TEAM' } },
    'a stranger is told of none',
  );
  t.match(await remove('bob', 'mia'), { status: 404 });
  for (const [method, url, body] of [
    ['POST', '/teams', { name: 'chemistry', title: 'x' }],
    ['DELETE', `/teams/${id}`, undefined],
  ] as const) {
    t.match(await as('max', { method, url, ...(body && { body }) }), { status: 403 }, `${method} is for admins`);
  }
  t.equal((await put('max', people.bob.id, 'manager')).status, 200, 'ids are taken as well');
});

t.test('everybody may leave, and has nothing more to say there', async (t) => {
  const { put, remove, members, as } = await given();
  t.equal((await remove('mia', 'mia')).status, 200);
  t.same(await members(), ['max manager']);
  t.same((await as('mia', { url: '/teams' })).json, { teams: [], total: 0 });
  t.equal((await remove('max', 'max')).status, 200, 'a manager, too');
  t.match(await put('max', 'bob', 'member'), { status: 404 });
  t.equal((await put('ann', 'bob', 'manager')).status, 200, 'an admin names the next one');
});

t.test('people see their own teams, admins all of them', async (t) => {
  const { as } = await given();
  await as('ann', { method: 'POST', url: '/teams', body: { name: 'chemistry', title: 'Chemistry' } });
  const names = async (who: 'ann' | 'mia' | 'bob') =>
    ((await as(who, { url: '/teams' })).json as { teams: { name: string }[] }).teams.map(({ name }) => name);
  t.same(await names('ann'), ['chemistry', 'physics']);
  t.same(await names('mia'), ['physics']);
  t.same(await names('bob'), []);
});

t.test('owners: oneself and one’s teams, with what one may do there', async (t) => {
  const { as } = await given();
  t.match((await as('max', { url: '/owners' })).json, {
    owners: [
      { kind: 'user', name: 'max', role: 'self', canLaunch: true, canManage: false },
      { kind: 'team', name: 'physics', role: 'manager', canLaunch: true, canManage: true },
    ],
  });
  t.match((await as('mia', { url: '/owners' })).json, {
    owners: [{ name: 'mia' }, { name: 'physics', role: 'member', canLaunch: false, canManage: false }],
  });
  t.equal(((await as('bob', { url: '/owners' })).json as { owners: unknown[] }).owners.length, 1);
});

t.test('what a manager does is recorded under the manager', async (t) => {
  const { put, audit } = await given();
  await put('max', 'bob', 'member');
  const [entry] = await audit.list({ limit: 1 });
  t.match(entry, { action: 'team.member-set', actor: 'max', subject: 'team:physics' });
});

t.test('an admin gives plans; people see theirs with its source', async (t) => {
  const { as } = await given();
  t.match((await as('mia', { url: '/owners' })).json, {
    owners: [
      { name: 'mia', plan: { source: 'default', plan: { name: 'small', storage: 1000 } } },
      { name: 'physics', plan: { source: 'none', plan: null } },
    ],
  });
  const give = (who: 'ann' | 'max', owner: string, plan: string | null) =>
    as(who, { method: 'PUT', url: `/owners/${owner}/plan`, body: { plan } });
  t.match(await give('max', 'physics', 'large'), { status: 403 }, 'no manager raises a limit');
  t.match((await give('ann', 'physics', 'large')).json, { source: 'given', plan: { name: 'large', storage: null } });
  t.match(await give('ann', 'physics', 'huge'), { status: 404, json: { code: 'KNOT_OWNERS_NO_PLAN' } });
  t.match(await give('ann', 'nobodyhere', 'large'), { status: 404, json: { code: 'KNOT_API_NO_OWNER' } });
  t.match((await as('ann', { url: '/owners/mia/plan' })).json, { source: 'default', plan: { name: 'small' } });
});
