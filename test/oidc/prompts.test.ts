import { decodeJwt, decodeProtectedHeader } from 'jose';
import t from 'tap';
import { openHouse, type Teardown } from './support/house.ts';
import { createRelyingParty } from './support/relying-party.ts';

const passwordContext = 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport';

/** Ann signed in five seconds ago: `auth_time` counts whole seconds, and whoever signs in from now on is told from that. */
async function open(test: Teardown) {
  let behind = 5000;
  const house = await openHouse(test, { clock: { now: () => Date.now() - behind } });
  const ann = await house.person('ann');
  const browser = house.browser();
  await house.signIn(browser, ann);
  behind = 0;
  return { house, ann, browser, party: createRelyingParty(house) };
}

t.test('discovery tells the prompts, the context class and the algorithms', async (t) => {
  const { house } = await open(t);
  const metadata = (await (await house.fetch(`${house.issuer}/.well-known/openid-configuration`)).json()) as Record<
    string,
    string[]
  >;
  t.same([...metadata['prompt_values_supported']!].sort(), ['consent', 'login', 'none', 'select_account']);
  t.same(metadata['acr_values_supported'], [passwordContext]);
  t.ok(metadata['claims_supported']!.includes('acr'));
  t.same([...metadata['id_token_signing_alg_values_supported']!].sort(), ['ES256', 'RS256']);
});

t.test('prompt=select_account asks who goes on, and both answers lead back to the client', async (t) => {
  const { house, ann, browser, party } = await open(t);
  const asked = await party.authorize(browser, { prompt: 'select_account' });
  const address = new URL(asked.url);
  t.equal(address.pathname, '/login/account', 'the page that asks');
  const next = address.searchParams.get('next')!;
  t.match(next, /^\/oidc\/interaction\/[\w-]+\?selected=1$/);

  const unasked = await browser.go(`${house.origin}${next.split('?')[0]!}`);
  t.equal(new URL(unasked.url).pathname, '/login/account', 'going on without a choice asks again');
  const same = await browser.go(`${house.origin}${next}`, (url) => url.startsWith(party.redirectUri));
  t.ok(new URL(same.location!).searchParams.get('code'), 'continue as ann');

  const again = await party.authorize(browser, { prompt: 'select_account' });
  const ben = await house.person('ben');
  await house.signIn(browser, ben);
  const interaction = new URL(again.url).searchParams.get('next')!.split('?')[0]!;
  const other = await browser.go(`${house.origin}${interaction}`, (url) => url.startsWith(party.redirectUri));
  t.ok(new URL(other.location!).searchParams.get('code'), 'who has just signed in has chosen');
  t.equal(decodeJwt((await party.tokens(browser)).id_token!)['sub'], ben.id);
  t.not(ann.id, ben.id);
});

t.test('who is not signed in chooses by signing in', async (t) => {
  const { house, ann, party } = await open(t);
  const browser = house.browser();
  const login = await party.authorize(browser, { prompt: 'select_account' });
  const address = new URL(login.url);
  t.equal(address.pathname, '/login');
  await house.signIn(browser, ann);
  const back = await browser.go(`${house.origin}${address.searchParams.get('next')!}`, (url) =>
    url.startsWith(party.redirectUri),
  );
  t.ok(new URL(back.location!).searchParams.get('code'));
});

t.test('select_account goes together with login and consent, not with none', async (t) => {
  const { house, ann, browser, party } = await open(t);
  const silent = await party.authorize(browser, { prompt: 'none select_account' });
  t.equal(new URL(silent.location!).searchParams.get('error'), 'invalid_request');
  const page = await party.authorize(browser, { prompt: 'select_account login consent' });
  const next = new URL(page.url).searchParams.get('next')!;
  const login = await browser.go(`${house.origin}${next}`, (url) => url.startsWith(party.redirectUri));
  t.equal(new URL(login.url).pathname, '/login', 'a choice is no fresh sign-in');
  await house.signIn(browser, ann);
  const back = await browser.go(`${house.origin}${new URL(login.url).searchParams.get('next')!}`, (url) =>
    url.startsWith(party.redirectUri),
  );
  t.ok(new URL(back.location!).searchParams.get('code'));
});

t.test('login_hint goes along to the sign-in page, of a sensible length', async (t) => {
  const { house, party } = await open(t);
  const hintOf = async (hint: string) =>
    new URL((await party.authorize(house.browser(), { login_hint: hint })).url).searchParams.get('login_hint');
  t.equal(await hintOf('ann@example.org'), 'ann@example.org');
  t.equal(await hintOf('"><script>'), '"><script>');
  t.equal(await hintOf('x'.repeat(400)), null, 'nobody has such a name');
});

t.test('acr is answered where it is asked for; what is not offered is refused only when it is essential', async (t) => {
  const { browser, party } = await open(t);
  const asked = await party.tokens(browser, { acr_values: `urn:x:gold ${passwordContext}` });
  t.equal(decodeJwt(asked.id_token!)['acr'], passwordContext);
  t.equal(decodeJwt((await party.refresh(asked.refresh_token!)).body.id_token!)['acr'], passwordContext);
  t.equal(decodeJwt((await party.tokens(browser, { acr_values: 'urn:x:gold' })).id_token!)['acr'], passwordContext);
  const essential = (value: string) => JSON.stringify({ id_token: { acr: { essential: true, values: [value] } } });
  t.ok((await party.tokens(browser, { claims: essential(passwordContext) })).id_token);
  const page = await party.authorize(browser, { claims: essential('urn:x:gold') });
  t.equal(new URL(page.location!).searchParams.get('error'), 'unmet_authentication_requirements');
});

t.test('a client that asks for ES256 gets it, in refreshed tokens and hints too', async (t) => {
  const spa = { id: 'modern', secret: 'modern-secret-0123456789', redirectUri: 'https://modern.example/cb' };
  const house = await openHouse(t, {
    configuredClients: [
      {
        clientId: spa.id,
        name: 'Modern',
        secret: spa.secret,
        redirectUris: [spa.redirectUri],
        firstParty: true,
        idTokenSignedResponseAlg: 'ES256',
      },
    ],
  });
  const browser = house.browser();
  await house.signIn(browser, await house.person('ann'));
  const party = createRelyingParty(house, spa);
  const tokens = await party.tokens(browser);
  t.equal(decodeProtectedHeader(tokens.id_token!).alg, 'ES256');
  t.equal(decodeProtectedHeader((await party.refresh(tokens.refresh_token!)).body.id_token!).alg, 'ES256');
  t.equal(
    decodeProtectedHeader((await createRelyingParty(house).tokens(browser)).id_token!).alg,
    'RS256',
    'others keep RS256',
  );
  const out = await browser.request(`${house.issuer}/session/end?id_token_hint=${tokens.id_token!}`);
  t.equal(out.status, 303);
});

t.test('a secret that needs encoding works where the client encodes it (RFC 6749 section 2.3.1)', async (t) => {
  const secret = 'p%41s+w: /=&~"\u0027';
  const odd = { id: 'odd', redirectUri: 'https://odd.example/cb' };
  const house = await openHouse(t, {
    configuredClients: [{ clientId: 'odd', name: 'Odd', secret, redirectUris: [odd.redirectUri], firstParty: true }],
  });
  const browser = house.browser();
  await house.signIn(browser, await house.person('ann'));
  const party = createRelyingParty(house, { ...odd, secret: new URLSearchParams({ s: secret }).toString().slice(2) });
  t.ok((await party.tokens(browser)).access_token, 'in Basic');
  const { code, verifier } = await party.code(browser);
  const posted = await party.exchange(code, verifier, { client_id: 'odd', client_secret: secret }, { id: 'odd' });
  t.equal(posted.status, 200, 'and posted');
});
