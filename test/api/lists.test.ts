import t from 'tap';
import type { AuditPage, MemberPage, Team, TeamPage, UserPage } from '../../gateway/api/contract.ts';
import { eventually } from '../support/eventually.ts';
import { openHouse, password } from './house.ts';

const by = { name: 'ann' };

/** Eight people of all kinds; `zoe` waits under a name that `zoe` has as well. */
async function populated(t: Parameters<typeof openHouse>[0]) {
  const house = await openHouse(t);
  const ann = await house.person('ann', { isAdmin: true });
  const ids = new Map([['ann', ann.id]]);
  for (const username of ['bob', 'cleo', 'dan', 'zoe']) {
    house.clock.advance(1000);
    const email = `${username === 'bob' ? 'Zacharias' : username}@example.org`;
    const user = await house.accounts.createUser({ username, email, password, state: 'active' }, by);
    ids.set(username, user.id);
  }
  await house.accounts.setState(ids.get('dan')!, 'disabled', by);
  await house.accounts.setAdmin(ids.get('cleo')!, true, by);
  for (const [username, email] of [
    ['zoe', 'other-zoe@example.org'],
    ['mia', 'mia@example.org'],
  ] as const) {
    house.clock.advance(1000);
    await house.accounts.createUser({ username, email, password, state: 'pending' }, { name: 'anonymous' });
  }
  const team = await house.accounts.createTeam({ name: 'optics', title: 'Optics group' }, by);
  await house.accounts.createTeam({ name: 'zeta', title: 'Algebra' }, by);
  for (const name of ['cleo', 'bob']) await house.accounts.setMember(team.id, ids.get(name)!, 'member', by);
  await house.accounts.setMember(team.id, ids.get('bob')!, 'manager', by);
  const ask = async <T>(url: string) => (await house.call({ url, cookie: ann.cookie })).json as T;
  return { ...house, ids, team, ask, cookie: ann.cookie };
}

const people: { query: string; names: string; total: number; counts?: Partial<UserPage['counts']> }[] = [
  {
    query: '',
    names: 'mia zoe ann bob cleo dan zoe',
    total: 7,
    counts: { pending: 2, active: 4, disabled: 1, admin: 2 },
  },
  { query: 'sort=name', names: 'ann bob cleo dan mia zoe zoe', total: 7 },
  { query: 'sort=-name', names: 'zoe zoe mia dan cleo bob ann', total: 7 },
  { query: 'sort=email', names: 'ann cleo dan mia zoe bob zoe', total: 7 },
  { query: 'sort=state', names: 'mia zoe ann bob cleo zoe dan', total: 7 },
  { query: 'sort=-createdAt', names: 'mia zoe zoe dan cleo bob ann', total: 7 },
  { query: 'sort=-lastSignInAt&limit=1', names: 'ann', total: 7 },
  { query: 'limit=3', names: 'mia zoe ann', total: 7 },
  { query: 'limit=3&page=3', names: 'zoe', total: 7 },
  { query: 'limit=3&page=4', names: '', total: 7 },
  { query: 'q=ZOE', names: 'zoe zoe', total: 2, counts: { pending: 1, active: 1, disabled: 0, admin: 0 } },
  { query: 'q=zacharias', names: 'bob', total: 1 },
  { query: 'q=%25', names: '', total: 0 },
  { query: 'q=_o', names: '', total: 0 },
  { query: 'q=%00', names: 'mia zoe ann bob cleo dan zoe', total: 7 },
  { query: 'state=active', names: 'ann bob cleo zoe', total: 4, counts: { pending: 2, disabled: 1, admin: 2 } },
  { query: 'isAdmin=true', names: 'ann cleo', total: 2, counts: { pending: 0, active: 2, disabled: 0, admin: 2 } },
  { query: 'isAdmin=false&state=active', names: 'bob zoe', total: 2 },
  { query: 'team=optics', names: 'bob cleo', total: 2, counts: { active: 2, admin: 1 } },
  { query: 'team=nobody', names: '', total: 0 },
];

t.test('people: sorted, searched, filtered and paged by the gateway, with true counts', async (t) => {
  const { ask } = await populated(t);
  for (const { query, names, total, counts } of people) {
    const page = await ask<UserPage>(`/users?${query}`);
    t.equal(page.users.map(({ username }) => username).join(' '), names, `${query}: who`);
    t.equal(page.total, total, `${query}: how many`);
    if (counts) t.match(page.counts, counts, `${query}: of each kind`);
    t.equal(page.admins, 2, `${query}: admins are those of the platform`);
  }
});

t.test('a person is found by id and by name, and who waits only by id where the name is taken', async (t) => {
  const { ask, ids } = await populated(t);
  const { users } = await ask<UserPage>('/users?q=zoe');
  const waiting = users.find(({ state }) => state === 'pending')!;
  t.match(users.map(({ hasName }) => hasName).sort(), [false, true]);
  t.match(await ask('/users/zoe'), { id: ids.get('zoe'), hasName: true });
  t.match(await ask(`/users/${waiting.id}`), { state: 'pending', hasName: false });
  t.match(await ask('/users/mia'), { state: 'pending', username: 'mia' });
  for (const unknown of ['nobody', 'Ann', '%00', 'a'.repeat(100)]) {
    t.match(await ask(`/users/${unknown}`), { code: 'KNOT_API_NO_USER' }, unknown);
  }
});

t.test('teams and their members are listed like people', async (t) => {
  const { ask, ids } = await populated(t);
  const names = async (query: string) =>
    (await ask<TeamPage>(`/teams?${query}`)).teams.map(({ name }) => name).join(' ');
  t.equal(await names(''), 'zeta optics', 'by title');
  t.equal(await names('sort=-name'), 'zeta optics');
  t.equal(await names('sort=-members'), 'optics zeta');
  t.equal(await names('q=GROUP'), 'optics');
  t.equal(await names('limit=1&page=2'), 'optics');
  const team = await ask<Team>('/teams/optics');
  t.match(team, { title: 'Optics group', members: 2, managers: 1 });
  t.same(await ask(`/teams/${team.id}`), team);
  t.match(await ask('/teams/nothing'), { code: 'KNOT_API_NO_TEAM' });
  const all = await ask<MemberPage>('/teams/optics/members');
  t.match(all, { total: 2, counts: { manager: 1, member: 1 } });
  t.match(all.members, [
    { username: 'bob', role: 'manager', userId: ids.get('bob'), state: 'active' },
    { username: 'cleo', role: 'member' },
  ]);
  t.match(await ask('/teams/optics/members?role=member'), {
    total: 1,
    counts: { manager: 1, member: 1 },
    members: [{ username: 'cleo' }],
  });
  t.match(await ask('/teams/optics/members?q=zach'), { total: 1, counts: { manager: 1, member: 0 } });
});

t.test('the audit record: a name in any place, kinds with counts, and a range of time', async (t) => {
  const house = await populated(t);
  const { ask } = house;
  const start = house.clock.now();
  const acts = async (query: string) =>
    (await ask<AuditPage>(`/audit?limit=200&${query}`)).records.map((r) => r.action);
  house.clock.advance(60_000);
  await house.accounts.setMember(house.team.id, house.ids.get('zoe')!, 'member', by);
  t.same(await acts('person=OPTICS&action=team.created'), ['team.created']);
  t.same(await acts('person=team:optics&action=team.created'), ['team.created']);
  t.ok((await acts('person=zoe')).includes('team.member-set'));
  t.same(await acts(`from=${start + 1}`), ['team.member-set']);
  t.notOk((await acts(`to=${start + 1}`)).includes('nothing'));
  t.same(await acts(`from=${start + 1}&to=${start + 60_000}`), [], 'the end is not part of it');
  t.same(await acts(`from=${start}&person=zoe&actor=ann`), ['team.member-set']);
  const { counts } = await ask<AuditPage>('/audit?action=user.created&limit=1');
  const of = (action: string) => counts.find((count) => count.action === action);
  t.same(of('user.created'), { action: 'user.created', count: 7, isMore: false });
  t.same(of('team.created'), { action: 'team.created', count: 2, isMore: false }, 'also of the kinds not asked for');
  t.match((await ask<AuditPage>('/audit?person=zoe')).counts, [{ action: 'team.member-set', count: 1 }, {}]);
});

t.test('the audit record as a file: the same filter, quoted, and nothing that a spreadsheet computes', async (t) => {
  const house = await populated(t);
  const hostile = [
    '=HYPERLINK("https://evil.example")',
    '+1',
    '-1',
    '@SUM(A1)',
    '\uff1d1',
    ' =1',
    '|calc',
    '%0A',
    'a"b,c',
  ];
  for (const actor of hostile) {
    await house.audit.append({ action: 'signin.refused', actor, subject: `user:${actor}`, outcome: 'refused' });
  }
  const answer = await house.call({ url: '/audit.csv?action=signin.refused', cookie: house.cookie });
  t.match(answer, { status: 200, headers: { 'content-type': /^text\/csv/, 'cache-control': 'no-store' } });
  t.match(answer.headers['content-disposition'], /^attachment; filename="knot-audit-\d{4}-\d\d-\d\d\.csv"$/);
  const [head, ...lines] = answer.text.trimEnd().split('\r\n');
  t.equal(head, '"record","time","act","by","about","outcome","from","detail","hash"');
  t.equal(lines.length, hostile.length);
  t.notMatch(answer.text, /"[\s]*[=+@|%\uff1d]/, 'no cell begins like a formula');
  t.match(answer.text, `"'=HYPERLINK(""https://evil.example"")"`);
  t.match(answer.text, '"a""b,c","user:a""b,c"');
  const many = await house.call({ url: '/audit.csv', cookie: house.cookie });
  t.equal(many.text.trimEnd().split('\r\n').length, (await house.audit.list({ limit: 500 })).length + 1);
});

t.test('a long record is written to a file page by page, each line once', async (t) => {
  const house = await populated(t);
  for (let n = 0; n < 1100; n++) {
    await house.audit.append({ action: 'test.done', actor: 'ann', subject: `thing:${n}`, outcome: 'done' });
  }
  await house.app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = house.app.server.address() as { port: number };
  const open = () =>
    fetch(`http://127.0.0.1:${port}/api/v1/audit.csv?action=test.done`, { headers: { cookie: house.cookie } });
  const whole = await (await open()).text();
  const records = whole.trimEnd().split('\r\n').slice(1);
  t.equal(records.length, 1100);
  t.equal(new Set(records).size, 1100, 'each once');
});

t.test('two files are written at once and no more; one that was broken off makes room, too', async (t) => {
  const held = Promise.withResolvers<void>();
  const house = await openHouse(t, {
    audit: {
      append: async () => undefined,
      counts: async () => [],
      verify: async () => ({ isIntact: true, count: 0 }),
      list: () => held.promise.then(() => []),
    },
  });
  t.teardown(() => held.resolve());
  const { cookie } = await house.person('ann', { isAdmin: true });
  await house.app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = house.app.server.address() as { port: number };
  const open = (signal?: AbortSignal) =>
    fetch(`http://127.0.0.1:${port}/api/v1/audit.csv`, { headers: { cookie }, ...(signal ? { signal } : {}) });
  const left = new AbortController();
  const waiting = [await open(), await open(left.signal)];
  t.same(
    waiting.map(({ status }) => status),
    [200, 200],
  );
  const third = await open();
  t.equal(third.status, 429);
  t.match(await third.json(), { code: 'KNOT_API_TOO_MANY_FILES' });
  left.abort();
  held.resolve();
  await eventually('the place is free', async () => {
    const { status, body } = await open();
    await body?.cancel();
    return status === 200;
  });
});

t.test('one session of somebody is ended, and nobody can end another one by its address', async (t) => {
  const house = await populated(t);
  const bob = house.ids.get('bob')!;
  const first = await house.signIn(bob, 'bob');
  const second = await house.signIn(bob, 'bob');
  const end = (sessionId: string, userId = bob) =>
    house.call({ method: 'DELETE', url: `/users/${userId}/sessions/${sessionId}`, cookie: house.cookie });
  t.match(await end(first.sessionId, house.ids.get('cleo')), { status: 404, json: { code: 'KNOT_API_NO_SESSION' } });
  t.match(await house.call({ url: '/me', cookie: first.cookie }), { status: 200 });
  t.match(await end(first.sessionId), { status: 204 });
  t.match(await house.call({ url: '/me', cookie: first.cookie }), { status: 401 });
  t.match(await house.call({ url: '/me', cookie: second.cookie }), { status: 200 });
  t.match(await house.audit.list({ action: 'session.ended' }), [
    { actor: 'ann', detail: { reason: 'ended_by_admin' } },
  ]);
  t.match(await end(first.sessionId), { status: 404 });
});

/** What each form can be refused for, and at which of its own fields that is said. */
const refusals: { form: string; method: 'POST' | 'PUT' | 'PATCH'; url: string; body: object; fields: string[] }[] = [
  { form: 'team', method: 'POST', url: '/teams', body: { name: 'X', title: '' }, fields: ['name', 'title'] },
  {
    form: 'team',
    method: 'POST',
    url: '/teams',
    body: { name: 'optics', title: 'x'.repeat(61) },
    fields: ['name', 'title'],
  },
  { form: 'team', method: 'POST', url: '/teams', body: { name: 'optics', title: 'x' }, fields: ['name'] },
  { form: 'team', method: 'POST', url: '/teams', body: { name: 'fine', titel: 'x' }, fields: ['titel', 'title'] },
  { form: 'user', method: 'POST', url: '/users', body: { username: 'ann', email: 'x' }, fields: ['email', 'username'] },
  {
    form: 'user',
    method: 'POST',
    url: '/users',
    body: { username: 'neu', email: 'ann@example.org' },
    fields: ['email'],
  },
  { form: 'invitation', method: 'POST', url: '/invitations', body: { email: 'x' }, fields: ['email'] },
  { form: 'invitation', method: 'POST', url: '/invitations', body: { email: 'ann@example.org' }, fields: ['email'] },
  {
    form: 'client',
    method: 'POST',
    url: '/clients',
    body: { name: 'x'.repeat(81), redirectUris: [], backchannelLogoutUri: 'x', allowedGroups: ['a b'] },
    fields: ['allowedGroups', 'backchannelLogoutUri', 'name', 'redirectUris'],
  },
  {
    form: 'password',
    method: 'PUT',
    url: '/account/password',
    body: { current: password, new: 'x', keepConnections: false },
    fields: ['new'],
  },
];

t.test('what is refused is named at the field of the form, for every form', async (t) => {
  const house = await populated(t);
  for (const { form, fields, ...call } of refusals) {
    const { status, json } = await house.call({ ...call, cookie: house.cookie });
    const { problems } = json['details'] as { problems: { field: string; message: string }[] };
    t.ok([400, 409].includes(status), `${form}: ${status}`);
    t.same(problems.map(({ field }) => field).sort(), fields, `${form}: ${JSON.stringify(call.body).slice(0, 80)}`);
    t.ok(problems.every(({ message }) => message !== ''));
  }
});
