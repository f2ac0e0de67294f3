import t from 'tap';
import { openHouse, type Teardown } from './support/house.ts';
import { createRelyingParty } from './support/relying-party.ts';

async function open(test: Teardown) {
  const house = await openHouse(test);
  const ann = await house.person('ann');
  const browser = house.browser();
  await house.signIn(browser, ann);
  return { house, ann, browser, party: createRelyingParty(house) };
}

t.test('RFC 7009 2.1: a revoked access token ends alone', async (t) => {
  const { browser, party } = await open(t);
  const first = await party.tokens(browser);
  const second = await party.tokens(browser);
  const refreshed = (await party.refresh(first.refresh_token!)).body;
  t.equal((await party.post('/token/revocation', { token: first.access_token! })).status, 200);
  t.equal((await party.userinfo(first.access_token!)).status, 401, 'it is dead');
  t.equal((await party.userinfo(refreshed.access_token!)).status, 200, 'one of the same refresh token lives');
  t.equal((await party.userinfo(second.access_token!)).status, 200, 'so does one of another sign-in of the client');
  t.equal((await party.refresh(first.refresh_token!)).status, 200, 'and the refresh token itself');
  t.equal((await party.refresh(second.refresh_token!)).status, 200);
});

t.test('an access token that is revoked with a wrong or no hint ends alone as well', async (t) => {
  const { browser, party } = await open(t);
  for (const hint of ['refresh_token', 'access_token', 'nonsense']) {
    const tokens = await party.tokens(browser);
    await party.post('/token/revocation', { token: tokens.access_token!, token_type_hint: hint });
    t.equal((await party.userinfo(tokens.access_token!)).status, 401, hint);
    t.equal((await party.refresh(tokens.refresh_token!)).status, 200, hint);
  }
});

t.test('RFC 7009 2.1: a revoked refresh token ends the access tokens of its grant', async (t) => {
  const { browser, party } = await open(t);
  const tokens = await party.tokens(browser);
  const refreshed = (await party.refresh(tokens.refresh_token!)).body;
  t.equal((await party.post('/token/revocation', { token: tokens.refresh_token! })).status, 200);
  for (const token of [tokens.access_token!, refreshed.access_token!])
    t.equal((await party.userinfo(token)).status, 401);
  t.match(await party.refresh(tokens.refresh_token!), { status: 400, body: { error: 'invalid_grant' } });
  t.ok((await party.tokens(browser)).access_token, 'the next sign-in works');
});

t.test('a token of somebody who is not active introspects as inactive, even where its record is left', async (t) => {
  const { house, ann, browser, party } = await open(t);
  const tokens = await party.tokens(browser, { scope: 'openid offline_access' });
  // The first line of defence removes what was given out to the account; here it finds nothing, as before it has run.
  await house.store.db.updateTable('oidc_records').set({ account_id: null }).execute();
  const introspect = async () => (await party.post('/token/introspection', { token: tokens.access_token! })).body;
  t.match(await introspect(), { active: true });
  await house.accounts.setState(ann.id, 'disabled', { name: 'test' });
  t.same(await introspect(), { active: false });
  await house.accounts.setState(ann.id, 'active', { name: 'test' });
  t.match(await introspect(), { active: true }, 'the record was there all the time');
});

t.test('CORS of the token endpoint is for registered pages of public clients only', async (t) => {
  const house = await openHouse(t, {
    configuredClients: [
      { clientId: 'spa', name: 'SPA', redirectUris: ['https://spa.example/cb'], firstParty: true },
      { clientId: 'web', name: 'Web', secret: 'web-secret-0123456789', redirectUris: ['https://web.example/cb'] },
    ],
  });
  const allowed = async (path: string, origin: string, clientId: string, secret?: string) => {
    const body = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: 'x', client_id: clientId });
    if (secret !== undefined) body.set('client_secret', secret);
    const answer = await house.fetch(`${house.issuer}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin },
      body: body.toString(),
    });
    return answer.headers.get('access-control-allow-origin');
  };
  t.equal(await allowed('/token', 'https://spa.example', 'spa'), 'https://spa.example');
  t.equal(await allowed('/token', 'https://evil.example', 'spa'), null, 'another origin');
  t.equal(
    await allowed('/token', 'https://web.example', 'web', 'web-secret-0123456789'),
    null,
    'a confidential client',
  );
});
