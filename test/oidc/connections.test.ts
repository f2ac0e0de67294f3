import t from 'tap';
import type { ClientFacts } from '../../gateway/oidc/metadata.ts';
import type { Browser } from './support/browser.ts';
import { type House, openHouse, type Teardown } from './support/house.ts';
import { challengeOf, createRelyingParty, newVerifier } from './support/relying-party.ts';

const offline = { scope: 'openid profile groups offline_access' };
const password = 'blue tractor 9 lemon';
const by = { actor: 'test', reason: 'test' };
const harbor = { id: 'harbor', secret: 'harbor-secret-0123456789', redirectUri: 'https://harbor.example/cb' };
const wiki = { id: 'wiki', secret: 'wiki-secret-0123456789', redirectUri: 'https://wiki.example/cb' };
const kube = { id: 'kube', redirectUri: 'http://localhost:8000' };

const configuredClients: ClientFacts[] = [
  { clientId: 'harbor', name: 'Harbor', secret: harbor.secret, redirectUris: [harbor.redirectUri], firstParty: true },
  { clientId: 'wiki', name: 'Wiki', secret: wiki.secret, redirectUris: [wiki.redirectUri] },
  { clientId: 'kube', name: 'kubectl', redirectUris: [kube.redirectUri], firstParty: true },
];

async function open(test: Teardown) {
  const house = await openHouse(test, { configuredClients });
  const ann = await house.person('ann');
  const browser = house.browser();
  const session = await house.signIn(browser, ann);
  const party = createRelyingParty(house, harbor);
  const list = async () => await house.connections.list(ann.id);
  return { house, ann, browser, session, party, list };
}

/** A third party, which the person lets in on the page. */
async function allowWiki(house: House, browser: Browser, scope: string) {
  const party = createRelyingParty(house, wiki);
  const page = await party.authorize(browser, { scope });
  const allowed = await browser.request(page.url, { form: { decision: 'allow' } });
  await browser.go(allowed.location!, (url) => url.startsWith(wiki.redirectUri));
  return await party.tokens(browser, { scope });
}

t.test('applications that go on without the person are listed, one line each', async (t) => {
  const { house, browser, session, party, list } = await open(t);
  t.same(await list(), []);
  await createRelyingParty(house).tokens(browser);
  t.same(await list(), [], 'what ends with the sign-in is not among them');
  await party.tokens(browser, offline);
  await allowWiki(house, browser, 'openid profile');
  const kubectl = createRelyingParty(house, kube);
  const { refresh_token } = await kubectl.tokens(browser, offline);
  await kubectl.refresh(refresh_token!);
  const listed = await list();
  t.match(listed, [
    { clientId: 'harbor', name: 'Harbor', firstParty: true, isOffline: true },
    { clientId: 'kube', name: 'kubectl', firstParty: true, isOffline: true },
    { clientId: 'wiki', name: 'Wiki', firstParty: false, isOffline: false, expiresAt: null, scopes: ['profile'] },
  ]);
  t.equal(listed.length, 3);
  t.same(listed[0]!.scopes, ['profile', 'groups', 'offline_access']);
  t.ok(listed[0]!.expiresAt! > Date.now() + 29 * 24 * 3600_000);
  t.ok(Math.abs(listed[0]!.since - Date.now()) < 60_000);
  await house.sessions.end(session.id, by);
  t.equal((await list()).length, 3, 'they outlive the sign-in');
  const ben = await house.person('ben');
  t.same(await house.connections.list(ben.id), [], 'of somebody else');
});

t.test('one application is ended alone, in every sign-in, and a third party asks again', async (t) => {
  const { house, ann, browser, party, list } = await open(t);
  const other = house.browser();
  await house.signIn(other, ann);
  const tokens = [await party.tokens(browser, offline), await party.tokens(other, offline), await party.tokens(other)];
  const kept = await createRelyingParty(house, kube).tokens(browser, offline);
  await house.connections.end(ann.id, 'harbor', by);
  for (const { access_token, refresh_token } of tokens) {
    t.equal((await party.userinfo(access_token!)).status, 401);
    t.match(await party.refresh(refresh_token!), { status: 400, body: { error: 'invalid_grant' } });
  }
  t.match(await list(), [{ clientId: 'kube' }]);
  t.equal((await createRelyingParty(house, kube).refresh(kept.refresh_token!)).status, 200);
  t.match(await house.audit.list({ action: 'connection.ended' }), [
    { actor: 'test', subject: 'user:ann', detail: { client: 'harbor', reason: 'test' } },
  ]);
  await t.rejects(house.connections.end(ann.id, 'harbor', by), { code: 'KNOT_OIDC_CONNECTION_UNKNOWN' });
  t.ok((await party.tokens(browser)).access_token, 'a first-party client signs in again');

  await allowWiki(house, browser, offline.scope);
  await house.connections.end(ann.id, 'wiki', by);
  const page = await createRelyingParty(house, wiki).authorize(browser, { scope: 'openid' });
  t.match(page.text, 'Allow Wiki?');
});

const losses: [string, (parts: Awaited<ReturnType<typeof open>>) => Promise<unknown>][] = [
  ['a changed password', ({ house, ann }) => house.accounts.setPassword(ann, password, { name: 'ann' })],
  ['a reset password', ({ house, ann }) => reset(house, ann.id, {})],
  ['a disabled account', ({ house, ann }) => house.accounts.setState(ann.id, 'disabled', { name: 'test' })],
  [
    'signing out everywhere',
    async ({ house, ann }) => {
      await house.sessions.endAll(ann.id, by);
      return await house.connections.endAll(ann.id, by);
    },
  ],
];

async function reset(house: House, userId: string, kept: { keepsConnections?: boolean }) {
  const { token } = await house.accounts.createLink({ kind: 'reset', userId, lifetimeSeconds: 60 }, { name: 'test' });
  return await house.accounts.redeemLink(
    token,
    'reset',
    { password: 'another tractor 8 melon', ...kept },
    { name: 'anonymous' },
  );
}

for (const [name, act] of losses) {
  t.test(`${name} ends offline access, whatever of it is out`, async (t) => {
    const parts = await open(t);
    const { house, browser, party } = parts;
    const tokens = await party.tokens(browser, offline);
    const waiting = await createRelyingParty(house, kube).code(browser, offline);
    const third = await allowWiki(house, browser, offline.scope);
    await act(parts);
    t.match(await party.refresh(tokens.refresh_token!), { status: 400, body: { error: 'invalid_grant' } });
    t.equal((await party.userinfo(tokens.access_token!)).status, 401);
    t.match(await createRelyingParty(house, wiki).refresh(third.refresh_token!), { body: { error: 'invalid_grant' } });
    const late = await createRelyingParty(house, kube).exchange(waiting.code, waiting.verifier);
    t.match(late, { status: 400, body: { error: 'invalid_grant' } }, 'a code that was not exchanged yet');
    t.notOk((await parts.list()).some(({ isOffline }) => isOffline));
  });
}

t.test('a person who says so keeps the applications through a new password', async (t) => {
  const { house, ann, browser, party, list } = await open(t);
  const tokens = await party.tokens(browser, offline);
  await house.accounts.setPassword(ann, password, { name: 'ann' }, { keepsConnections: true });
  t.equal((await party.refresh(tokens.refresh_token!)).status, 200);
  await reset(house, ann.id, { keepsConnections: true });
  t.equal((await party.refresh(tokens.refresh_token!)).status, 200);
  t.equal((await list()).length, 1);
});

t.test('the sign-in in which the password is changed goes on, and its tools sign in again by themselves', async (t) => {
  const { house, ann, browser, session, party } = await open(t);
  const tool = createRelyingParty(house);
  const online = await tool.tokens(browser);
  await party.tokens(browser, offline);
  await house.accounts.setPassword(ann, password, { name: 'ann' }, { exceptSessionId: session.id });
  t.equal((await tool.userinfo(online.access_token!)).status, 200);
  t.ok((await party.tokens(browser, { ...offline, prompt: 'none' })).refresh_token);
});

t.test('no code is given out by a request that a new password overtakes', async (t) => {
  const { house, ann, browser, party } = await open(t);
  await party.tokens(browser, offline);
  const { principal } = house.accounts;
  let calls = 0;
  // The second look at the person belongs to the authorization itself: the session was found, no code is stored yet.
  house.accounts.principal = async (id) => {
    if (++calls === 2) await house.accounts.setPassword(ann, password, { name: 'ann' });
    return await principal(id);
  };
  const verifier = newVerifier();
  const pkce = { code_challenge: challengeOf(verifier), code_challenge_method: 'S256' };
  const page = await party.authorize(browser, { ...offline, ...pkce });
  t.ok(calls >= 2);
  t.equal(new URL(page.location!).searchParams.get('error'), 'login_required');
  t.equal(new URL(page.location!).searchParams.get('code'), null);
  t.same(await house.connections.list(ann.id), []);
});
