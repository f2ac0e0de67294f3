import Fastify from 'fastify';
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import t from 'tap';
import { createSigningKeys, jwksRoutes, type SigningKeys } from '../../gateway/keys/index.ts';
import { createManualClock, silentLog } from '../../gateway/lib/index.ts';
import { openStore, type Store } from '../../gateway/store/index.ts';
import { onBothStores } from '../support/house/stores.ts';
import { eventually } from '../support/eventually.ts';

const hourMs = 3600 * 1000;
const dayMs = 24 * hourMs;

async function openKeys(test: Pick<typeof t, 'teardown'>, checkMs = 3_600_000) {
  const clock = createManualClock();
  const store = await openStore({ url: 'sqlite::memory:', clock, log: silentLog });
  const keys = await createSigningKeys({ store, clock, rotationDays: 90, log: silentLog, checkMs });
  test.teardown(async () => {
    await keys.close();
    await store.close();
  });
  return { clock, store, keys };
}

function kidsOf(jwks: { keys: Record<string, unknown>[] }): string[] {
  return jwks.keys.map((key) => String(key.kid));
}

function signingKid(keys: SigningKeys, algorithm: string): unknown {
  return keys.providerJwks().keys.find((key) => key.alg === algorithm)?.kid;
}

t.test('the first start makes an ES256 and an RS256 key; the public set holds no private member', async (t) => {
  const { keys } = await openKeys(t);
  const published = keys.publicJwks().keys;
  t.same(published.map((key) => key.alg).sort(), ['ES256', 'RS256']);
  for (const key of published) {
    for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi'])
      t.notOk(member in key, `${String(key.alg)} shows no ${member}`);
    t.equal(key.use, 'sig');
  }
  t.ok(keys.providerJwks().keys.every((key) => typeof key.d === 'string'));
});

t.test('an assertion is verified by the published set and carries iat and exp of the clock', async (t) => {
  const { keys, clock } = await openKeys(t);
  const token = await keys.signAssertion({ sub: 'u1', aud: 'hub' }, 120);
  const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet(keys.publicJwks()), {
    currentDate: new Date(clock.now()),
    audience: 'hub',
  });
  t.match(protectedHeader, { alg: 'ES256', typ: 'JWT' });
  t.equal(payload.exp! - payload.iat!, 120);
  t.equal(payload.iat, Math.floor(clock.now() / 1000));
});

t.test('rotation publishes the new key first and signs with it only after the lead time', async (t) => {
  const { keys, clock } = await openKeys(t);
  const old = signingKid(keys, 'ES256');
  const tokenBefore = await keys.signAssertion({}, 60);
  await keys.rotate(600);
  t.equal(keys.publicJwks().keys.length, 4, 'the new keys are published at once');
  t.equal(signingKid(keys, 'ES256'), old, 'the old key still signs');
  t.equal(decodeProtectedHeader(await keys.signAssertion({}, 60)).kid, old);
  clock.advance(600 * 1000);
  t.not(signingKid(keys, 'ES256'), old, 'the new key signs after the lead time');
  t.equal(decodeProtectedHeader(await keys.signAssertion({}, 60)).kid, signingKid(keys, 'ES256'));
  const jwks = createLocalJWKSet(keys.publicJwks());
  await t.resolves(jwtVerify(tokenBefore, jwks, { currentDate: new Date(clock.now() - 600_000) }), 'old tokens verify');
  clock.advance(8 * dayMs);
  t.notOk(kidsOf(keys.publicJwks()).includes(String(old)), 'the old key is withdrawn in the end');
  t.equal(keys.publicJwks().keys.length, 2);
});

t.test('of two hand-overs the one decided last wins, whenever each takes effect', async (t) => {
  const { keys, clock } = await openKeys(t);
  await keys.rotate(3600);
  clock.advance(60_000);
  await keys.rotate(0);
  const emergency = signingKid(keys, 'RS256');
  clock.advance(2 * hourMs);
  t.equal(signingKid(keys, 'RS256'), emergency);
});

t.test('keys are rotated by age, and listeners hear both the publication and the hand-over', async (t) => {
  const { keys, clock } = await openKeys(t, 20);
  let heard = 0;
  keys.onChange(() => heard++);
  const old = signingKid(keys, 'ES256');
  clock.advance(90 * dayMs - 1);
  await new Promise((resolve) => setTimeout(resolve, 100));
  t.equal(heard, 0, 'not a moment too early');
  clock.advance(1);
  await eventually('heard === 1', () => heard === 1);
  t.equal(signingKid(keys, 'ES256'), old);
  clock.advance(hourMs);
  await eventually('heard === 2', () => heard === 2);
  t.not(signingKid(keys, 'ES256'), old);
});

await onBothStores(t, async (t, openDatabase) => {
  await t.test('processes that start or rotate at the same time end up with the same keys', async (t) => {
    const { clock, store, openAgain } = await openDatabase(t);
    const stores = [store, await openAgain(), await openAgain()];
    const open = async (store: Store) => {
      const keys = await createSigningKeys({ store, clock, rotationDays: 90, log: silentLog, checkMs: 3_600_000 });
      t.teardown(() => keys.close());
      return keys;
    };
    const [first, ...others] = await Promise.all(stores.map(open));
    t.equal(first!.publicJwks().keys.length, 2);
    for (const other of others) t.same(other.publicJwks(), first!.publicJwks());
    await Promise.all([first!, ...others].map((keys) => keys.rotate(0)));
    t.equal(first!.publicJwks().keys.length, 4, 'one rotation, not three');
    for (const other of others) {
      await eventually(
        'both publish the same keys',
        () => JSON.stringify(other.publicJwks()) === JSON.stringify(first!.publicJwks()),
      );
    }
  });
});

t.test('a second start uses the stored keys', async (t) => {
  const { store, clock, keys } = await openKeys(t);
  const again = await createSigningKeys({ store, clock, rotationDays: 90, log: silentLog });
  t.teardown(() => again.close());
  t.same(again.providerJwks(), keys.providerJwks());
});

t.test('a damaged key is refused without quoting it', async (t) => {
  const { store, clock } = await openKeys(t);
  await store.db.updateTable('signing_keys').set({ private_jwk: '{"kty":"EC","d":"topsecret"' }).execute();
  const error = await createSigningKeys({ store, clock, rotationDays: 90, log: silentLog }).catch(
    (e: unknown) => e as Error,
  );
  t.match(error, { code: 'KNOT_KEYS_UNREADABLE' });
  t.notMatch(String((error as Error).stack) + String((error as Error).cause), /topsecret/);
});

t.test('the key set is served publicly, cacheable for five minutes', async (t) => {
  const { keys } = await openKeys(t);
  const app = Fastify();
  t.teardown(() => app.close());
  await app.register(jwksRoutes, { keys });
  const answer = await app.inject('/.well-known/jwks.json');
  t.equal(answer.statusCode, 200);
  t.equal(answer.headers['cache-control'], 'public, max-age=300');
  t.same(answer.json(), keys.publicJwks());
});
