import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose';
import t from 'tap';
import { openHouse, type Teardown } from './support/house.ts';
import { createRelyingParty } from './support/relying-party.ts';
import { eventually } from '../support/eventually.ts';

async function open(test: Teardown) {
  const house = await openHouse(test);
  const ann = await house.person('ann');
  const browser = house.browser();
  const session = await house.signIn(browser, ann);
  return { house, ann, browser, session, party: createRelyingParty(house) };
}

t.test('prompt=none works silently for who is signed in, and says login_required to who is not', async (t) => {
  const { house, browser, party } = await open(t);
  const silent = await party.authorize(browser, { prompt: 'none' });
  t.ok(new URL(silent.location!).searchParams.get('code'), 'at the very first request');
  const stranger = await party.authorize(house.browser(), { prompt: 'none' });
  t.equal(new URL(stranger.location!).searchParams.get('error'), 'login_required');
});

t.test('who is not signed in is sent to the sign-in page and back to where they were', async (t) => {
  const { house, ann, party } = await open(t);
  const browser = house.browser();
  const login = await party.authorize(browser);
  const { pathname, searchParams } = new URL(login.url);
  t.equal(pathname, '/login');
  const next = searchParams.get('next')!;
  t.match(next, /^\/oidc\/interaction\/[\w-]+$/);
  await house.signIn(browser, ann);
  const back = await browser.go(`${house.origin}${next}`, (url) => url.startsWith(party.redirectUri));
  t.ok(new URL(back.location!).searchParams.get('code'));
  t.equal(new URL(back.location!).searchParams.get('state'), 'st');
});

t.test('an interaction belongs to the browser that started it', async (t) => {
  const { house, ann, party } = await open(t);
  const login = await party.authorize(house.browser());
  const next = new URL(login.url).searchParams.get('next')!;
  const thief = house.browser();
  await house.signIn(thief, ann);
  const page = await thief.request(`${house.origin}${next}`);
  t.equal(page.status, 400);
  t.match(page.text, 'This sign-in has expired');
});

for (const [name, parameters] of [
  ['prompt=login', { prompt: 'login' }],
  ['max_age', { max_age: '0' }],
] as const) {
  t.test(`${name} asks for a new sign-in, and an old one does not pass`, async (t) => {
    const { house, ann, browser, party } = await open(t);
    await party.tokens(browser);
    await new Promise((resolve) => setTimeout(resolve, 1100)); // auth_time counts whole seconds
    const login = await party.authorize(browser, parameters);
    const { pathname, searchParams } = new URL(login.url);
    t.equal(pathname, '/login');
    t.equal(searchParams.get('reauthenticate'), '1');
    const interaction = `${house.origin}${searchParams.get('next')!}`;
    const impatient = await browser.go(interaction, (url) => url.startsWith(party.redirectUri));
    t.equal(new URL(impatient.url).pathname, '/login', 'going back without signing in leads to the sign-in again');
    const before = Math.floor(Date.now() / 1000);
    const fresh = await house.signIn(browser, ann);
    const back = await browser.go(interaction, (url) => url.startsWith(party.redirectUri));
    t.ok(new URL(back.location!).searchParams.get('code'));
    const tokens = await party.tokens(browser, { max_age: '60' });
    t.ok(Number(decodeJwt(tokens.id_token!)['auth_time']) >= before);
    t.equal(Number(decodeJwt(tokens.id_token!)['auth_time']), Math.floor(fresh.authenticatedAt / 1000));
  });
}

t.test('another person who signs in in the same browser is never taken for the first one', async (t) => {
  const { house, browser, party } = await open(t);
  const first = await party.tokens(browser);
  const ben = await house.person('ben');
  await house.signIn(browser, ben);
  const second = await party.tokens(browser);
  t.equal(decodeJwt(second.id_token!)['sub'], ben.id);
  t.equal((await party.userinfo(first.access_token!)).status, 401, 'the first one is signed out of the tools too');
});

t.test('a request that names another person is refused to the client, without a loop', async (t) => {
  const { house, browser, party } = await open(t);
  const other = house.browser();
  await house.signIn(other, await house.person('ben'));
  const { id_token } = await party.tokens(other);
  const page = await party.authorize(browser, { id_token_hint: id_token! });
  t.equal(new URL(page.location!).searchParams.get('error'), 'login_required');
});

t.test('when the Knot session ends, its tokens are dead and others live on', async (t) => {
  const { house, ann, browser, session, party } = await open(t);
  const elsewhere = house.browser();
  await house.signIn(elsewhere, ann);
  const [here, there] = [await party.tokens(browser), await party.tokens(elsewhere)];
  const pending = await party.code(browser);
  await house.sessions.end(session.id, { actor: 'test', reason: 'test' });
  await eventually(
    'the token of here is refused',
    async () => (await party.userinfo(here.access_token!)).status === 401,
  );
  t.match(await party.refresh(here.refresh_token!), { status: 400, body: { error: 'invalid_grant' } });
  t.match(await party.exchange(pending.code, pending.verifier), { status: 400, body: { error: 'invalid_grant' } });
  t.equal((await party.userinfo(there.access_token!)).status, 200, 'the other device is still signed in');
  const silent = await party.authorize(browser, { prompt: 'none' });
  t.equal(new URL(silent.location!).searchParams.get('error'), 'login_required');
});

t.test('after signing in again in the same browser, tokens follow the new Knot session', async (t) => {
  const { house, ann, browser, session, party } = await open(t);
  await party.tokens(browser);
  const again = await house.signIn(browser, ann);
  const tokens = await party.tokens(browser);
  await house.sessions.end(session.id, { actor: 'test', reason: 'test' });
  t.equal((await party.userinfo(tokens.access_token!)).status, 200);
  await house.sessions.end(again.id, { actor: 'test', reason: 'test' });
  await eventually('the token is refused', async () => (await party.userinfo(tokens.access_token!)).status === 401);
});

t.test('a session that ended while no gateway ran is forgotten at the next start', async (t) => {
  const { house, browser, session, party } = await open(t);
  const tokens = await party.tokens(browser);
  await house.store.db.deleteFrom('sessions').where('central_id', '=', session.id).execute();
  t.equal((await party.userinfo(tokens.access_token!)).status, 200, 'nobody has noticed yet');
  const again = await house.restart();
  t.teardown(() => again.close());
  await eventually('the token is refused', async () => (await party.userinfo(tokens.access_token!)).status === 401);
});

t.test('what ended while no gateway ran is looked for in parts', async (t) => {
  const house = await openHouse(t);
  const ids = Array.from({ length: 1_000 }, (_, n) => `central-${String(n).padStart(4, '0')}`);
  for (let from = 0; from < ids.length; from += 100) {
    const rows = ids.slice(from, from + 100).map((uid) => {
      return { model: 'SessionLink', id: `of ${uid}`, uid, payload: '{}', expires_at: Date.now() + 3600_000 };
    });
    await house.store.db.insertInto('oidc_records').values(rows).execute();
  }
  const isEven = (id: string): boolean => Number(id.slice(-1)) % 2 === 0;
  const asked: number[] = [];
  const again = await house.restart({
    sessions: {
      ...house.sessions,
      async living(some) {
        asked.push(some.length);
        return new Set(some.filter(isEven));
      },
    },
  });
  t.teardown(() => again.close());
  const left = async () =>
    (await house.store.db.selectFrom('oidc_records').select('uid').execute()).map(({ uid }) => uid);
  await eventually('the others are gone', async () => (await left()).length === 500);
  t.strictSame((await left()).sort(), ids.filter(isEven));
  await eventually('every part was looked at', () => asked.reduce((sum, count) => sum + count, 0) === 1_000);
  t.ok(Math.max(...asked) <= 200, `parts of ${asked.join()}`);
});

t.test('offline access outlives the sign-in, for a client that asked with consent', async (t) => {
  const { house, browser, session, party } = await open(t);
  const tokens = await party.tokens(browser, { scope: 'openid offline_access', prompt: 'consent' });
  await house.sessions.end(session.id, { actor: 'test', reason: 'test' });
  const { status, body } = await party.refresh(tokens.refresh_token!);
  t.equal(status, 200);
  t.equal((await party.userinfo(body.access_token!)).status, 200);
});

t.test('disabling an account ends every grant at once, for good', async (t) => {
  const { house, ann, browser, party } = await open(t);
  const tokens = await party.tokens(browser, { scope: 'openid offline_access', prompt: 'consent' });
  t.equal((await party.userinfo(tokens.access_token!)).status, 200);
  await house.accounts.setState(ann.id, 'disabled', { name: 'test' });
  t.equal((await party.userinfo(tokens.access_token!)).status, 401);
  t.match(await party.refresh(tokens.refresh_token!), { status: 400, body: { error: 'invalid_grant' } });
  t.same((await party.post('/token/introspection', { token: tokens.access_token! })).body, { active: false });
  await eventually('no record of ann is left', async () => {
    const left = await house.store.db
      .selectFrom('oidc_records')
      .select('id')
      .where('account_id', '=', ann.id)
      .execute();
    return left.length === 0;
  });
  await house.accounts.setState(ann.id, 'active', { name: 'test' });
  t.equal((await party.userinfo(tokens.access_token!)).status, 401, 'enabling it again brings nothing back');
});

t.test('refreshed tokens carry the groups of now', async (t) => {
  const { house, ann, browser, party } = await open(t);
  const tokens = await party.tokens(browser);
  const team = await house.accounts.createTeam({ name: 'astro', title: 'Astro' }, { name: 'test' });
  await house.accounts.setMember(team.id, ann.id, 'member', { name: 'test' });
  const { body } = await party.refresh(tokens.refresh_token!);
  t.same(decodeJwt(body.id_token!)['groups'], ['knot:team:astro', 'knot:user:ann']);
  t.same((await party.userinfo(tokens.access_token!)).body['groups'], ['knot:team:astro', 'knot:user:ann']);
});

t.test('keys rotate while it runs: old tokens verify, new ones name the new key, sessions go on', async (t) => {
  const { house, browser, party } = await open(t);
  const jwks = async () => (await (await house.fetch(`${house.issuer}/jwks`)).json()) as JSONWebKeySet;
  const before = await party.tokens(browser);
  await house.keys.rotate(0);
  const after = await party.tokens(browser, { prompt: 'none' });
  const [oldKid, newKid] = [before, after].map((tokens) => decodeProtectedHeader(tokens.id_token!).kid);
  t.not(newKid, oldKid);
  const set = await jwks();
  t.ok(set.keys.some((key) => key.kid === oldKid) && set.keys.some((key) => key.kid === newKid));
  for (const tokens of [before, after]) {
    await t.resolves(
      jwtVerify(tokens.id_token!, createLocalJWKSet(set), { issuer: house.issuer, audience: 'jupyterhub' }),
    );
  }
  t.ok(set.keys.every((key) => !('d' in key)));
  t.equal((await party.userinfo(before.access_token!)).status, 200);
  t.equal((await party.refresh(before.refresh_token!)).status, 200);
  const root = (await (await house.fetch(`${house.origin}/.well-known/jwks.json`)).json()) as JSONWebKeySet;
  t.same(root.keys.map((key) => key.kid).sort(), set.keys.map((key) => key.kid).sort());
});
