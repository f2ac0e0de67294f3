import t from 'tap';
import { openHouse, type Teardown } from './support/house.ts';
import { createRelyingParty } from './support/relying-party.ts';

const wiki = { id: 'wiki', secret: 'wiki-secret-0123456789', redirectUri: 'https://wiki.example/callback' };
const configuredClients = [
  { clientId: wiki.id, name: 'Wiki <b>&"', secret: wiki.secret, redirectUris: [wiki.redirectUri] },
  {
    clientId: 'vault',
    name: 'Vault',
    secret: 'vault-secret-0123456789',
    redirectUris: ['https://vault.example/cb'],
    firstParty: true,
    allowedGroups: ['knot:team:finance', 'knot-admins'],
  },
];

async function open(test: Teardown) {
  const house = await openHouse(test, { configuredClients });
  const ann = await house.person('ann');
  const browser = house.browser();
  await house.signIn(browser, ann);
  return { house, ann, browser };
}

const mustBeSafe = (test: Pick<typeof t, 'match' | 'notMatch' | 'equal'>, headers: Headers) => {
  test.match(headers.get('content-security-policy'), /default-src 'none'/);
  test.notMatch(headers.get('content-security-policy'), /unsafe-inline/);
  test.match(headers.get('content-security-policy'), /frame-ancestors 'none'/);
  test.equal(headers.get('x-content-type-options'), 'nosniff');
};

t.test('discovery names the issuer whatever host the client claims', async (t) => {
  const { house } = await open(t);
  const forged = {
    host: 'evil.example',
    'x-forwarded-host': 'evil.example',
    'x-forwarded-proto': 'http',
    forwarded: 'host=evil.example',
  };
  for (const path of ['/oidc/.well-known/openid-configuration', '/.well-known/oauth-authorization-server/oidc']) {
    const answer = await house.app.inject({ url: path, headers: forged });
    t.equal(answer.statusCode, 200, path);
    t.notMatch(answer.body, 'evil.example');
    const metadata = answer.json<Record<string, string | string[]>>();
    t.equal(metadata['issuer'], house.issuer);
    for (const [key, value] of Object.entries(metadata)) {
      if (/_endpoint$|_uri$/.test(key))
        t.ok(String(value).startsWith(`${house.issuer}/`), `${key} is ${String(value)}`);
    }
    t.same(metadata['code_challenge_methods_supported'], ['S256']);
    t.same(metadata['response_types_supported'], ['code']);
    t.notOk(metadata['token_endpoint_auth_methods_supported']!.includes('client_secret_jwt'));
    t.match(metadata['scopes_supported'], ['openid', 'offline_access', 'profile', 'email', 'groups']);
  }
});

t.test('R3: nothing but the registered address is ever redirected to', async (t) => {
  const { house, browser } = await open(t);
  const party = createRelyingParty(house, wiki);
  const corpus = [
    'https://wiki.example@evil.example/callback',
    'https://evil.example/callback',
    'https://wiki.example:444/callback',
    'https://wiki.example/callback#',
    'https://wiki.example/callback#fragment',
    'https://wiki.example/callback/',
    'https://wiki.example/callback/..',
    'https://wiki.example/x/../callback',
    'https://wiki.example/callback/../../evil',
    'https://wiki.example/%63allback',
    'https://wiki.example/callback?x=1',
    'https://WIKI.example/callback',
    'https://wiki.example/Callback',
    'http://wiki.example/callback',
    'https://wiki.example.evil.example/callback',
    'https://wiki.example\\@evil.example/callback',
    '//evil.example/callback',
    '/callback',
    'javascript:alert(1)',
    'data:text/html,x',
    'https://wiki.example/callback\u0000',
    '',
  ];
  for (const redirectUri of corpus) {
    const page = await browser.request(party.authorizationUrl({ redirect_uri: redirectUri }));
    t.equal(page.status, 400, JSON.stringify(redirectUri));
    t.equal(page.location, undefined, `${JSON.stringify(redirectUri)} is not followed`);
  }
  const twice = await browser.request(`${party.authorizationUrl()}&redirect_uri=https%3A%2F%2Fevil.example`);
  t.equal(twice.status, 400);
  t.equal(twice.location, undefined, 'nor is the second of two');
  const missing = await browser.request(party.authorizationUrl({ redirect_uri: undefined }));
  t.equal(missing.location, undefined);
  const unknown = await browser.request(party.authorizationUrl({ client_id: 'nobody' }));
  t.match(unknown, { status: 400, location: undefined });
  t.match(unknown.text, 'Unknown application');
});

t.test('R7: what a request brings is escaped on every page, under a policy without inline script', async (t) => {
  const { house, browser } = await open(t);
  const party = createRelyingParty(house, wiki);
  const attack = '"><script>alert(1)</script>';
  const pages = [
    await browser.request(party.authorizationUrl({ redirect_uri: `https://evil.example/${attack}` })),
    await browser.request(party.authorizationUrl({ client_id: attack })),
    await browser.go(party.authorizationUrl({ state: attack, nonce: attack, login_hint: attack })),
    await browser.request(`${house.issuer}/auth?error=x&error_description=${encodeURIComponent(attack)}`),
    await browser.request(`${house.issuer}/session/end?client_id=${encodeURIComponent(attack)}`),
    await browser.request(`${house.issuer}/session/end?client_id=wiki&state=${encodeURIComponent(attack)}`),
    await browser.request(`${house.issuer}/auth?kept=${encodeURIComponent(attack)}`),
    await browser.request(`${house.issuer}/session/end?kept=${encodeURIComponent(attack)}`),
    await browser.request(`${house.issuer}/auth`, {
      form: { a: attack },
      headers: { 'content-type': 'text/plain' },
    }),
    await browser.request(`${house.issuer}/${encodeURIComponent(attack)}`),
    await browser.request(`${house.origin}/oidc/interaction/${encodeURIComponent(attack)}`),
  ];
  for (const page of pages) {
    t.notMatch(page.text, '<script>alert', page.url);
    mustBeSafe(t, page.headers);
  }
});

t.test('an address below the issuer that does not exist gets a page, or JSON for a program', async (t) => {
  const { house, browser } = await open(t);
  const page = await browser.request(`${house.issuer}/nothing`);
  t.equal(page.status, 404);
  t.match(page.text, 'There is no such page.');
  const answer = await house.fetch(`${house.issuer}/nothing`, { headers: { accept: 'application/json' } });
  t.equal(answer.status, 404);
  t.match(await answer.json(), { error: 'not_found' });
});

t.test('R7: form_post escapes the state and runs only its own hashed script', async (t) => {
  const { house, browser } = await open(t);
  const party = createRelyingParty(house);
  const page = await browser.go(
    party.authorizationUrl({ response_mode: 'form_post', state: '"><script>alert(1)</script>' }),
  );
  t.equal(page.status, 200);
  t.match(page.text, 'name="code"');
  t.notMatch(page.text, '<script>alert');
  mustBeSafe(t, page.headers);
  t.match(page.headers.get('content-security-policy'), /script-src 'none' 'sha256-[\w+/=]+'/);
});

t.test('other clients need consent, which is asked once, in plain words, and remembered', async (t) => {
  const { house, ann, browser } = await open(t);
  const party = createRelyingParty(house, wiki);
  const page = await party.authorize(browser);
  t.equal(page.status, 200);
  t.match(page.text, 'Allow Wiki &lt;b&gt;&amp;&quot;?');
  for (const words of ['ann', 'wiki.example', 'your e-mail address', 'the teams you belong to'])
    t.match(page.text, words);
  mustBeSafe(t, page.headers);
  const silent = await party.authorize(browser, { prompt: 'none' });
  t.equal(new URL(silent.location!).searchParams.get('error'), 'consent_required');

  const denied = await browser.request(page.url, { form: { decision: 'deny' } });
  const refusal = await browser.go(denied.location!, (url) => url.startsWith(wiki.redirectUri));
  t.equal(new URL(refusal.location!).searchParams.get('error'), 'access_denied');
  const [entry] = await house.audit.list({ action: 'authorization.refused' });
  t.match(entry, { actor: 'ann', subject: 'client:wiki', outcome: 'refused', detail: { reason: 'person' } });

  const again = await party.authorize(browser);
  const allowed = await browser.request(again.url, { form: { decision: 'allow' } });
  const answer = await browser.go(allowed.location!, (url) => url.startsWith(wiki.redirectUri));
  t.ok(new URL(answer.location!).searchParams.get('code'));

  const later = house.browser();
  await house.signIn(later, ann);
  const remembered = await party.authorize(later);
  t.ok(new URL(remembered.location!).searchParams.get('code'), 'the next sign-in does not ask again');
  const more = await party.authorize(later, { scope: 'openid profile email groups offline_access', prompt: 'consent' });
  t.match(more.text, 'while you are away', 'but more is asked for');
  t.match(more.text, 'your e-mail address', 'and who asks to be asked sees the whole list');
});

t.test('consent to one scope is not consent to another', async (t) => {
  const { house, browser } = await open(t);
  const party = createRelyingParty(house, wiki);
  const page = await party.authorize(browser, { scope: 'openid' });
  t.notMatch(page.text, 'your e-mail address');
  await browser.go((await browser.request(page.url, { form: { decision: 'allow' } })).location!, (url) =>
    url.startsWith(wiki.redirectUri),
  );
  const { code, verifier } = await party.code(browser, { scope: 'openid' });
  const { body } = await party.exchange(code, verifier);
  t.same(Object.keys((await party.userinfo(body.access_token!)).body), ['sub']);
  t.match((await party.authorize(browser, { scope: 'openid email' })).text, 'your e-mail address');
});

t.test('a consent that another site posts is refused', async (t) => {
  const { house, browser } = await open(t);
  const page = await createRelyingParty(house, wiki).authorize(browser);
  for (const headers of [
    { origin: 'https://evil.example' },
    { origin: `https://jupyterhub.localhost:${house.port}` },
    { origin: 'null' },
    { origin: house.origin, 'sec-fetch-site': 'cross-site' },
  ]) {
    const answer = await browser.request(page.url, { form: { decision: 'allow' }, headers });
    t.equal(answer.status, 403, JSON.stringify(headers));
    t.match(answer.text, 'KNOT_OIDC_CROSS_SITE');
  }
});

t.test('one person cannot give another one’s consent', async (t) => {
  const { house, browser } = await open(t);
  const party = createRelyingParty(house, wiki);
  const page = await party.authorize(browser);
  const ben = await house.person('ben');
  await house.signIn(browser, ben);
  const answer = await browser.request(page.url, { form: { decision: 'allow' } });
  const asked = await browser.go(answer.location!, (url) => url.startsWith(wiki.redirectUri));
  t.equal(asked.location, undefined);
  t.match(asked.text, /sign you in as\s+<strong>ben<\/strong>/, 'ben is asked himself');
});

t.test('allowedGroups: who is in none of them gets our page, at every step', async (t) => {
  const { house, ann, browser } = await open(t);
  const party = createRelyingParty(house, {
    id: 'vault',
    secret: 'vault-secret-0123456789',
    redirectUri: 'https://vault.example/cb',
  });
  const page = await party.authorize(browser);
  t.equal(page.status, 403);
  t.match(page.text, 'You may not use this application');
  t.match(page.headers.get('content-type'), 'text/html');
  const [entry] = await house.audit.list({ action: 'authorization.refused' });
  t.match(entry, { actor: 'ann', subject: 'client:vault', detail: { reason: 'group' } });
  const silent = await party.authorize(browser, { prompt: 'none' });
  t.equal(new URL(silent.location!).searchParams.get('error'), 'access_denied', 'a silent request is told so');

  const team = await house.accounts.createTeam({ name: 'finance', title: 'Finance' }, { name: 'test' });
  await house.accounts.setMember(team.id, ann.id, 'member', { name: 'test' });
  const tokens = await party.tokens(browser);
  t.equal((await party.userinfo(tokens.access_token!)).status, 200);
  await house.accounts.removeMember(team.id, ann.id, { name: 'test' });
  t.equal((await party.userinfo(tokens.access_token!)).status, 401, 'leaving the group ends it at once');
  t.match(await party.refresh(tokens.refresh_token!), { status: 400, body: { error: 'invalid_grant' } });
  t.same((await party.post('/token/introspection', { token: tokens.access_token! })).body, { active: false });
});

t.test('a client learns and revokes only its own tokens', async (t) => {
  const { house, browser } = await open(t);
  const hub = createRelyingParty(house);
  const tokens = await hub.tokens(browser);
  t.match((await hub.post('/token/introspection', { token: tokens.access_token! })).body, {
    active: true,
    client_id: 'jupyterhub',
  });
  t.same((await hub.post('/token/introspection', { token: tokens.access_token! }, wiki)).body, { active: false });
  await hub.post('/token/revocation', { token: tokens.access_token! }, wiki);
  t.equal((await hub.userinfo(tokens.access_token!)).status, 200, 'another client cannot revoke it');
  t.equal((await hub.post('/token/revocation', { token: tokens.access_token! })).status, 200);
  t.equal((await hub.userinfo(tokens.access_token!)).status, 401);
  const anonymous = await house.fetch(`${house.issuer}/token/introspection`, {
    method: 'POST',
    body: new URLSearchParams({ token: 'x' }),
  });
  t.ok([400, 401].includes(anonymous.status), 'introspection needs a client');
});

t.test('what is not offered is refused: implicit, hybrid, password, client credentials', async (t) => {
  const { house, browser } = await open(t);
  const party = createRelyingParty(house);
  for (const responseType of ['token', 'id_token', 'code id_token', 'code token', 'none']) {
    const page = await party.authorize(browser, { response_type: responseType, nonce: 'n' });
    t.match(page.location ?? page.text, /unsupported_response_type|invalid_request/, responseType);
    t.notMatch(page.location ?? '', /access_token|id_token=/);
  }
  for (const grant of ['password', 'client_credentials']) {
    const { status, body } = await party.post('/token', { grant_type: grant, username: 'ann', password: 'x' });
    t.match({ status, error: body.error }, { status: 400, error: 'unsupported_grant_type' }, grant);
  }
  const device = 'urn:ietf:params:oauth:grant-type:device_code';
  const { status, body } = await party.post('/token', { grant_type: device, device_code: 'x' });
  t.match(
    { status, error: body.error },
    { status: 400, error: /invalid_request|unauthorized_client/ },
    'but for the command line',
  );
});
