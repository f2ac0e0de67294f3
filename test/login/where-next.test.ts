import t from 'tap';
import { createFixture, password } from './fixture.ts';

const hidden = (body: string) => /name="next" value="([^"]+)"/.exec(body)?.[1]?.replaceAll('&amp;', '&');
const long = `/policies?q=${'%22%7Bx%7D'.repeat(2000)}`;

t.test('a long address of the main host survives the pages byte for byte', async (t) => {
  const { get, post, addUser } = await createFixture(t);
  await addUser('ann');
  const page = await get(`/login?next=${encodeURIComponent(long)}`);
  const next = hidden(page.body)!;
  t.ok(next.length < 100, 'it is kept on the server');
  const wrong = await post('/login', { username: 'ann', password: 'wrong', next });
  t.equal(hidden(wrong.body), next);
  t.equal((await post('/login', { username: 'ann', password, next })).location, long);
  t.equal((await post('/login', { username: 'ann', password, next: long })).location, long, 'and as it is');
});

t.test('the form goes to the address of its page; its hidden field wins over that', async (t) => {
  const { get, post, addUser } = await createFixture(t);
  await addUser('ann');
  t.notMatch((await get('/login?next=%2Fpolicies')).body, /<form[^>]*action=/);
  const person = { username: 'ann', password };
  t.equal((await post('/login?next=%2Fpolicies', person)).location, '/policies');
  t.equal((await post('/login?next=%2Fpolicies', { ...person, next: '/services' })).location, '/services');
});

t.test('what cannot be followed is said before anybody signs in', async (t) => {
  const { get, addAdmin } = await createFixture(t);
  await addAdmin();
  const page = await get(`/login?next=${encodeURIComponent('https://evil.test/')}`);
  t.match(page.body, 'not on this platform');
  t.notMatch(page.body, 'evil');
  for (const next of ['/', '/policies', '/login', 'https://echo.localhost:8443/']) {
    t.notMatch((await get(`/login?next=${encodeURIComponent(next)}`)).body, 'not on this platform', next);
  }
});

t.test('who is signed in already is told too, instead of standing on the home page without a word', async (t) => {
  const { get, addAdmin, signIn } = await createFixture(t);
  await addAdmin();
  const cookie = await signIn('olga');
  const page = await get(`/login?next=${encodeURIComponent('https://evil.test/')}`, cookie);
  t.equal(page.status, 400);
  t.match(page.body, 'not on this platform');
  t.notMatch(page.body, 'evil');
  t.equal((await get('/login?next=%2Fpolicies', cookie)).location, '/policies');
});

t.test('an address that is not kept any more is said, not replaced', async (t) => {
  const { get, post, addUser } = await createFixture(t);
  await addUser('ann');
  const next = `kept:${'x'.repeat(43)}`;
  const answer = await post('/login', { username: 'ann', password, next });
  t.equal(answer.status, 410);
  t.ok(answer.cookie, 'the person is signed in');
  t.match(answer.body, /not known any more/);
  t.equal((await get(`/login?next=${next}`, answer.cookie)).status, 410);
});

t.test('sign-up keeps the way: open, waiting, and with a mistake', async (t) => {
  const to = 'https://echo.localhost:8443/deep?x=1';
  for (const signUp of ['open', 'approval'] as const) {
    const { get, post, addAdmin } = await createFixture(t, { signUp });
    await addAdmin();
    const address = (await get(`/login?to=signup&next=${encodeURIComponent(to)}`)).location!;
    const page = await get(address);
    t.equal(hidden(page.body), to);
    t.equal((await get(address.replace('?', '?to=login&'))).location, `/login?next=${encodeURIComponent(to)}`);
    const typed = { username: 'carla', email: 'carla@example.org', password, next: to };
    t.equal(hidden((await post(address, { ...typed, username: 'Not A Name' })).body), to);
    const done = await post(address, typed);
    if (signUp === 'open') t.equal(done.location, to);
    else {
      const pending = await get(done.location!);
      t.match(pending.body, 'Waiting for approval');
      t.equal(hidden(pending.body), to);
      const early = await post(`/login?next=${encodeURIComponent(to)}`, typed);
      t.notOk(early.cookie);
      t.equal(hidden(early.body), to, 'whoever comes too early keeps it as well');
    }
  }
});

t.test('the page that makes people wait opens the form again with the same way', async (t) => {
  const { post } = await createFixture(t, { login: { attemptsPerAccount: 1 } });
  const form = { username: 'ann', password: 'wrong', next: '/policies' };
  await post('/login', form);
  const blocked = await post('/login', form);
  t.equal(blocked.status, 429);
  t.match(blocked.body, '<form method="get"');
  t.equal(hidden(blocked.body), '/policies');
});
