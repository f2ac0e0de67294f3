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
