import t from 'tap';
import { openHouse, type Teardown } from './support/house.ts';
import { challengeOf, createRelyingParty, hub, newVerifier } from './support/relying-party.ts';

const other = { id: 'other', secret: 'other-secret-0123456789' };
const configuredClients = [
  { clientId: 'other', name: 'Other', secret: other.secret, redirectUris: ['https://other.example/cb'] },
];

async function open(test: Teardown) {
  const house = await openHouse(test, { configuredClients });
  const browser = house.browser();
  await house.signIn(browser, await house.person('ann'));
  return { house, browser, party: createRelyingParty(house) };
}

t.test('R4: a code is given out for exactly the verifier of its challenge, and burned by a wrong one', async (t) => {
  const { browser, party } = await open(t);
  const rows: [name: string, verifier: (right: string) => string | undefined, error: string][] = [
    ['no verifier', () => undefined, 'invalid_grant'],
    ['an empty verifier', () => '', 'invalid_grant'],
    ['another verifier', () => newVerifier(), 'invalid_grant'],
    ['the challenge as verifier', (right) => challengeOf(right), 'invalid_grant'],
    ['a verifier of 42 characters', () => 'a'.repeat(42), 'invalid_grant'],
    ['a verifier of 129 characters', () => 'a'.repeat(129), 'invalid_grant'],
  ];
  for (const [name, verifierOf, error] of rows) {
    const { code, verifier } = await party.code(browser);
    const refused = await party.exchange(code, verifierOf(verifier));
    t.equal(refused.status, 400, name);
    t.equal(refused.body.error, error, name);
    const late = await party.exchange(code, verifier);
    t.equal(late.body.error, 'invalid_grant', `${name}: the code is burned even for the right verifier`);
  }
});

t.test('R4: a verifier is refused where no challenge was sent, and so is the method plain', async (t) => {
  const { browser, party } = await open(t);
  const without = { code_challenge: undefined, code_challenge_method: undefined };
  const { code } = await party.code(browser, without);
  t.match(await party.exchange(code, newVerifier()), { status: 400, body: { error: 'invalid_grant' } });
  const plain = await party.authorize(browser, { code_challenge: newVerifier(), code_challenge_method: 'plain' });
  t.match(new URL(plain.location!).searchParams.get('error'), 'invalid_request');
  const implied = await party.authorize(browser, { code_challenge: newVerifier() });
  t.match(new URL(implied.location!).searchParams.get('error'), 'invalid_request', 'plain is not implied either');
});

t.test('a public client must use PKCE', async (t) => {
  const house = await openHouse(t, {
    configuredClients: [{ clientId: 'spa', name: 'SPA', redirectUris: ['https://spa.example/cb'], firstParty: true }],
  });
  const browser = house.browser();
  await house.signIn(browser, await house.person('ann'));
  const party = createRelyingParty(house, { id: 'spa', redirectUri: 'https://spa.example/cb' });
  const page = await party.authorize(browser);
  t.equal(new URL(page.location!).searchParams.get('error'), 'invalid_request');
  const { access_token } = await party.tokens(browser);
  t.equal((await party.userinfo(access_token!)).status, 200);
});

t.test('R5: a replayed code is refused and ends what its first use gave', async (t) => {
  const { browser, party } = await open(t);
  const { code, verifier } = await party.code(browser);
  const first = await party.exchange(code, verifier);
  t.equal(first.status, 200);
  t.equal((await party.userinfo(first.body.access_token!)).status, 200);
  t.match(await party.exchange(code, verifier), { status: 400, body: { error: 'invalid_grant' } });
  t.equal((await party.userinfo(first.body.access_token!)).status, 401, 'the access token is dead');
  t.match(await party.refresh(first.body.refresh_token!), { status: 400, body: { error: 'invalid_grant' } });
});

t.test('R5: a code presented by another client is refused, burned, and ends what it gave', async (t) => {
  const { browser, party } = await open(t);
  const fresh = await party.code(browser);
  t.match(await party.exchange(fresh.code, fresh.verifier, {}, other), {
    status: 400,
    body: { error: 'invalid_grant' },
  });
  t.match(await party.exchange(fresh.code, fresh.verifier), { status: 400, body: { error: 'invalid_grant' } });
  const used = await party.code(browser);
  const first = await party.exchange(used.code, used.verifier);
  t.match(await party.exchange(used.code, used.verifier, {}, other), { status: 400, body: { error: 'invalid_grant' } });
  t.equal((await party.userinfo(first.body.access_token!)).status, 401);
});

t.test('R5: a code is worth nothing after a minute, and its late replay still ends what it gave', async (t) => {
  const { house, browser, party } = await open(t);
  const age = async (seconds: number) => {
    const rows = await house.store.db
      .selectFrom('oidc_records')
      .selectAll()
      .where('model', '=', 'AuthorizationCode')
      .execute();
    for (const row of rows) {
      const payload = JSON.parse(row.payload) as { exp: number };
      await house.store.db
        .updateTable('oidc_records')
        .set({
          payload: JSON.stringify({ ...payload, exp: payload.exp - seconds }),
          expires_at: row.expires_at! - seconds * 1000,
        })
        .where('id', '=', row.id)
        .execute();
    }
  };
  const unused = await party.code(browser);
  await age(61);
  t.match(await party.exchange(unused.code, unused.verifier), { status: 400, body: { error: 'invalid_grant' } });
  const used = await party.code(browser);
  const first = await party.exchange(used.code, used.verifier);
  await age(61);
  t.match(await party.exchange(used.code, used.verifier), { status: 400, body: { error: 'invalid_grant' } });
  t.equal((await party.userinfo(first.body.access_token!)).status, 401);
});

t.test('of many uses of a code at the same moment at most one succeeds, and a replay ends that one too', async (t) => {
  const { browser, party } = await open(t);
  const { code, verifier } = await party.code(browser);
  const answers = await Promise.all(Array.from({ length: 5 }, () => party.exchange(code, verifier)));
  const given = answers.filter((answer) => answer.status === 200);
  t.ok(given.length <= 1, `${given.length} succeeded`);
  t.ok(answers.filter((answer) => answer.status !== 200).every((answer) => answer.body.error === 'invalid_grant'));
  for (const answer of given) t.equal((await party.userinfo(answer.body.access_token!)).status, 401);
});

t.test('a code is bound to its redirect address and needs the right secret', async (t) => {
  const { browser, party } = await open(t);
  const { code, verifier } = await party.code(browser);
  t.match(await party.exchange(code, verifier, {}, { ...hub, secret: 'wrong' }), {
    status: 401,
    body: { error: 'invalid_client' },
  });
  t.match(await party.exchange(code, verifier, {}, { id: hub.id }), { status: 401 }, 'no secret at all');
  t.equal((await party.exchange(code, verifier)).status, 200, 'a stranger without the secret cannot burn it');
  const second = await party.code(browser);
  const moved = await party.exchange(second.code, second.verifier, {
    redirect_uri: 'https://jupyterhub.localhost/other',
  });
  t.match(moved, { status: 400, body: { error: 'invalid_grant' } });
});
