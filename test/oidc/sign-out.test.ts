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
