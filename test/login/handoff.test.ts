import t from 'tap';
import { createFixture } from './fixture.ts';

const binding = 'b'.repeat(43);
const to = 'https://jupyterhub.localhost:8443/hub/user-redirect/lab/tree/x.ipynb?y=1';
const handoff = (target: string, hash = binding) => `/login/handoff?to=${encodeURIComponent(target)}&binding=${hash}`;

t.test('signed in: straight to the host with a code', async (t) => {
  const { get, addUser, signIn, sessions } = await createFixture(t);
  await addUser('ann');
  const cookie = await signIn('ann');
  const answer = await get(handoff(to), cookie);
  t.equal(answer.status, 303);
  t.equal(answer.headers['cache-control'], 'no-store');
  const location = new URL(answer.location!);
  t.equal(location.origin + location.pathname, 'https://jupyterhub.localhost:8443/.knot/callback');
  const visit = { host: 'jupyterhub.localhost', bindings: [binding], device: '', address: '', isInUse: () => false };
  const made = await sessions.redeemCode(location.searchParams.get('code')!, visit);
  t.equal(made.next, '/hub/user-redirect/lab/tree/x.ipynb?y=1');
});

t.test('signed out: through the sign-in page and back, the deep link intact', async (t) => {
  const { get, post, addUser } = await createFixture(t);
  await addUser('ann');
  const first = await get(handoff(to));
  t.equal(first.status, 303);
  const login = new URL(first.location!, 'https://localhost:8443');
  t.equal(login.pathname, '/login');
  const page = await get(first.location!);
  const next = /name="next" value="([^"]+)"/.exec(page.body)![1]!.replaceAll('&amp;', '&');
  const signedIn = await post('/login', { username: 'ann', password: 'correct horse battery staple', next });
  t.equal(signedIn.location, login.searchParams.get('next'));
  const second = await get(signedIn.location!, signedIn.cookie);
  t.match(second.location, /^https:\/\/jupyterhub\.localhost:8443\/\.knot\/callback\?code=[\w-]{43}$/);
});

t.test('an address that is not ours gets a page and no code', async (t) => {
  const { get, addUser, signIn, store } = await createFixture(t);
  await addUser('ann');
  const cookie = await signIn('ann');
  for (const url of [
    '/login/handoff',
    `/login/handoff?to=${encodeURIComponent(to)}`,
    `/login/handoff?binding=${binding}`,
    handoff(to, 'short'),
    handoff(to, `${binding}%0a`),
    `${handoff(to)}&to=https://evil.test/`,
    handoff('https://evil.test/'),
    handoff('https://evil.test:8443/'),
    handoff('https://unknown.localhost:8443/'),
    handoff('https://localhost:8443/'),
    handoff('http://jupyterhub.localhost:8443/'),
    handoff('https://jupyterhub.localhost/'),
    handoff('https://jupyterhub.localhost:8443@evil.test/'),
    handoff('https://jupyterhub.localhost:8443\\@evil.test/'),
    handoff('//jupyterhub.localhost:8443/'),
    handoff('/hub'),
    handoff('javascript:alert(1)'),
  ]) {
    const answer = await get(url, cookie);
    t.equal(answer.status, 400, url);
    t.equal(answer.location, undefined);
  }
  t.strictSame(await store.db.selectFrom('handoff_codes').selectAll().execute(), []);
});

t.test('who is not signed in does not learn which hosts exist', async (t) => {
  const { get } = await createFixture(t);
  const known = await get(handoff('https://echo.localhost:8443/'));
  const unknown = await get(handoff('https://nope.localhost:8443/'));
  t.equal(known.status, unknown.status);
  t.equal(known.location, unknown.location?.replace('nope', 'echo'));
});

t.test('a path that would lead elsewhere is refused, never replaced in silence', async (t) => {
  const { get, addUser, signIn } = await createFixture(t);
  await addUser('ann');
  const cookie = await signIn('ann');
  for (const path of ['//evil.test/', '/a/../b', '/a\\b', '/%zz']) {
    const answer = await get(handoff(`https://echo.localhost:8443${path}`), cookie);
    t.equal(answer.status, 400, path);
    t.equal(answer.location, undefined);
  }
});

t.test('an address that is kept leads there from any page, also when it is long', async (t) => {
  const { get, post, addUser, signIn, sessions } = await createFixture(t);
  await addUser('ann');
  const path = `/explore?left=${'%7B%22a%22%3A1%7D'.repeat(1500)}&q=\\d+`;
  const id = await sessions.kept.keep(`https://echo.localhost:8443${path}`, { browser: 'b', client: '192.0.2.1' });
  const start = `/login/handoff?to=kept:${id}&host=echo.localhost&binding=${binding}`;
  const first = await get(start);
  t.ok(first.location!.length < 400, 'a short address');
  const page = await get(first.location!);
  const next = /name="next" value="([^"]+)"/.exec(page.body)![1]!.replaceAll('&amp;', '&');
  const signedIn = await post('/login', { username: 'ann', password: 'correct horse battery staple', next });
  const second = await get(signedIn.location!, signedIn.cookie);
  const code = new URL(second.location!).searchParams.get('code')!;
  const made = await sessions.redeemCode(code, {
    host: 'echo.localhost',
    bindings: [binding],
    isInUse: () => false,
    device: '',
    address: '',
  });
  t.equal(made.next, path);

  const forgotten = start.replace(id, 'f'.repeat(43));
  t.match((await get(forgotten)).location, /^\/login\?next=/, 'who is not signed in learns nothing');
  const lost = await get(forgotten, await signIn('ann'));
  t.equal(lost.status, 410);
  t.match(lost.body, /not known any more/);
  t.match(lost.body, 'href="https://echo.localhost:8443/"', 'the application itself is one click away');
});

t.test('a start that was made anew is marked, until a person signs in on the way', async (t) => {
  const { get, addUser, signIn } = await createFixture(t);
  await addUser('ann');
  const again = `${handoff(to)}&again=1`;
  t.match((await get(again, await signIn('ann'))).location, /\/\.knot\/callback\?code=[\w-]{43}&again=1$/);
  t.notMatch(decodeURIComponent((await get(again)).location!), /again/);
});
