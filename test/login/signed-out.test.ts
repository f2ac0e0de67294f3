import t from 'tap';
import { newSecret } from '../../gateway/lib/index.ts';
import { createFixture } from './fixture.ts';

t.test('a forced sign-out says why, once, and only to the browser it happened to', async (t) => {
  const { get, addUser, signIn, sessions, accounts } = await createFixture(t);
  const id = await addUser('ann');
  const cases: [words: RegExp, act: () => Promise<unknown>][] = [
    [/password was changed on another device/, () => sessions.endAll(id, { actor: 'ann', reason: 'password_changed' })],
    [/password was reset/, () => sessions.endAll(id, { actor: 'ann', reason: 'password_reset' })],
    [/from another device of yours/, () => sessions.endAll(id, { actor: 'ann', reason: 'ended_by_owner' })],
    [/an administrator ended your session/, () => sessions.endAll(id, { actor: 'root', reason: 'ended_by_admin' })],
    [/switched this account off/, () => sessions.endAll(id, { actor: 'root', reason: 'account_disabled' })],
    [/switched this account off/, () => accounts.setState(id, 'disabled', { name: 'root' })],
  ];
  for (const [words, act] of cases) {
    const cookie = await signIn('ann');
    await act();
    const page = await get('/login?next=%2Fpolicies', cookie);
    t.equal(page.status, 200);
    t.match(page.body, words);
    t.match(page.headers['set-cookie'], /^__Host-knot=; .*Max-Age=0/, 'the cookie is taken back');
    const stranger = await get('/login', `__Host-knot=${newSecret()}`);
    t.notMatch(stranger.body, 'signed out');
    t.notMatch((await get('/login')).body, 'signed out');
  }
});

t.test('idle is told as such; a sign-out of ones own is not called forced', async (t) => {
  const { get, post, addUser, signIn, clock } = await createFixture(t);
  await addUser('ann');
  const cookie = await signIn('ann');
  clock.advance(3600_000);
  t.match((await get('/login', cookie)).body, /not used for a while/);
  const again = await signIn('ann');
  const out = await post('/logout', {}, { cookie: again });
  const page = await get(out.location!, again);
  t.match(page.body, 'You are signed out.');
  t.notMatch(page.body, 'administrator ended');
  const replaced = await signIn('ann');
  await post('/login', { username: 'ann', password: 'correct horse battery staple' }, { cookie: replaced });
  t.notMatch((await get('/login', replaced)).body, 'signed out', 'a newer session in the same browser');
});

t.test('a page that was asked for before a sign-in and comes after it leaves the new cookie alone', async (t) => {
  const { get, post, addUser, signIn, sessions } = await createFixture(t);
  await addUser('ann');
  await addUser('bob');
  const first = await signIn('ann');
  const sign = (username: string, cookie: string) =>
    post('/login', { username, password: 'correct horse battery staple' }, { cookie });
  const second = (await sign('ann', first)).cookie!;
  const third = (await sign('bob', second)).cookie!;
  // Cookies have one name: taking back what this request showed would take what another answer has set meanwhile.
  for (const late of [first, second]) {
    const page = await get('/login', late);
    t.equal(page.status, 200);
    t.equal(page.cookie, undefined);
  }
  t.ok(await sessions.find(third, ''));
  const tossed = await get('/login', `__Host-knot=${'x'.repeat(43)}`);
  t.match(tossed.headers['set-cookie'], /__Host-knot=;/, 'neighbour: what is no session goes');
});

t.test('who shows an earlier secret can sign out, and nothing else', async (t) => {
  const { get, post, addUser, signIn, sessions } = await createFixture(t);
  await addUser('ann');
  const first = await signIn('ann');
  const second = (
    await post('/login', { username: 'ann', password: 'correct horse battery staple' }, { cookie: first })
  ).cookie!;
  t.match((await get('/login', first)).body, /name="password"/, 'it is asked to sign in');
  t.equal((await get('/logout', first)).location, '/login');
  t.equal((await post('/logout', {}, { cookie: first })).status, 303);
  t.equal(await sessions.find(second, ''), null);
});
