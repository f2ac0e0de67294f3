import t from 'tap';
import { createFixture, type Fixture, password } from './fixture.ts';

const admin = { name: 'admin' };
const fresh = 'another lovely passphrase';

t.test('setup: the link makes the first administrator, once', async (t) => {
  const { accounts, get, post, clock } = await createFixture(t);
  const { token } = await accounts.createLink({ kind: 'setup', lifetimeSeconds: 3600 }, { name: 'system' });
  for (const url of [`/setup/${token}`, `/setup?token=${token}`]) {
    const page = await get(url);
    t.equal(page.status, 200);
    t.match(page.body, `name="token" value="${token}"`);
  }
  const fields = { token, username: 'root1', email: 'root@example.org', password };
  const made = await post('/setup', { ...fields, username: 'zoe' });
  t.equal(made.status, 303);
  t.equal(made.location, '/');
  t.ok(made.cookie, 'and signs them in');
  t.match(await accounts.findUserByName('zoe'), { isAdmin: true, state: 'active' });
  t.equal((await get(`/setup/${token}`)).status, 410);
  const second = await post('/setup', { ...fields, username: 'mallory' });
  t.equal(second.status, 410);
  t.match(second.body, 'an administrator exists');
  t.equal(await accounts.findUserByName('mallory'), undefined);
  clock.advance(1);
});

t.test('a link of another kind, an expired or an invented one opens nothing', async (t) => {
  const fixture = await createFixture(t);
  const { accounts, get, post, clock, addUser } = fixture;
  const userId = await addUser('ann');
  const setup = (await accounts.createLink({ kind: 'setup', lifetimeSeconds: 60 }, admin)).token;
  const invitation = (await accounts.createLink({ kind: 'invitation', lifetimeSeconds: 60 }, admin)).token;
  const reset = (await accounts.createLink({ kind: 'reset', userId, lifetimeSeconds: 60 }, admin)).token;
  const closed = async (path: string, token: string, why: string) => {
    t.equal((await get(`${path}/${token}`)).status, 410, `GET ${path} ${why}`);
    const answer = await post(path, { token, username: 'eve', email: 'eve@example.org', password: fresh });
    t.equal(answer.status, 410, `POST ${path} ${why}`);
    t.equal(answer.cookie, undefined);
  };
  for (const path of ['/setup', '/invite', '/reset']) await closed(path, 'x'.repeat(43), 'invented');
  await closed('/setup', invitation, 'with an invitation');
  await closed('/setup', reset, 'with a reset link');
  await closed('/invite', setup, 'with a setup link');
  await closed('/invite', reset, 'with a reset link');
  await closed('/reset', setup, 'with a setup link');
  await closed('/reset', invitation, 'with an invitation');
  clock.advance(60_000);
  await closed('/setup', setup, 'expired');
  await closed('/invite', invitation, 'expired');
  await closed('/reset', reset, 'expired');
  t.equal((await get('/setup')).status, 410, 'nor none');
});

t.test('invitation: the address is the one that was invited', async (t) => {
  const { accounts, get, post } = await createFixture(t, { signUp: 'off' });
  const invite = { kind: 'invitation', email: 'bob@example.org', lifetimeSeconds: 60 } as const;
  const { token } = await accounts.createLink(invite, admin);
  t.match((await get(`/invite/${token}`)).body, /value="bob@example.org"[^>]* readonly/);
  const made = await post('/invite', { token, username: 'bob', email: 'eve@example.org', password });
  t.equal(made.status, 303);
  t.ok(made.cookie);
  t.match(await accounts.findUserByName('bob'), { state: 'active', isAdmin: false, email: 'bob@example.org' });
  t.equal((await get(`/invite/${token}`)).status, 410);
});

t.test('reset: the new password works, the old one and every session do not', async (t) => {
  const { accounts, get, post, addUser, signIn, sessions } = await createFixture(t);
  const userId = await addUser('ann');
  await addUser('bob');
  const [first, second, bob] = [await signIn('ann'), await signIn('ann'), await signIn('bob')];
  const { token } = await accounts.createLink({ kind: 'reset', userId, lifetimeSeconds: 60 }, admin);
  const answer = await post('/reset', { token, password: fresh }, { cookie: first });
  t.equal(answer.status, 303);
  t.equal(answer.location, '/login?note=password-changed');
  t.equal(await sessions.find(first, ''), null);
  t.equal(await sessions.find(second, ''), null);
  t.ok(await sessions.find(bob, ''));
  t.match((await get(answer.location!)).body, 'Your password is changed');
  t.equal((await post('/login', { username: 'ann', password })).status, 401);
  t.equal((await post('/login', { username: 'ann', password: fresh })).status, 303);
  t.equal((await post('/reset', { token, password })).status, 410, 'the link is used up');
});

t.test(
  'reset: who else is signed in in that browser loses no cookie; their session ends when the owner of the link signs in',
  async (t) => {
    const { accounts, get, post, addUser, signIn, sessions } = await createFixture(t);
    const userId = await addUser('ann');
    await addUser('bob');
    const bob = await signIn('bob');
    const { token } = await accounts.createLink({ kind: 'reset', userId, lifetimeSeconds: 60 }, admin);
    const answer = await post('/reset', { token, password: fresh }, { cookie: bob });
    t.equal(
      answer.cookie,
      undefined,
      'a cookie that is taken back would leave a session behind that nobody can end here',
    );
    const page = await get(answer.location!, bob);
    t.equal(page.status, 200, 'and nobody goes on as somebody else by accident');
    t.match(page.body, 'Your password is changed');
    t.match(page.body, 'You stay signed in as bob');
    const ann = (await post('/login', { username: 'ann', password: fresh }, { cookie: bob })).cookie;
    t.ok(await sessions.find(ann, ''));
    t.equal(await sessions.find(bob, ''), null);
  },
);

t.test('what is wrong is said at its field, and what was typed is kept', async (t) => {
  const { accounts, post, addUser, addAdmin } = await createFixture(t, {
    signUp: 'open',
    login: { attemptsPerAddress: 100 },
  });
  await addAdmin();
  await addUser('ann');
  const { token } = await accounts.createLink({ kind: 'invitation', lifetimeSeconds: 600 }, admin);
  for (const [path, extra] of [
    ['/signup', {}],
    ['/invite', { token }],
  ] as const) {
    for (const [field, change] of [
      ['username', { username: 'Not A Name' }],
      ['username', { username: 'admin' }],
      ['username', { username: 'ann' }],
      ['username', { username: '' }],
      ['email', { email: 'nonsense' }],
      ['email', { email: 'ann@example.org' }],
      ['password', { password: 'x7!q' }],
      ['password', { password: 'password123' }],
    ] as const) {
      const typed = { username: 'carla', email: 'carla@example.org', password: fresh, ...change };
      const answer = await post(path, { ...typed, ...extra });
      const label = `${path} ${JSON.stringify(change)}`;
      t.equal(answer.status, 400, label);
      t.equal(answer.cookie, undefined);
      t.match(answer.body, new RegExp(`aria-describedby="[^"]*${field}-error[^>]*aria-invalid="true"`), label);
      t.equal(answer.body.match(/aria-invalid="true"/g)?.length, 1, `only there: ${label}`);
      t.match(answer.body, `value="${typed.username}"`);
      t.match(answer.body, `value="${typed.email}"`);
      t.notMatch(answer.body, typed.password);
    }
  }
});

t.test('sign-up', async (t) => {
  const account = { username: 'carla', email: 'carla@example.org', password };
  const signUp = async ({ post, accounts }: Fixture) => ({
    answer: await post('/signup', account),
    user: await accounts.findUserByName('carla'),
  });

  await t.test('off: says so and makes nobody', async (t) => {
    const fixture = await createFixture(t, { signUp: 'off' });
    t.equal((await fixture.get('/signup')).status, 403);
    t.notMatch((await fixture.get('/login')).body, '/signup');
    const { answer, user } = await signUp(fixture);
    t.equal(answer.status, 403);
    t.match(answer.body, 'Sign-up is closed');
    t.equal(user, undefined);
  });
  await t.test('approval: the account waits', async (t) => {
    const fixture = await createFixture(t, { signUp: 'approval' });
    await fixture.addAdmin();
    const { answer, user } = await signUp(fixture);
    t.equal(answer.location, '/signup/pending');
    t.match((await fixture.get('/signup/pending')).body, 'Waiting for approval');
    t.equal(answer.cookie, undefined);
    t.match(user, { state: 'pending', isAdmin: false });
    await fixture.accounts.setState(user!.id, 'active', admin);
    t.equal((await fixture.post('/login', { username: 'carla', password })).status, 303);
  });
  await t.test('open: the person is in', async (t) => {
    const fixture = await createFixture(t, { signUp: 'open' });
    await fixture.addAdmin();
    const { answer, user } = await signUp(fixture);
    t.equal(answer.location, '/');
    t.ok(answer.cookie);
    t.match(user, { state: 'active', isAdmin: false });
  });
  await t.test('nobody makes accounts without end from one address', async (t) => {
    const { post, addAdmin } = await createFixture(t, { signUp: 'open', login: { attemptsPerAddress: 3 } });
    await addAdmin();
    const statuses = [];
    for (let count = 0; count < 5; count += 1) {
      const answer = await post('/signup', { ...account, username: `carla${count}x`, email: `c${count}@example.org` });
      statuses.push(answer.status);
    }
    t.strictSame(statuses, [303, 303, 303, 429, 429]);
  });
  await t.test('nobody becomes an administrator by a form field', async (t) => {
    const { post, accounts, addAdmin } = await createFixture(t, { signUp: 'open' });
    await addAdmin();
    await post('/signup', { ...account, isAdmin: 'true', is_admin: '1', state: 'active', token: 'x' });
    t.match(await accounts.findUserByName('carla'), { isAdmin: false });
  });
});

t.test('of two people with the same invitation one gets an account', async (t) => {
  const { accounts, post } = await createFixture(t);
  const { token } = await accounts.createLink({ kind: 'invitation', lifetimeSeconds: 60 }, admin);
  const answers = await Promise.all(
    ['carla', 'dora'].map((username) =>
      post('/invite', { token, username, email: `${username}@example.org`, password }),
    ),
  );
  t.strictSame(answers.map(({ status }) => status).sort(), [303, 410]);
  const made = [await accounts.findUserByName('carla'), await accounts.findUserByName('dora')].filter(Boolean);
  t.equal(made.length, 1);
});

t.test('reset: connected applications are kept only where the person ticks that', async (t) => {
  const { accounts, store, clock, get, post, addUser } = await createFixture(t);
  const grant = { clientId: 'kube', openid: { scope: 'openid offline_access' }, iat: 0, exp: 9_999_999_999 };
  const grants = () => store.db.selectFrom('oidc_records').select('id').where('model', '=', 'Grant').execute();
  const userId = await addUser('ann');
  const reset = async (fields: Record<string, string>) => {
    const record = { grant_id: null, uid: null, user_code: null, consumed_at: null, account_id: userId };
    const expires_at = clock.now() + 3600_000;
    const row = {
      model: 'Grant',
      id: `g${Object.keys(fields).length}`,
      payload: JSON.stringify(grant),
      expires_at,
      ...record,
    };
    await store.db.insertInto('oidc_records').values(row).execute();
    const { token } = await accounts.createLink({ kind: 'reset', userId, lifetimeSeconds: 60 }, admin);
    t.match((await get(`/reset/${token}`)).body, /type="checkbox" name="keepConnections" value="1"\s*\/>/);
    const refused = await post('/reset', { token, password: 'short', ...fields });
    t.equal(refused.body.includes('value="1" checked'), 'keepConnections' in fields, 'what was ticked stays');
    t.equal(
      (await post('/reset', { token, password: `${fresh} ${Object.keys(fields).length}`, ...fields })).status,
      303,
    );
    return (await grants()).length;
  };
  t.equal(await reset({ keepConnections: '1' }), 1);
  t.equal(await reset({}), 0);
});
