import t from 'tap';
import { createFixture, password } from './fixture.ts';

const deep = 'https://echo.localhost:8443/deep/page?q=\\d+&x=%2F';
const asNext = encodeURIComponent(deep);
/** Addresses of the links and forms of a page, as a browser reads them. */
const links = (body: string) => [...body.matchAll(/href="([^"]+)"/g)].map(([, href]) => href!.replaceAll('&amp;', '&'));
const hidden = (body: string) => /name="next" value="([^"]+)"/.exec(body)?.[1]?.replaceAll('&amp;', '&');

t.test('the page asks who goes on, and leads back either way', async (t) => {
  const { get, post, addUser, signIn, sessions } = await createFixture(t);
  await addUser('ann');
  await addUser('bob');
  const cookie = await signIn('bob');
  const page = await get(`/login/account?next=${asNext}`, cookie);
  t.equal(page.status, 200);
  t.match(page.body, 'signed in as <strong>bob</strong>');
  const [onwards, other] = links(page.body).filter((href) => href.startsWith('/login'));

  t.equal((await get(onwards!, cookie)).location, deep, 'as the same person');

  const form = await get(other!, cookie);
  t.equal(form.status, 200, 'the form, though somebody is signed in');
  t.match(form.body, 'Use another account');
  t.notMatch(form.body, 'value="bob"');
  t.equal(hidden(form.body), deep);
  t.notMatch(form.body, /<form[^>]*action=/, 'it is posted to its own address');
  const wrong = await post(other!, { username: 'ann', password: 'wrong', next: deep }, { cookie });
  t.equal(wrong.status, 401);
  t.match(wrong.body, 'Use another account', 'the second page is the same form');
  t.equal(hidden(wrong.body), deep);
  t.ok(await sessions.find(cookie, ''), 'and nothing has ended');
  const switched = await post(other!, { username: 'ann', password, next: deep }, { cookie });
  t.equal(switched.location, deep);
  t.equal(await sessions.find(cookie, ''), null, 'the session before ended');
  const stay = links(form.body).find((href) => href.startsWith('/login?next='))!;
  t.equal((await get(stay, switched.cookie)).location, deep);
});

t.test('who is not signed in gets the form and the same way back', async (t) => {
  const { get } = await createFixture(t);
  t.equal((await get(`/login/account?next=${asNext}`)).location, `/login?next=${asNext}`);
});

t.test('an address elsewhere leads nowhere', async (t) => {
  const { get, addUser, signIn } = await createFixture(t);
  await addUser('ann');
  const page = await get('/login/account?next=https%3A%2F%2Fevil.test%2F', await signIn('ann'));
  t.notMatch(page.body, 'evil');
});

t.test('what another module puts into next is kept, for prompt=select_account', async (t) => {
  const { get, addUser, signIn } = await createFixture(t);
  await addUser('ann');
  const cookie = await signIn('ann');
  const next = '/oidc/interaction/abc_-1?selected=1';
  const page = await get(`/login/account?next=${encodeURIComponent(next)}`, cookie);
  const onwards = links(page.body).find((href) => href.startsWith('/login?next='))!;
  t.equal((await get(onwards, cookie)).location, next);
});
