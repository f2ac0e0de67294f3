import t from 'tap';
import { type Accounts } from '../../gateway/accounts/index.ts';
import { knotError } from '../../gateway/lib/index.ts';
import { createFixture, origin, password } from './fixture.ts';

const wrong = 'a wrong password';

t.test('the right password starts a session and leads on', async (t) => {
  const { post, get, addUser, sessions, audit } = await createFixture(t);
  const id = await addUser('ann');
  const answer = await post('/login', { username: ' Ann ', password, next: '/services?x=1' });
  t.equal(answer.status, 303);
  t.equal(answer.location, '/services?x=1');
  t.match(
    (answer.headers['set-cookie'] as string[])[0],
    /^__Host-knot=[\w-]{43}; Path=\/; Max-Age=86400; Secure; HttpOnly; SameSite=Lax$/,
  );
  t.equal(answer.headers['cache-control'], 'no-store');
  t.match(await sessions.list(id), [{ device: 'Chrome on Linux', address: '127.0.0.1' }]);
  const again = await get('/login?next=/policies', answer.cookie);
  t.equal(again.status, 303, 'who is signed in is not asked again');
  t.equal(again.location, '/policies');
  t.match(await audit.list({ action: 'session.started' }), [{ actor: 'ann', outcome: 'done' }]);
});

t.test('next leads to a known host with path and query intact, never anywhere else', async (t) => {
  const { post, get, addUser } = await createFixture(t);
  await addUser('ann');
  const deep = 'https://jupyterhub.localhost:8443/hub/user-redirect/lab/tree/x.ipynb?y=1';
  t.equal((await post('/login', { username: 'ann', password, next: deep })).location, deep);
  for (const next of [
    '//evil.test',
    'https://evil.test/',
    'https://jupyterhub.localhost:8443@evil.test/',
    '/\\evil.test',
  ]) {
    const answer = await post('/login', { username: 'ann', password, next });
    t.equal(answer.location, '/', next);
    const told = await get(`/login?next=${encodeURIComponent(next)}`, answer.cookie);
    t.match(told, { status: 400, location: undefined }, next);
    t.notMatch(told.body, 'evil', 'nor does it stand on the page that says so');
    t.notMatch((await get(`/login?next=${encodeURIComponent(next)}`)).body, 'evil', 'nor does it stand in the form');
  }
});

t.test('a wrong password and an unknown name get the same answer', async (t) => {
  const { post, addUser } = await createFixture(t);
  await addUser('ann');
  const known = await post('/login', { username: 'ann', password: wrong });
  const unknown = await post('/login', { username: 'bob', password: wrong });
  t.equal(known.status, 401);
  t.equal(unknown.status, 401);
  t.equal(known.cookie, undefined);
  t.match(known.body, 'Username or password is wrong.');
  t.equal(known.body, unknown.body.replace('value="bob"', 'value="ann"'));
  t.match(known.body, 'value="ann"', 'the name is kept');
  t.notMatch(known.body, wrong, 'the password is not');
});

t.test('refusals are in the ledger, and a password typed as a name is not', async (t) => {
  const { post, audit, addUser } = await createFixture(t);
  await addUser('ann');
  await post('/login', { username: 'ann', password: wrong });
  await post('/login', { username: 'My secret Passw0rd!', password: 'ann' });
  const refused = await audit.list({ action: 'signin.refused' });
  t.match(refused, [
    { subject: 'user:(no name)', outcome: 'refused', actor: 'anonymous' },
    { subject: 'user:ann', detail: { reason: 'wrong_credentials' }, address: '127.0.0.1' },
  ]);
  t.notMatch(JSON.stringify(refused), /secret|Passw0rd/i);
});

t.test('only who knows the password learns that an account is disabled or waits again', async (t) => {
  const { post, addUser, accounts, audit } = await createFixture(t, {
    login: { attemptsPerAccount: 50, attemptsPerAddress: 50 },
  });
  const approved = await accounts.setState(await addUser('pat', 'pending'), 'active', { name: 'cli' });
  await accounts.setState(approved.id, 'pending', { name: 'cli' }, approved.undo!.undoes);
  const disabled = await addUser('dan');
  await accounts.setState(disabled, 'disabled', { name: 'cli' });
  for (const [username, told] of [
    ['pat', 'Waiting for approval'],
    ['dan', 'This account is disabled'],
  ] as const) {
    const guessed = await post('/login', { username, password: wrong });
    t.equal(guessed.status, 401);
    t.notMatch(guessed.body, told);
    const known = await post('/login', { username, password });
    t.equal(known.status, 403);
    t.match(known.body, told);
    t.equal(known.cookie, undefined);
  }
  t.match(await audit.list({ action: 'signin.refused', limit: 3 }), [
    { subject: 'user:dan', detail: { reason: 'disabled' } },
    { subject: 'user:dan', detail: { reason: 'wrong_credentials' } },
    { subject: 'user:pat', detail: { reason: 'pending' } },
  ]);
});

t.test('a sign-up that waits says nothing at sign-in: else signing up would tell which names there are', async (t) => {
  const { post, addUser, accounts } = await createFixture(t, {
    login: { attemptsPerAccount: 50, attemptsPerAddress: 50 },
  });
  await addUser('ann');
  const own = 'a password of my own 7';
  for (const username of ['ann', 'pat'])
    await accounts.createUser({ username, email: 'x@example.org', password: own, state: 'pending' }, { name: 'x' });
  const shapes = await Promise.all(
    ['ann', 'pat', 'nobody'].map(async (username) => {
      const { status, body } = await post('/login', { username, password: own });
      return `${status} ${body.replaceAll(`"${username}"`, '')}`;
    }),
  );
  t.strictSame(new Set(shapes).size, 1);
  t.match(shapes[0], /^401 .*works once an administrator has approved it/s);
});

t.test('an e-mail address signs in, in any spelling, and says no more than a name', async (t) => {
  const { post, addUser, audit } = await createFixture(t, {
    login: { attemptsPerAccount: 50, attemptsPerAddress: 50 },
  });
  await addUser('ann');
  for (const username of ['ann@example.org', ' Ann@Example.ORG ', 'ANN@EXAMPLE.ORG', ' Ann '])
    t.equal((await post('/login', { username, password })).status, 303, username);
  const shape = ({ status, body }: { status: number; body: string }, typed: string) =>
    `${status} ${body.replaceAll(typed, '')}`;
  const known = shape(await post('/login', { username: 'ann@example.org', password: wrong }), 'ann@example.org');
  for (const username of [
    'bob@example.org',
    'ann@example.com',
    'ann@',
    '@example.org',
    'a\u0000@example.org',
    'ann@@x',
  ])
    t.equal(shape(await post('/login', { username, password }), username), known, username);
  const [...refused] = await audit.list({ action: 'signin.refused' });
  t.match(refused.at(-1), { subject: 'user:ann' }, 'who it was about');
  t.notMatch(JSON.stringify(refused), /example/, 'what was typed is not written down');
});

t.test('signing in makes a new secret, and the one before is dead (fixation, C5)', async (t) => {
  const { post, addUser, sessions, signIn } = await createFixture(t);
  await addUser('ann');
  await addUser('bob');
  const before = await signIn('ann');
  const after = (await post('/login', { username: 'bob', password }, { cookie: before })).cookie;
  t.not(after, before);
  t.equal(await sessions.find(before, ''), null);
  t.ok(await sessions.find(after, ''));
  const again = (await post('/login', { username: 'bob', password }, { cookie: after })).cookie;
  t.not(again, after, 'also for the same person');
  t.equal(await sessions.find(after, ''), null);
  t.ok(await sessions.find(again, ''));
  const planted = `__Host-knot=${'x'.repeat(43)}`;
  const answer = await post('/login', { username: 'ann', password }, { cookie: planted });
  t.not(answer.cookie, planted, 'a planted id is not taken over');
  t.equal(await sessions.find(planted, ''), null);
});

t.test('a form of another origin is refused before it is read (C7, C8)', async (t) => {
  const { post, get, addUser, sessions, signIn } = await createFixture(t);
  await addUser('ann');
  const cookie = await signIn('ann');
  const foreign: Record<string, string | undefined>[] = [
    { origin: 'https://evil.test', 'sec-fetch-site': 'cross-site' },
    { origin: 'https://evil.test', 'sec-fetch-site': undefined },
    { origin: 'https://echo.localhost:8443', 'sec-fetch-site': 'same-site' },
    { origin: 'https://echo.localhost:8443', 'sec-fetch-site': undefined },
    { origin: 'null', 'sec-fetch-site': undefined },
    { origin: 'http://localhost:8443', 'sec-fetch-site': undefined },
    { origin: 'https://localhost', 'sec-fetch-site': undefined },
    { origin, 'sec-fetch-site': 'cross-site' },
    { origin: undefined, 'sec-fetch-site': 'cross-site' },
    { origin: undefined, 'sec-fetch-site': 'same-site' },
    { origin: 'null', 'sec-fetch-site': 'cross-site' },
    { origin, 'sec-fetch-site': 'same-origin, same-origin' },
  ];
  for (const headers of foreign) {
    for (const path of ['/login', '/logout', '/signup', '/setup', '/invite', '/reset']) {
      const answer = await post(path, { username: 'ann', password }, { cookie, ...headers });
      t.equal(answer.status, 403, `${path} ${JSON.stringify(headers)}`);
      t.equal(answer.cookie, undefined);
    }
  }
  t.ok(await sessions.find(cookie, ''), 'nobody was signed out');
  t.equal((await get('/logout', cookie)).status, 200, 'GET only asks');
  t.ok(await sessions.find(cookie, ''));
  const script = await post(
    '/login',
    { username: 'ann', password },
    { origin: undefined, 'sec-fetch-site': undefined, cookie },
  );
  const strict = await post(
    '/login',
    { username: 'ann', password },
    { origin: 'null', 'sec-fetch-site': 'same-origin' },
  );
  t.equal(strict.status, 303, 'a page that keeps its address to itself sends Origin null');
  t.equal(script.status, 303, 'a program, which names no origin at all, may sign in');
});

t.test('signing out ends the session everywhere and says so', async (t) => {
  const { post, get, addUser, sessions, signIn, signedOut, audit } = await createFixture(t);
  await addUser('ann');
  const cookie = await signIn('ann');
  const session = await sessions.find(cookie, '');
  const question = await get('/logout', cookie);
  t.match(question.body, /<form method="post" action="\/logout">/);
  t.match(question.body, 'ann');
  const answer = await post('/logout', {}, { cookie });
  t.equal(answer.status, 303);
  t.equal(answer.location, '/login?note=signed-out');
  t.match(answer.headers['set-cookie'], /^__Host-knot=; Path=\/; Max-Age=0;/);
  t.equal(await sessions.find(cookie, ''), null);
  t.strictSame(signedOut, [session?.centralId]);
  t.match((await get(answer.location!)).body, 'You are signed out.');
  t.match(await audit.list({ action: 'session.ended' }), [{ actor: 'ann', detail: { reason: 'signed_out' } }]);
  t.equal((await post('/logout', {}, { cookie })).status, 303, 'twice does no harm');
  t.equal((await get('/logout', cookie)).location, '/login');
});

t.test('a dead, tampered or tossed cookie is taken back (C1, C3)', async (t) => {
  const { get, addUser, signIn, sessions } = await createFixture(t);
  await addUser('ann');
  const cookie = await signIn('ann');
  for (const sent of [`${cookie.slice(0, -1)}_`, '__Host-knot=x', `${cookie}; ${cookie}`, `$Version=1,${cookie}`]) {
    const answer = await get('/login', sent);
    t.equal(answer.status, 200, sent.slice(0, 30));
    t.match(answer.headers['set-cookie'], 'Max-Age=0');
  }
  t.equal((await get('/login')).headers['set-cookie'], undefined);
  t.ok(await sessions.find(cookie, ''));
});

t.test('a fresh sign-in can be asked of who is signed in already', async (t) => {
  const { get, post, addUser, signIn, sessions, clock } = await createFixture(t);
  await addUser('ann');
  const cookie = await signIn('ann');
  const page = await get('/login?reauthenticate=1&next=/oidc/interaction/abc', cookie);
  t.equal(page.status, 200);
  t.match(page.body, 'value="ann"');
  t.match(page.body, 'name="next" value="/oidc/interaction/abc"');
  clock.advance(60_000);
  const answer = await post('/login', { username: 'ann', password, next: '/oidc/interaction/abc' }, { cookie });
  t.equal(answer.location, '/oidc/interaction/abc');
  t.equal((await sessions.find(answer.cookie, ''))?.authenticatedAt, clock.now());
  t.equal((await get('/login?reauthenticate=1')).status, 200);
});

t.test('bad input gets a calm page', async (t) => {
  const { app, post, addUser } = await createFixture(t);
  await addUser('ann');
  const form = { 'content-type': 'application/x-www-form-urlencoded', origin };
  const send = (payload: string, headers: Record<string, string> = form) =>
    app.inject({ method: 'POST', url: '/login', payload, headers });
  for (const [status, payload, headers] of [
    [400, 'username=a&username=b&password=c', form],
    [400, `username=${'a'.repeat(9000)}&password=c`, form],
    [413, `username=ann&password=${'a'.repeat(140_000)}`, form],
    [415, '{"username":"ann"}', { ...form, 'content-type': 'application/json' }],
    [415, 'x', { ...form, 'content-type': 'text/plain' }],
    [415, '--x', { ...form, 'content-type': 'multipart/form-data; boundary=x' }],
  ] as const) {
    const answer = await send(payload, headers);
    t.equal(answer.statusCode, status, payload.slice(0, 40));
    t.match(answer.headers['content-type'], 'text/html');
    t.match(answer.body, '<h1>');
    t.notMatch(answer.body, /node_modules|at .*\.ts:/);
  }
  for (const fields of [{}, { username: '' }, { __proto__: 'x' }, { username: '%00\u0000', password: '\u0000' }]) {
    t.equal((await post('/login', fields)).status, 401, JSON.stringify(fields));
  }
});

t.test('overload is told as such and costs nobody an attempt', async (t) => {
  let isBusy = true;
  const refuseIfBusy = (): void => {
    if (isBusy) throw knotError('KNOT_ACCOUNTS_BUSY', 503, 'Too many people are signing in at this moment.');
  };
  for (const place of ['expectRoom', 'verifyPassword'] as const) {
    isBusy = true;
    let looks = 0;
    const accounts = {
      expectRoom: () => (place === 'expectRoom' ? refuseIfBusy() : undefined),
      async verifyPassword() {
        looks += 1;
        if (place === 'verifyPassword') refuseIfBusy();
        return undefined;
      },
      findSignIn: async () => undefined,
      hasAdmin: async () => true,
    } as unknown as Accounts;
    const { post, store } = await createFixture(t, { options: { accounts } });
    for (let count = 0; count < 20; count += 1)
      t.equal((await post('/login', { username: 'ann', password })).status, 503);
    if (place === 'expectRoom') {
      t.equal(looks, 0, 'nobody looks at a password');
      t.strictSame(await store.db.selectFrom('attempts').selectAll().execute(), [], 'nothing is counted');
    }
    isBusy = false;
    t.equal((await post('/login', { username: 'ann', password })).status, 401);
  }
});

t.test('login_hint fills the name in, and nothing else', async (t) => {
  const { get } = await createFixture(t);
  const page = async (hint: string) => (await get(`/login?login_hint=${encodeURIComponent(hint)}`)).body;
  t.match(await page('ann@example.org'), /name="username"[^>]* value="ann@example.org"/);
  const attack = await page('"><script>alert(1)</script>');
  t.notMatch(attack, '<script>alert');
  t.match(attack, '&quot;&gt;&lt;script&gt;');
  t.notMatch(await page('x'.repeat(300)), 'xxxx');
  t.match((await get('/login?login_hint=a&login_hint=b')).status, 200, 'twice is never');
});

t.test('a tunnel to another port is told which address is expected, not that it is another site', async (t) => {
  const { app, post, addUser, addAdmin } = await createFixture(t);
  await addAdmin();
  await addUser('ann');
  const page = (host: string) => app.inject({ url: '/login', headers: { host } });
  t.match(
    (await page('localhost:9443')).body,
    'You opened this as https://localhost:9443, and it is at https://localhost:8443.',
  );
  for (const host of ['localhost:8443', 'localhost']) t.notMatch((await page(host)).body, 'You opened this', host);
  const form = { username: 'ann', password };
  const refused = await post('/login', form, { origin: 'https://localhost:9443', 'sec-fetch-site': undefined });
  t.equal(refused.status, 403);
  t.match(refused.body, 'it is at https://localhost:8443');
  t.notMatch(refused.body, 'another site');
  const foreign = await post('/login', form, { origin: 'https://evil.test', 'sec-fetch-site': undefined });
  t.match(foreign.body, 'another site');
});
