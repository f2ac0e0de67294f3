import { decodeJwt } from 'jose';
import t from 'tap';
import type { ClientFacts } from '../../gateway/oidc/metadata.ts';
import { openHouse, type Teardown } from './support/house.ts';
import type { Browser } from './support/browser.ts';
import { challengeOf, createRelyingParty, newVerifier } from './support/relying-party.ts';

const scope = 'openid profile groups offline_access';
const kubelogin = { id: 'kubelogin', redirectUri: 'http://localhost:8000' };
const harbor = {
  id: 'harbor',
  secret: 'harbor-secret-0123456789',
  redirectUri: 'https://harbor.example/c/oidc/callback',
};
const wiki = { id: 'wiki', secret: 'wiki-secret-0123456789', redirectUri: 'https://wiki.example/cb' };

const configuredClients: ClientFacts[] = [
  { clientId: 'kubelogin', name: 'kubectl', redirectUris: [kubelogin.redirectUri], firstParty: true },
  { clientId: 'harbor', name: 'Harbor', secret: harbor.secret, redirectUris: [harbor.redirectUri], firstParty: true },
  { clientId: 'wiki', name: 'Wiki', secret: wiki.secret, redirectUris: [wiki.redirectUri] },
];

async function open(test: Teardown) {
  const house = await openHouse(test, { configuredClients });
  const ann = await house.person('ann');
  const browser = house.browser();
  const session = await house.signIn(browser, ann);
  return { house, ann, browser, session };
}

async function allow(browser: Browser, url: string, redirectUri: string) {
  const allowed = await browser.request(url, { form: { decision: 'allow' } });
  return await browser.go(allowed.location!, (address) => address.startsWith(redirectUri));
}

t.test(
  'kubelogin: offline_access without prompt=consent is given, and each refresh works without a browser',
  async (t) => {
    const { house, browser, session } = await open(t);
    const party = createRelyingParty(house, kubelogin);
    let { refresh_token } = await party.tokens(browser, { scope });
    await house.sessions.end(session.id, { actor: 'test', reason: 'test' });
    for (const round of [1, 2, 3]) {
      const { status, body } = await party.refresh(refresh_token!);
      t.equal(status, 200, `refresh ${round}`);
      t.not(body.refresh_token, refresh_token, 'rotated');
      t.match(decodeJwt(body.id_token!)['groups'], ['knot:user:ann']);
      ({ refresh_token } = body);
    }
  },
);

t.test('Harbor: the CLI secret lives on its refresh token, at any number of uses at once', async (t) => {
  const { house, browser, session } = await open(t);
  const party = createRelyingParty(house, harbor);
  const tokens = await party.tokens(browser, { scope: 'openid profile email groups offline_access' });
  t.match(String(tokens['scope']), 'offline_access');
  await house.sessions.end(session.id, { actor: 'test', reason: 'test' });
  const answers = await Promise.all([1, 2, 3].map(() => party.refresh(tokens.refresh_token!)));
  for (const { status, body } of answers) {
    t.equal(status, 200);
    t.equal((await party.userinfo(body.access_token!)).status, 200);
  }
});

t.test('a tool whose programs stop with it has offline access for as long as it says', async (t) => {
  const registry = { ...harbor, id: 'registry', redirectUri: 'https://registry.example/c/oidc/callback' };
  const { id: clientId, secret, redirectUri } = registry;
  const integrated = { clientId, title: 'Images', secret, redirectUris: [redirectUri], postLogoutRedirectUris: [] };
  const house = await openHouse(t, { configuredClients, integrationClients: [{ ...integrated, offlineDays: 365 }] });
  const ann = await house.person('ann');
  const browser = house.browser();
  await house.signIn(browser, ann);
  for (const [party, days] of [
    [registry, 365],
    [harbor, 30],
  ] as const) {
    const tokens = await createRelyingParty(house, party).tokens(browser, { scope });
    t.equal(
      (await createRelyingParty(house, party).refresh(tokens.refresh_token!)).body.refresh_token,
      tokens.refresh_token,
    );
    const rows = await house.store.db
      .selectFrom('oidc_records')
      .selectAll()
      .where('model', '=', 'RefreshToken')
      .where('account_id', '=', ann.id)
      .execute();
    const ends = rows.filter(({ payload }) => payload.includes(`"${party.id}"`)).map(({ expires_at }) => expires_at!);
    t.equal(Math.round((ends[0]! - Date.now()) / 86_400_000), days, party.id);
  }
});

t.test('a silent request of a first-party client gets offline access too', async (t) => {
  const { house, browser, session } = await open(t);
  const party = createRelyingParty(house, harbor);
  const tokens = await party.tokens(browser, { scope, prompt: 'none' });
  await house.sessions.end(session.id, { actor: 'test', reason: 'test' });
  t.equal((await party.refresh(tokens.refresh_token!)).status, 200);
});

t.test('offline access survives the sign-in page in between', async (t) => {
  const { house, ann } = await open(t);
  const party = createRelyingParty(house, kubelogin);
  const browser = house.browser();
  const verifier = newVerifier();
  const pkce = { code_challenge: challengeOf(verifier), code_challenge_method: 'S256' };
  const login = await party.authorize(browser, { scope, ...pkce });
  const session = await house.signIn(browser, ann);
  const next = new URL(login.url).searchParams.get('next')!;
  const back = await browser.go(`${house.origin}${next}`, (url) => url.startsWith(party.redirectUri));
  const { body } = await party.exchange(new URL(back.location!).searchParams.get('code')!, verifier);
  await house.sessions.end(session.id, { actor: 'test', reason: 'test' });
  t.equal((await party.refresh(body.refresh_token!)).status, 200);
});

t.test('a pushed request asks for offline access like any other', async (t) => {
  const { house, browser, session } = await open(t);
  const party = createRelyingParty(house, harbor);
  const verifier = newVerifier();
  const pushed = await party.post('/request', {
    client_id: 'harbor',
    response_type: 'code',
    redirect_uri: party.redirectUri,
    scope,
    code_challenge: challengeOf(verifier),
    code_challenge_method: 'S256',
  });
  t.equal(pushed.status, 201);
  const query = new URLSearchParams({ client_id: 'harbor', request_uri: String(pushed.body['request_uri']) });
  const page = await browser.go(`${house.issuer}/auth?${query.toString()}`, (url) => url.startsWith(party.redirectUri));
  const { body } = await party.exchange(new URL(page.location!).searchParams.get('code')!, verifier);
  t.match(String(body['scope']), 'offline_access');
  await house.sessions.end(session.id, { actor: 'test', reason: 'test' });
  t.equal((await party.refresh(body.refresh_token!)).status, 200);
});

t.test(
  'a third party shows the page once; what was allowed is remembered in the next sign-in, for silent requests too',
  async (t) => {
    const { house, ann, browser, session } = await open(t);
    const party = createRelyingParty(house, wiki);
    const online = await party.authorize(browser, { scope: 'openid profile groups' });
    await allow(browser, online.url, wiki.redirectUri);
    const silent = await party.authorize(browser, { scope, prompt: 'none' });
    t.equal(new URL(silent.location!).searchParams.get('error'), 'consent_required', 'online consent is not enough');
    const page = await party.authorize(browser, { scope });
    t.match(page.text, 'while you are away');
    t.ok(new URL((await allow(browser, page.url, wiki.redirectUri)).location!).searchParams.get('code'));
    const tokens = await party.tokens(browser, { scope });
    await house.sessions.end(session.id, { actor: 'test', reason: 'test' });
    t.equal((await party.refresh(tokens.refresh_token!)).status, 200);

    const later = house.browser();
    await house.signIn(later, ann);
    t.match(String((await party.tokens(later, { scope, prompt: 'none' }))['scope']), 'offline_access');
  },
);

t.test('consent given in one sign-in covers another that had asked for less', async (t) => {
  const { house, ann, browser } = await open(t);
  const party = createRelyingParty(house, wiki);
  const other = house.browser();
  await house.signIn(other, ann);
  await allow(other, (await party.authorize(other, { scope: 'openid' })).url, wiki.redirectUri);
  await party.tokens(browser, { scope: 'openid' });
  await allow(other, (await party.authorize(other, { scope })).url, wiki.redirectUri);
  t.match(String((await party.tokens(browser, { scope }))['scope']), 'offline_access', 'without a page');
});

t.test(
  'refreshes of a public client at the same moment all succeed; a replay after the grace ends the chain',
  async (t) => {
    let ahead = 0;
    const house = await openHouse(t, { configuredClients, clock: { now: () => Date.now() + ahead } });
    const browser = house.browser();
    await house.signIn(browser, await house.person('ann'));
    const party = createRelyingParty(house, kubelogin);
    const { refresh_token } = await party.tokens(browser, { scope });
    const answers = await Promise.all([1, 2, 3].map(() => party.refresh(refresh_token!)));
    for (const { status, body } of answers) {
      t.equal(status, 200);
      t.equal((await party.userinfo(body.access_token!)).status, 200);
    }
    t.equal(new Set(answers.map(({ body }) => body.refresh_token)).size, 3, 'each with a token of its own');
    t.equal((await party.refresh(refresh_token!)).status, 200, 'a moment later too');
    ahead = 11_000;
    t.match(await party.refresh(refresh_token!), { status: 400, body: { error: 'invalid_grant' } });
    for (const { body } of answers) {
      t.match(await party.refresh(body.refresh_token!), { status: 400, body: { error: 'invalid_grant' } });
      t.equal((await party.userinfo(body.access_token!)).status, 401);
    }
  },
);
