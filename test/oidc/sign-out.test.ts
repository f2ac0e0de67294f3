import { decodeJwt } from 'jose';
import t from 'tap';
import { openHouse, type Teardown } from './support/house.ts';
import { createRelyingParty } from './support/relying-party.ts';

async function open(test: Teardown) {
  const house = await openHouse(test);
  const ann = await house.person('ann');
  const browser = house.browser();
  const session = await house.signIn(browser, ann);
  const isAlive = async (id: string) => (await house.sessions.listAll()).some((entry) => entry.id === id);
  const endUrl = (hint: string) =>
    `${house.issuer}/session/end?${new URLSearchParams({ id_token_hint: hint }).toString()}`;
  return { house, ann, browser, session, party: createRelyingParty(house), isAlive, endUrl };
}

t.test('an ID token of this very sign-in ends it without a page, also one that was refreshed', async (t) => {
  const { browser, session, party, isAlive, endUrl } = await open(t);
  const tokens = await party.tokens(browser);
  t.type(decodeJwt(tokens.id_token!)['sid'], 'string');
  const { body } = await party.refresh(tokens.refresh_token!);
  t.equal((await browser.request(endUrl(body.id_token!))).status, 303);
  t.notOk(await isAlive(session.id));
});

t.test('an ID token of an earlier sign-in, of another device or without a session id only asks', async (t) => {
  const { house, ann, browser, session, party, isAlive, endUrl } = await open(t);
  const earlier = await party.tokens(browser);
  const offline = await party.tokens(browser, { scope: 'openid offline_access' });
  await house.sessions.end(session.id, { actor: 'test', reason: 'test' });
  const now = await house.signIn(browser, ann);
  const elsewhere = house.browser();
  await house.signIn(elsewhere, ann);
  const foreign = await party.tokens(elsewhere);
  await party.tokens(browser);
  const refreshed = (await party.refresh(offline.refresh_token!)).body;
  const hints: [string, string][] = [
    ['earlier', earlier.id_token!],
    ['another device', foreign.id_token!],
    ['refreshed offline', refreshed.id_token!],
  ];
  for (const [name, hint] of hints) {
    const page = await browser.request(endUrl(hint));
    t.equal(page.status, 200, name);
    t.match(page.text, 'Sign out of Knot?', name);
    t.ok(await isAlive(now.id), name);
  }
});

t.test('an ID token of a client that this sign-in never used only asks', async (t) => {
  const { house, ann, browser, session, party, isAlive, endUrl } = await open(t);
  const elsewhere = house.browser();
  await house.signIn(elsewhere, ann);
  const { id_token } = await party.tokens(elsewhere);
  // This browser has a provider session, but none with the client yet.
  await browser.request(`${house.issuer}/auth?client_id=nobody`);
  t.match((await browser.request(endUrl(id_token!))).text, 'Sign out of Knot?');
  t.ok(await isAlive(session.id));
});

t.test('of two tabs that ask, each signs out when it is answered, and leads to its own application', async (t) => {
  const house = await openHouse(t, {
    configuredClients: ['one', 'two'].map((clientId) => ({
      clientId,
      name: clientId,
      secret: 'a-secret-of-a-client-0123456789',
      redirectUris: [`https://${clientId}.example/cb`],
      postLogoutRedirectUris: [`https://${clientId}.example/out?a="&b=<i>`],
    })),
  });
  const ann = await house.person('ann');
  const browser = house.browser();
  const ask = async (clientId: string) =>
    await browser.request(
      `${house.issuer}/session/end?${new URLSearchParams({ client_id: clientId, post_logout_redirect_uri: `https://${clientId}.example/out?a="&b=<i>`, state: `of "${clientId}" & <b>` }).toString()}`,
    );
  /** Presses the button of a page that asks. */
  const press = async (page: { text: string }, answer: Record<string, string>) => {
    const [, action, xsrf] = /action="([^"]+)"><input type="hidden" name="xsrf" value="(\w+)"/.exec(page.text)!;
    return await browser.request(action!.replaceAll('&amp;', '&'), { form: { xsrf: xsrf!, ...answer } });
  };
  const isAlive = async (id: string) => (await house.sessions.listAll()).some((entry) => entry.id === id);

  const session = await house.signIn(browser, ann);
  const first = await ask('one');
  const second = await ask('two');
  const again = await press(first, { logout: 'yes' });
  t.equal(again.status, 303, 'the question of the second tab has taken its place');
  t.ok(await isAlive(session.id), 'an answer to another question is not taken for one');
  const anew = await browser.request(again.location!);
  t.match(anew.text, /<strong>one<\/strong> asks for it/);
  const left = await press(anew, { logout: 'yes' });
  t.equal(new URL(left.location!).origin, 'https://one.example');
  t.equal(new URL(left.location!).searchParams.get('state'), 'of "one" & <b>');
  t.notOk(await isAlive(session.id));

  const late = await browser.go((await press(second, { logout: 'yes' })).location!, () => false);
  t.match(late.text, /name="logout" value="yes"/, 'who is signed out already goes on without a question');
  const [, action, xsrf] = /action="([^"]+)">\s*<input type="hidden" name="xsrf" value="(\w+)"/.exec(late.text)!;
  t.notMatch(action, '?', 'and that form is not asked again, or a browser without cookies would go in circles');
  const done = await browser.request(action!, { form: { xsrf: xsrf!, logout: 'yes' } });
  t.equal(new URL(done.location!).origin, 'https://two.example');
  t.equal((await browser.request(action!, { form: { xsrf: 'wrong', logout: 'yes' } })).status, 400);
});

t.test('a sign-out that cannot be done says so, and offers ours', async (t) => {
  const { house, browser, session, isAlive } = await open(t);
  for (const query of [
    'client_id=jupyterhub&post_logout_redirect_uri=https%3A%2F%2Fevil.example%2F',
    'client_id=nobody',
    'id_token_hint=nonsense',
  ]) {
    const page = await browser.request(`${house.issuer}/session/end?${query}`);
    t.equal(page.status, 400, query);
    t.match(page.text, 'The sign-out was stopped', query);
    t.match(page.text, 'href="/logout"', query);
    t.notMatch(page.text, 'evil.example', query);
  }
  t.ok(await isAlive(session.id));
});
