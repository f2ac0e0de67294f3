import * as client from 'openid-client';
import t from 'tap';
import { type House, hubRedirect, openHouse } from './support/house.ts';
import type { Browser } from './support/browser.ts';

const scope = 'openid profile email groups';

async function discover(house: House, clientId: string, secret?: string): Promise<client.Configuration> {
  const authentication = secret === undefined ? client.None() : client.ClientSecretBasic(secret);
  return await client.discovery(new URL(house.issuer), clientId, undefined, authentication, {
    [client.customFetch]: house.fetch as unknown as client.CustomFetch,
  });
}

const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'no failure',
    (error: unknown) => error,
  );

/** The whole code flow of a relying party with PKCE, state and nonce, in a browser. */
async function signInAt(
  browser: Browser,
  configuration: client.Configuration,
  parameters: Record<string, string> = {},
) {
  const verifier = client.randomPKCECodeVerifier();
  const state = client.randomState();
  const nonce = client.randomNonce();
  const redirectUri = parameters['redirect_uri'] ?? hubRedirect;
  const url = client.buildAuthorizationUrl(configuration, {
    redirect_uri: redirectUri,
    scope,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
    ...parameters,
  });
  const page = await browser.go(url, (address) => address.startsWith(redirectUri));
  const finish = async () =>
    await client.authorizationCodeGrant(configuration, new URL(page.location!), {
      pkceCodeVerifier: verifier,
      expectedState: state,
      expectedNonce: nonce,
      idTokenExpected: true,
    });
  return { page, verifier, state, nonce, finish };
}

t.test('a person signed in to Knot is signed in to a first-party tool without any page', async (t) => {
  const house = await openHouse(t);
  const ann = await house.person('ann', true);
  const browser = house.browser();
  await house.signIn(browser, ann);
  const configuration = await discover(house, 'jupyterhub', 'hub-secret-0123456789');
  const { page, finish } = await signInAt(browser, configuration);
  t.ok(page.location?.startsWith(`${hubRedirect}?code=`), `no page in between: ${page.text}`);
  const tokens = await finish();
  const claims = tokens.claims()!;
  t.match(claims, {
    iss: house.issuer,
    sub: ann.id,
    aud: 'jupyterhub',
    preferred_username: 'ann',
    email: 'ann@example.org',
    groups: ['knot-admins', 'knot:user:ann'],
  });
  const userinfo = await client.fetchUserInfo(configuration, tokens.access_token, claims.sub);
  t.equal(userinfo.sub, claims.sub);
  t.same(userinfo['groups'], claims['groups']);
  t.ok(tokens.refresh_token);
});

t.test('refresh, introspection and revocation work as openid-client expects', async (t) => {
  const house = await openHouse(t);
  const browser = house.browser();
  await house.signIn(browser, await house.person('ann'));
  const configuration = await discover(house, 'jupyterhub', 'hub-secret-0123456789');
  const tokens = await (await signInAt(browser, configuration)).finish();
  const refreshed = await client.refreshTokenGrant(configuration, tokens.refresh_token!);
  t.equal(refreshed.claims()!.sub, tokens.claims()!.sub);
  t.match(await client.tokenIntrospection(configuration, refreshed.access_token), {
    active: true,
    sub: tokens.claims()!.sub,
  });
  await client.tokenRevocation(configuration, refreshed.refresh_token!);
  t.same(await client.tokenIntrospection(configuration, refreshed.access_token), { active: false });
  await t.rejects(client.fetchUserInfo(configuration, refreshed.access_token, tokens.claims()!.sub));
  t.match(await failureOf(client.refreshTokenGrant(configuration, tokens.refresh_token!)), { error: 'invalid_grant' });
});

t.test('concurrent refreshes of a confidential client all succeed', async (t) => {
  const house = await openHouse(t);
  const browser = house.browser();
  await house.signIn(browser, await house.person('ann'));
  const configuration = await discover(house, 'jupyterhub', 'hub-secret-0123456789');
  const tokens = await (await signInAt(browser, configuration)).finish();
  const both = await Promise.all([1, 2, 3].map(() => client.refreshTokenGrant(configuration, tokens.refresh_token!)));
  for (const { access_token } of both) {
    await t.resolves(client.fetchUserInfo(configuration, access_token, tokens.claims()!.sub));
  }
});

t.test('a public client rotates its refresh token, and reuse of an old one ends the whole chain', async (t) => {
  const redirectUri = 'http://127.0.0.1/callback';
  let ahead = 0;
  const house = await openHouse(t, {
    clock: { now: () => Date.now() + ahead },
    configuredClients: [{ clientId: 'tool', name: 'Tool', redirectUris: [redirectUri], firstParty: true }],
  });
  const browser = house.browser();
  await house.signIn(browser, await house.person('ann'));
  const configuration = await discover(house, 'tool');
  const { page, finish } = await signInAt(browser, configuration, { redirect_uri: 'http://127.0.0.1:45678/callback' });
  t.ok(page.location?.startsWith('http://127.0.0.1:45678/callback?code='), 'a native client chooses its loopback port');
  const first = await finish();
  const second = await client.refreshTokenGrant(configuration, first.refresh_token!);
  t.not(second.refresh_token, first.refresh_token);
  ahead = 11_000; // Later than two tabs that refresh at once.
  t.match(await failureOf(client.refreshTokenGrant(configuration, first.refresh_token!)), { error: 'invalid_grant' });
  t.match(await failureOf(client.refreshTokenGrant(configuration, second.refresh_token!)), { error: 'invalid_grant' });
  await t.rejects(client.fetchUserInfo(configuration, second.access_token, first.claims()!.sub));
});

t.test('a first-party tool that shows its ID token signs out everywhere without a page', async (t) => {
  const house = await openHouse(t);
  const browser = house.browser();
  const session = await house.signIn(browser, await house.person('ann'));
  const configuration = await discover(house, 'jupyterhub', 'hub-secret-0123456789');
  const tokens = await (await signInAt(browser, configuration)).finish();
  const returnTo = 'https://jupyterhub.localhost/hub/logout';
  const url = client.buildEndSessionUrl(configuration, {
    id_token_hint: tokens.id_token!,
    post_logout_redirect_uri: returnTo,
    state: 's1',
  });
  const page = await browser.request(url);
  t.equal(page.status, 303);
  t.equal(page.location, `${returnTo}?state=s1`);
  t.notOk(
    (await house.sessions.listAll()).some((entry) => entry.id === session.id),
    'the Knot session has ended',
  );
  await t.rejects(client.fetchUserInfo(configuration, tokens.access_token, tokens.claims()!.sub));
  t.match(await failureOf(client.refreshTokenGrant(configuration, tokens.refresh_token!)), { error: 'invalid_grant' });
});

t.test('without a matching ID token a person is asked, and both answers are honoured', async (t) => {
  const house = await openHouse(t);
  const browser = house.browser();
  const session = await house.signIn(browser, await house.person('ann'));
  const configuration = await discover(house, 'jupyterhub', 'hub-secret-0123456789');
  const tokens = await (await signInAt(browser, configuration)).finish();
  const isAlive = async () => (await house.sessions.listAll()).some((entry) => entry.id === session.id);
  const address = `${house.issuer}/session/end?client_id=jupyterhub&post_logout_redirect_uri=${encodeURIComponent('https://jupyterhub.localhost/hub/logout')}`;
  const secretOf = (text: string) => /name="xsrf" value="(\w+)"/.exec(text)![1]!;
  const confirm = `${house.issuer}/session/end/confirm`;

  const asked = await browser.request(address);
  t.match(asked.text, 'Sign out of Knot?');
  t.match(asked.headers.get('content-security-policy'), /default-src 'none'/);
  t.equal((await browser.request(confirm, { form: { xsrf: 'wrong', logout: 'yes' } })).status, 400);
  t.ok(await isAlive(), 'a forged answer changes nothing');
  const again = await browser.request(address);
  await browser.request(confirm, { form: { xsrf: secretOf(again.text) } });
  t.ok(await isAlive(), 'staying signed in');
  const last = await browser.request(address);
  const done = await browser.request(confirm, { form: { xsrf: secretOf(last.text), logout: 'yes' } });
  t.equal(done.location, 'https://jupyterhub.localhost/hub/logout');
  t.notOk(await isAlive());
  await t.rejects(client.fetchUserInfo(configuration, tokens.access_token, tokens.claims()!.sub));

  const foreign = await browser.request(
    `${house.issuer}/session/end?client_id=jupyterhub&post_logout_redirect_uri=https%3A%2F%2Fevil.example`,
  );
  t.match(foreign, { status: 400, location: undefined });
});

t.test('pushed authorization requests work', async (t) => {
  const house = await openHouse(t);
  const browser = house.browser();
  await house.signIn(browser, await house.person('ann'));
  const configuration = await discover(house, 'jupyterhub', 'hub-secret-0123456789');
  const verifier = client.randomPKCECodeVerifier();
  const url = await client.buildAuthorizationUrlWithPAR(configuration, {
    redirect_uri: hubRedirect,
    scope,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  });
  const page = await browser.go(url, (address) => address.startsWith(hubRedirect));
  const tokens = await client.authorizationCodeGrant(configuration, new URL(page.location!), {
    pkceCodeVerifier: verifier,
  });
  t.equal(tokens.claims()!.aud, 'jupyterhub');
  const replay = await browser.go(url, (address) => address.startsWith(hubRedirect));
  t.notMatch(replay.location ?? '', /code=/, 'a pushed request is used once');
});

t.test(
  'kubelogin as a strict client: offline access without prompt=consent, ID tokens verified at each refresh',
  async (t) => {
    const redirectUri = 'http://localhost/';
    const house = await openHouse(t, {
      configuredClients: [
        {
          clientId: 'kube',
          name: 'kubectl',
          redirectUris: [redirectUri],
          firstParty: true,
          idTokenSignedResponseAlg: 'ES256',
        },
      ],
    });
    const ann = await house.person('ann');
    const browser = house.browser();
    const session = await house.signIn(browser, ann);
    const configuration = await client.discovery(
      new URL(house.issuer),
      'kube',
      { id_token_signed_response_alg: 'ES256' },
      client.None(),
      { [client.customFetch]: house.fetch as unknown as client.CustomFetch },
    );
    client.enableNonRepudiationChecks(configuration);
    const parameters = { scope: `${scope} offline_access`, redirect_uri: 'http://localhost:8000/' };
    const { finish } = await signInAt(browser, configuration, parameters);
    const first = await finish();
    await house.sessions.end(session.id, { actor: 'test', reason: 'test' });
    let { refresh_token } = first;
    for (const round of [1, 2, 3]) {
      const next = await client.refreshTokenGrant(configuration, refresh_token!);
      t.match(next.claims(), { sub: ann.id, groups: ['knot:user:ann'] }, `refresh ${round}`);
      t.not(next.refresh_token, refresh_token);
      ({ refresh_token } = next);
    }
  },
);
