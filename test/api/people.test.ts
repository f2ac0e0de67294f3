import { sql } from 'kysely';
import t from 'tap';
import type {
  AuditPage,
  CreatedUser,
  InvitationList,
  NewLink,
  SessionList,
  User,
  UserPage,
} from '../../gateway/api/contract.ts';
import { openHouse, origin, password } from './house.ts';

t.test('an admin creates a user, whose link leads to a password', async (t) => {
  const mails: { to: string; text: string }[] = [];
  const house = await openHouse(t, {
    mail: { isConfigured: true, send: async (message) => void mails.push(message) },
  });
  const admin = await house.person('ann', { isAdmin: true });
  const body = { username: 'dora', email: 'dora@example.org', isAdmin: true };
  const answer = await house.call({ method: 'POST', url: '/users', body, cookie: admin.cookie });
  const { user, link } = answer.json as CreatedUser;
  t.match(user, { username: 'dora', state: 'active', isAdmin: true, hasPassword: false, lastSignInAt: null });
  t.match(link, { isMailed: true, expiresAt: house.clock.now() + 3600_000 });
  t.match(mails, [{ to: 'dora@example.org', text: link.url }]);
  const token = link.url.replace(`${origin}/reset/`, '');
  await house.accounts.redeemLink(token, 'reset', { password: 'another good phrase 9' }, { name: 'dora' });
  t.ok(await house.accounts.verifyPassword('dora', 'another good phrase 9'));
  const again = await house.call({ method: 'POST', url: '/users', body, cookie: admin.cookie });
  t.match(again, { status: 409, json: { code: /^KNOT_ACCOUNTS_/ } });
});

t.test('mail that fails does not lose the link', async (t) => {
  const send = async () => {
    throw new Error('no server');
  };
  const house = await openHouse(t, { mail: { isConfigured: true, send } });
  const admin = await house.person('ann', { isAdmin: true });
  const answer = await house.call({ method: 'POST', url: `/users/${admin.id}/reset-links`, cookie: admin.cookie });
  t.match(answer, { status: 201, json: { url: /^https:\/\/localhost:8443\/reset\/[\w-]{43}$/, isMailed: false } });
  t.equal(typeof (answer.json as NewLink).expiresAt, 'number');
});

t.test('approve, disable, enable, promote, delete: each is in force at once and recorded once', async (t) => {
  const house = await openHouse(t);
  const { cookie } = await house.person('ann', { isAdmin: true });
  const pending = await house.accounts.createUser(
    { username: 'carl', email: 'carl@example.org', password, state: 'pending' },
    { name: 'anonymous' },
  );
  const counts = async () => ((await house.call({ url: '/users', cookie })).json as UserPage).counts;
  t.same(await counts(), { pending: 1, active: 1, disabled: 0, admin: 1 });

  const change = (body: object, id = pending.id) => house.call({ method: 'PATCH', url: `/users/${id}`, body, cookie });
  t.match(await change({ state: 'active' }), { status: 200, json: { state: 'active' } });
  t.match(await change({ isAdmin: true, email: 'carl@example.net' }), {
    json: { isAdmin: true, email: 'carl@example.net' },
  });

  const carl = await house.signIn(pending.id, 'carl');
  t.match(await house.call({ url: '/me', cookie: carl.cookie }), { json: { canAdminister: true } });
  t.match(await change({ isAdmin: false }), { json: { isAdmin: false } });
  t.match(await house.call({ url: '/me', cookie: carl.cookie }), { json: { canAdminister: false } });

  t.match(await change({ state: 'disabled' }), { json: { state: 'disabled' } });
  t.match(await house.call({ url: '/me', cookie: carl.cookie }), { status: 401 });
  t.match(await change({ state: 'active' }), { json: { state: 'active' } });
  t.match(await house.call({ url: '/me', cookie: carl.cookie }), { status: 401 }, 'the old session stays ended');

  const back = await house.signIn(pending.id, 'carl');
  const ended: string[] = [];
  house.sessions.onEnded((id) => void ended.push(id));
  t.match(await house.call({ method: 'DELETE', url: `/users/${pending.id}`, cookie }), { status: 204, text: '' });
  t.same(ended, [back.sessionId], 'others hear that the session ended');
  t.match(await house.call({ url: `/users/${pending.id}`, cookie }), { status: 404 });
  t.same(await counts(), { pending: 0, active: 1, disabled: 0, admin: 1 });

  const { records } = (await house.call({ url: '/audit?actor=ann&limit=100', cookie })).json as AuditPage;
  const acts = records.filter(({ subject }) => subject === 'user:carl').map(({ action }) => action);
  t.same(acts.reverse(), [
    'user.approved',
    'user.email-changed',
    'user.promoted',
    'user.demoted',
    'user.disabled',
    'user.enabled',
    'user.deleted',
  ]);
  t.ok(records.every(({ address }) => address === undefined || address === '127.0.0.1'));
});

t.test('the last admin can neither be disabled, demoted nor deleted, and stays signed in', async (t) => {
  const house = await openHouse(t);
  const { id, cookie } = await house.person('ann', { isAdmin: true });
  for (const body of [{ state: 'disabled' }, { isAdmin: false }, { isAdmin: false, state: 'disabled' }]) {
    const refused = await house.call({ method: 'PATCH', url: `/users/${id}`, body, cookie });
    t.match(refused, { status: 409, json: { code: 'KNOT_ACCOUNTS_LAST_ADMIN' } });
  }
  t.match(await house.call({ method: 'DELETE', url: `/users/${id}`, cookie }), { status: 409 });
  t.match(await house.call({ url: '/me', cookie }), { status: 200 });
});

t.test('several changes in one request are all made or, when one is refused, none', async (t) => {
  const house = await openHouse(t);
  const { id, cookie } = await house.person('ann', { isAdmin: true });
  const { id: carlId } = await house.person('carl');
  const patch = (of: string, body: object) => house.call({ method: 'PATCH', url: `/users/${of}`, body, cookie });
  const acts = async () =>
    (await house.audit.list({ limit: 500 })).filter(({ subject }) => /^user:/.test(subject)).length;
  const recorded = await acts();
  const refusals: [string, object, number, string][] = [
    [id, { email: 'new@example.org', state: 'disabled' }, 409, 'KNOT_ACCOUNTS_LAST_ADMIN'],
    [id, { email: 'new@example.org', isAdmin: false }, 409, 'KNOT_ACCOUNTS_LAST_ADMIN'],
    [carlId, { isAdmin: true, email: 'ann@example.org' }, 409, 'KNOT_ACCOUNTS_EMAIL_TAKEN'],
  ];
  for (const [of, body, status, code] of refusals) {
    const before = await house.accounts.findUser(of);
    t.match(await patch(of, body), { status, json: { code } });
    t.same(await house.accounts.findUser(of), before, JSON.stringify(body));
  }
  t.equal(await acts(), recorded, 'nothing is recorded that was not done');
});

t.test('everything that is wrong with a body is told at once, at its fields', async (t) => {
  const house = await openHouse(t);
  const { cookie } = await house.person('ann', { isAdmin: true });
  const post = (url: string, body: unknown) => house.call({ method: 'POST', url, body, cookie });
  const at = (...fields: string[]) => ({ json: { details: { problems: fields.map((field) => ({ field })) } } });
  t.match(await post('/teams', { name: 'Not A Name', title: 'x'.repeat(61) }), { status: 400, ...at('title', 'name') });
  t.match(await post('/teams', { name: '', title: '' }), { status: 400, ...at('title', 'name') });
  t.match(await post('/users', { username: '', email: 'x' }), { status: 400, ...at('username', 'email') });
  t.match(await post('/users', { username: 'ann', email: 'ann@example.org' }), {
    status: 409,
    ...at('username', 'email'),
  });
  t.match(await post('/invitations', { email: 'x' }), { status: 400, ...at('email') });
  const change = (current: string, next: string) =>
    house.call({ method: 'PUT', url: '/account/password', body: { current, new: next }, cookie });
  t.match(await change('wrong', 'a better phrase 42'), { status: 403, ...at('current') });
  t.match(await change(password, password), { status: 400, ...at('new'), text: /present password/ });
  t.match(await change(password, 'short'), { status: 400, ...at('new'), text: /10 characters/ });
  t.match(await house.call({ url: '/me', cookie }), { json: { minimumPasswordLength: 10 } });
});

t.test('strangers cannot keep somebody who is signed in from changing the password', async (t) => {
  const house = await openHouse(t);
  const bob = await house.person('bob');
  for (let n = 0; n < 101; n += 1) await house.throttle.take({ name: 'bob', address: `10.0.${n}.1` });
  for (let n = 0; n < 11; n += 1) await house.throttle.take({ name: 'bob', address: '127.0.0.1' });
  const body = { current: password, new: 'a better phrase 42' };
  t.match(await house.call({ method: 'PUT', url: '/account/password', body, cookie: bob.cookie }), { status: 204 });
});

t.test('users are searched, filtered and paged', async (t) => {
  const house = await openHouse(t);
  const { cookie } = await house.person('ann', { isAdmin: true });
  for (const name of ['bert', 'berta', 'carl']) await house.person(name);
  const list = async (query: string) => (await house.call({ url: `/users${query}`, cookie })).json as UserPage;
  t.same((await list('?q=bert')).users.map((user: User) => user.username).sort(), ['bert', 'berta']);
  t.match(await list('?limit=1&page=2'), { total: 4, users: { length: 1 } });
  t.match(await list('?state=pending'), { total: 0, users: [], counts: { active: 4 } });
  t.match(await list('?q=%25'), { total: 0 }, 'a percent sign is a percent sign');
});

t.test('invitations are made, listed and withdrawn; other links are not touched by that', async (t) => {
  const house = await openHouse(t);
  const { id, cookie } = await house.person('ann', { isAdmin: true });
  const made = await house.call({ method: 'POST', url: '/invitations', body: { email: 'new@example.org' }, cookie });
  t.match(made, { status: 201, json: { url: /\/invite\/[\w-]{43}$/, isMailed: false } });
  await house.call({ method: 'POST', url: `/users/${id}/reset-links`, cookie });
  const reset = (await house.accounts.listLinks()).find((link) => link.kind === 'reset');
  const list = async () => ((await house.call({ url: '/invitations', cookie })).json as InvitationList).invitations;
  const [invitation, ...others] = await list();
  t.same(others, []);
  t.match(invitation, { id: made.json['id'], email: 'new@example.org', createdBy: 'ann' });
  t.match(await house.call({ method: 'DELETE', url: `/invitations/${reset?.id}`, cookie }), { status: 404 });
  t.equal((await house.accounts.listLinks()).length, 2);
  t.match(await house.call({ method: 'DELETE', url: `/invitations/${invitation?.id}`, cookie }), { status: 204 });
  t.same(await list(), []);
});

t.test('teams and their members', async (t) => {
  const house = await openHouse(t);
  const { cookie } = await house.person('ann', { isAdmin: true });
  const bob = await house.person('bob');
  const team = await house.call({ method: 'POST', url: '/teams', body: { name: 'optics', title: 'Optics' }, cookie });
  t.match(team, { status: 201, json: { name: 'optics', members: 0 } });
  const member = `/teams/${String(team.json['id'])}/members/${bob.id}`;
  t.match(await house.call({ method: 'PUT', url: member, body: { role: 'manager' }, cookie }), { status: 200 });
  t.match(await house.call({ url: '/me', cookie: bob.cookie }), {
    json: { user: { teams: [{ name: 'optics', role: 'manager' }], groups: ['knot:team:optics', 'knot:user:bob'] } },
  });
  t.match(await house.call({ url: '/teams', cookie }), {
    json: { total: 1, teams: [{ name: 'optics', members: 1, managers: 1 }] },
  });
  t.match(await house.call({ method: 'DELETE', url: member, cookie }), { json: { undo: { role: 'manager' } } });
  t.match(await house.call({ method: 'DELETE', url: `/teams/${String(team.json['id'])}`, cookie }), { status: 204 });
  t.match(await house.call({ url: '/teams', cookie }), { json: { teams: [] } });
});

t.test('people see and end their own sessions, never those of others', async (t) => {
  const house = await openHouse(t);
  const bob = await house.person('bob');
  const other = await house.signIn(bob.id, 'bob');
  const third = await house.signIn(bob.id, 'bob');
  const ann = await house.person('ann', { isAdmin: true });
  const list = async () =>
    ((await house.call({ url: '/account/sessions', cookie: bob.cookie })).json as SessionList).sessions;
  t.equal((await list()).length, 3);
  t.same(
    (await list()).filter((session) => session.isCurrent).map(({ id }) => id),
    [bob.sessionId],
  );

  const end = (id: string) => house.call({ method: 'DELETE', url: `/account/sessions/${id}`, cookie: bob.cookie });
  t.match(await end(ann.sessionId), { status: 404, json: { code: 'KNOT_API_NO_SESSION' } });
  t.match(await house.call({ url: '/me', cookie: ann.cookie }), { status: 200 });
  t.match(await end(other.sessionId), { status: 204 });
  t.match(await house.call({ url: '/me', cookie: other.cookie }), { status: 401 });
  t.match(await house.call({ method: 'DELETE', url: '/account/sessions', cookie: bob.cookie }), { json: { ended: 1 } });
  t.match(await house.call({ url: '/me', cookie: third.cookie }), { status: 401 });
  const last = await end(bob.sessionId);
  t.match(last, { status: 204, headers: { 'set-cookie': /__Host-knot=;.*Max-Age=0/ } });
  t.match(await house.call({ url: '/me', cookie: bob.cookie }), { status: 401 });
});

t.test('an admin signs someone out everywhere', async (t) => {
  const house = await openHouse(t);
  const { cookie } = await house.person('ann', { isAdmin: true });
  const bob = await house.person('bob');
  await house.signIn(bob.id, 'bob');
  const listed = await house.call({ url: `/users/${bob.id}/sessions`, cookie });
  t.match(listed, { json: { sessions: [{ isCurrent: false }, { isCurrent: false }] } });
  t.match(await house.call({ method: 'DELETE', url: `/users/${bob.id}/sessions`, cookie }), { json: { ended: 2 } });
  t.match(await house.call({ url: '/me', cookie: bob.cookie }), { status: 401 });
});

t.test(
  'changing the password asks for the current one, ends the other sessions, and slows down guessing',
  async (t) => {
    const house = await openHouse(t);
    const bob = await house.person('bob');
    const other = await house.signIn(bob.id, 'bob');
    const change = (current: string, next: string) =>
      house.call({ method: 'PUT', url: '/account/password', body: { current, new: next }, cookie: bob.cookie });
    t.match(await change('wrong', 'a better phrase 42'), { status: 403, json: { code: 'KNOT_API_PASSWORD_WRONG' } });
    t.match(
      await change(password, 'password12'),
      { status: 400, json: { code: /^KNOT_ACCOUNTS_PASSWORD/ } },
      'a common one',
    );
    t.match(await house.call({ url: '/me', cookie: other.cookie }), { status: 200 }, 'nothing happened so far');
    t.match(await change(password, 'a better phrase 42'), { status: 204 });
    t.match(await house.call({ url: '/me', cookie: bob.cookie }), { status: 200 }, 'this session goes on');
    t.match(await house.call({ url: '/me', cookie: other.cookie }), { status: 401 });
    for (let n = 0; n < 3; n++) t.match(await change('wrong', 'a better phrase 43'), { status: 403 });
    const slowed = await change('a better phrase 42', 'a better phrase 43');
    t.match(slowed, { status: 429, json: { code: 'KNOT_API_TOO_OFTEN' }, headers: { 'retry-after': /^\d+$/ } });
    const refused = await house.audit.list({ action: 'password.refused' });
    t.equal(refused.length, 4);
    t.match(refused[0], { actor: 'bob', outcome: 'refused', address: '127.0.0.1' });
    t.ok(await house.accounts.verifyPassword('bob', 'a better phrase 42'));
  },
);

t.test('an account and the link that opens it are made together, or not at all', async (t) => {
  const house = await openHouse(t);
  const ann = await house.person('ann', { isAdmin: true });
  const body = { username: 'dora', email: 'dora@example.org' };
  const make = () => house.call({ method: 'POST', url: '/users', body, cookie: ann.cookie });
  // The store refuses the second half, as it does when the process ends there.
  await sql`create trigger full before insert on links begin select raise(abort, 'full'); end`.execute(house.store.db);
  t.equal((await make()).status, 500);
  t.equal(await house.accounts.findUserByName('dora'), undefined, 'nobody whom no link lets in');
  const records = await house.audit.list({ action: 'user.created', limit: 10 });
  t.same(
    records.map(({ subject }) => subject),
    ['user:ann'],
  );
  await sql`drop trigger full`.execute(house.store.db);
  t.match(await make(), { status: 201, json: { user: { username: 'dora' }, link: { url: /\/reset\// } } });
});
