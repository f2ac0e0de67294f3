import t from 'tap';
import { createPostedRequests } from '../../gateway/oidc/posted.ts';
import { createRecords } from '../../gateway/oidc/records.ts';
import { openHouse, type Teardown } from './support/house.ts';
import { challengeOf, createRelyingParty, newVerifier } from './support/relying-party.ts';

const formType = 'application/x-www-form-urlencoded';

async function open(test: Teardown) {
  const house = await openHouse(test);
  const browser = house.browser();
  const session = await house.signIn(browser, await house.person('ann'));
  const party = createRelyingParty(house);
  /** A form of another site: its cookies are Lax, so a POST comes without them. */
  const post = async (path: string, body: string, contentType: string | undefined = formType) =>
    await house.fetch(`${house.issuer}${path}`, {
      method: 'POST',
      headers: {
        origin: 'https://rp.example',
        'sec-fetch-site': 'cross-site',
        accept: 'text/html',
        ...(contentType === undefined ? {} : { 'content-type': contentType }),
      },
      body,
    });
  return { house, browser, session, party, post };
}

t.test('OpenID Connect Core 3.1.2.1: a posted authorization request is the same request by GET', async (t) => {
  const { house, browser, party, post } = await open(t);
  const verifier = newVerifier();
  const state = 'a b&c=d+é"';
  const form = new URLSearchParams({
    client_id: 'jupyterhub',
    redirect_uri: party.redirectUri,
    response_type: 'code',
    scope: 'openid profile',
    state,
    code_challenge: challengeOf(verifier),
    code_challenge_method: 'S256',
  });
  for (const type of [formType, `${formType}; charset=UTF-8`, 'Application/X-WWW-Form-Urlencoded']) {
    const answer = await post('/auth', form.toString(), type);
    t.equal(answer.status, 303, type);
    t.equal(answer.headers.get('cache-control'), 'no-store');
    t.same(answer.headers.getSetCookie(), [], 'the POST itself changes nothing');
    const target = new URL(answer.headers.get('location')!, house.origin);
    t.equal(target.origin + target.pathname, `${house.issuer}/auth`);
    const page = await browser.go(target, (url) => url.startsWith(party.redirectUri));
    t.equal(new URL(page.location!).searchParams.get('state'), state);
    const { status } = await party.exchange(new URL(page.location!).searchParams.get('code')!, verifier);
    t.equal(status, type === formType ? 200 : status, 'the code is good');
  }
});

t.test('what stands in the address of a posted request is not read', async (t) => {
  const { house, post } = await open(t);
  const answer = await post('/auth?client_id=evil&prompt=none', 'client_id=jupyterhub');
  t.equal(new URL(answer.headers.get('location')!, house.origin).search, '?client_id=jupyterhub');
});

t.test('a repeated parameter stays repeated, and is refused', async (t) => {
  const { house, browser, party, post } = await open(t);
  const url = new URL(party.authorizationUrl());
  const answer = await post('/auth', `${url.searchParams.toString()}&scope=openid`);
  const page = await browser.request(new URL(answer.headers.get('location')!, house.origin));
  t.match(page.location ?? page.text, /twice/);
  t.notMatch(page.location ?? '', /code=/);
});

t.test(
  'RP-Initiated Logout 2: a posted sign-out ends the session, with a hint of any length that fits a form',
  async (t) => {
    const { house, browser, session, party, post } = await open(t);
    const tokens = await party.tokens(browser);
    const returnTo = 'https://jupyterhub.localhost/hub/logout';
    const state = 's'.repeat(48_000);
    const form = new URLSearchParams({ id_token_hint: tokens.id_token!, post_logout_redirect_uri: returnTo, state });
    const answer = await post('/session/end', form.toString());
    t.equal(answer.status, 303);
    const location = answer.headers.get('location')!;
    t.ok(location.length < 6 * 1024, `an address of ${location.length} characters passes every proxy on the way`);
    const page = await browser.request(new URL(location, house.origin));
    t.equal(page.location, `${returnTo}?state=${state}`);
    t.notOk((await house.sessions.listAll()).some(({ id }) => id === session.id));
  },
);

t.test('a posted sign-out without a hint asks, as by GET', async (t) => {
  const { house, browser, session, post } = await open(t);
  const answer = await post('/session/end', 'client_id=jupyterhub');
  const page = await browser.request(new URL(answer.headers.get('location')!, house.origin));
  t.match(page.text, 'Sign out of Knot?');
  t.ok((await house.sessions.listAll()).some(({ id }) => id === session.id));
});

t.test('a long authorization request is kept for a while, for its own endpoint only', async (t) => {
  let ahead = 0;
  const house = await openHouse(t, { clock: { now: () => Date.now() + ahead } });
  const browser = house.browser();
  await house.signIn(browser, await house.person('ann'));
  const party = createRelyingParty(house);
  const state = 'x'.repeat(40_000);
  const body = new URL(party.authorizationUrl({ state })).search.slice(1);
  const answer = await house.fetch(`${house.issuer}/auth`, {
    method: 'POST',
    headers: { 'content-type': formType },
    body,
  });
  const location = new URL(answer.headers.get('location')!, house.origin);
  for (const turn of ['the first time', 'when the page is loaded again']) {
    const page = await browser.go(location, (url) => url.startsWith(party.redirectUri));
    t.equal(new URL(page.location!).searchParams.get('state'), state, turn);
  }
  const elsewhere = await browser.request(`${house.issuer}/session/end${location.search}`);
  t.equal(elsewhere.status, 400);
  t.notMatch(elsewhere.text, 'xxxx');
  const both = await browser.request(`${location.href}&client_id=jupyterhub`);
  t.notMatch(both.location ?? '', /code=/, 'nothing can be added to it');
  ahead = 11 * 60 * 1000;
  const late = await browser.request(location);
  t.equal(late.status, 400);
  t.match(late.text, 'expired');
});

t.test('another content type, a body that is too large, and other endpoints are refused', async (t) => {
  const { house, party, post } = await open(t);
  const query = new URL(party.authorizationUrl()).search.slice(1);
  for (const type of [
    'application/json',
    'multipart/form-data; boundary=x',
    'text/plain',
    'application/x-www-form-urlencodedx',
  ]) {
    for (const path of ['/auth', '/session/end']) {
      const answer = await post(path, type === 'application/json' ? '{"client_id":"jupyterhub"}' : query, type);
      t.equal(answer.status, 400, `${type} ${path}`);
      t.equal(answer.headers.get('location'), null);
      t.match(await answer.text(), 'application/x-www-form-urlencoded');
    }
  }
  const large = await post('/auth', `${query}&state=${'x'.repeat(70_000)}`);
  t.equal(large.status, 413);
  t.equal((await post('/auth/abc', query)).status, 404);
  t.equal((await house.fetch(`${house.issuer}/auth`, { method: 'PUT', body: 'x' })).status, 404);
});

t.test('strangers cannot fill the store with long requests, and the latest one is always kept', async (t) => {
  const { house } = await open(t);
  let now = house.clock.now();
  const records = createRecords({ store: house.store, clock: house.clock });
  const posted = createPostedRequests(records, () => (now += 1));
  const kept = async () =>
    (await house.store.db.selectFrom('oidc_records').select('id').where('model', '=', 'PostedRequest').execute())
      .length;
  let last = '';
  for (let index = 0; index < 520; index++) last = await posted.addressOf('/auth', `n=${index}&x=${'y'.repeat(7000)}`);
  t.equal(await kept(), 500);
  t.match(await posted.restore(last), '/auth?n=519&');
});
