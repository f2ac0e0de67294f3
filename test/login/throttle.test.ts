import t, { type Test } from 'tap';
import { createThrottle } from '../../gateway/login/index.ts';
import { addressKey } from '../../gateway/login/throttle.ts';
import { onBothStores, type TestDatabase } from '../support/stores.ts';
import { createFixture, password } from './fixture.ts';

const limits = { attemptsPerAccount: 3, attemptsPerAddress: 5, windowSeconds: 600 };
const ann = { username: 'ann', address: '192.0.2.1' };

const makeThrottle = ({ store, clock }: Pick<TestDatabase, 'store' | 'clock'>) =>
  createThrottle({ store, clock, config: limits });

t.test('counting attempts', (t) =>
  onBothStores(t, async (t, open) => {
    const given = async (t: Test) => {
      const database = await open(t);
      return { ...database, throttle: makeThrottle(database) };
    };

    await t.test('an account waits after its limit, from any address', async (t) => {
      const { throttle, clock } = await given(t);
      for (let count = 0; count < 3; count += 1) {
        t.match(await throttle.take({ ...ann, address: `192.0.2.${count}` }), { isAllowed: true });
      }
      clock.advance(100_000);
      t.match(await throttle.take({ ...ann, address: '198.51.100.1' }), { isAllowed: false, retryAfterSeconds: 500 });
      t.match(await throttle.take({ username: 'bob', address: '198.51.100.1' }), { isAllowed: true });
      clock.advance(499_999);
      t.match(await throttle.take(ann), { isAllowed: false, retryAfterSeconds: 1 });
      clock.advance(1);
      t.match(await throttle.take(ann), { isAllowed: true }, 'a new window');
      t.match(await throttle.take(ann), { isAllowed: true });
    });

    await t.test('an address waits after its limit, for any account', async (t) => {
      const { throttle } = await given(t);
      for (let count = 0; count < 5; count += 1) {
        t.match(await throttle.take({ username: `u${count}`, address: ann.address }), { isAllowed: true });
      }
      t.match(await throttle.take({ username: 'fresh', address: ann.address }), { isAllowed: false });
      t.match(await throttle.take({ address: ann.address }), { isAllowed: false });
      t.match(await throttle.take({ username: 'fresh', address: '192.0.2.99' }), { isAllowed: true });
    });

    await t.test('attempts apart by more than the window do not add up', async (t) => {
      const { throttle, clock } = await given(t);
      for (let count = 0; count < 10; count += 1) {
        t.match(await throttle.take(ann), { isAllowed: true }, String(count));
        clock.advance(300_001);
      }
    });

    await t.test('success clears the account but only one attempt of the address', async (t) => {
      const { throttle } = await given(t);
      for (let round = 0; round < 4; round += 1) {
        await throttle.take({ username: 'own', address: ann.address });
        t.match(await throttle.take({ username: `victim${round}`, address: ann.address }), { isAllowed: true });
        await throttle.succeed({ username: 'own', address: ann.address });
      }
      await throttle.take({ username: 'victim4', address: ann.address });
      t.match(
        await throttle.take({ username: 'own', address: ann.address }),
        { isAllowed: false },
        'own successes buy no guesses',
      );
    });

    await t.test('success on the last attempt lifts the wait it would have begun', async (t) => {
      const { throttle } = await given(t);
      for (let count = 0; count < 3; count += 1) await throttle.take(ann);
      await throttle.succeed(ann);
      for (let count = 0; count < 2; count += 1) t.match(await throttle.take(ann), { isAllowed: true });
    });

    await t.test('success on the last attempt of an address lets the others behind it go on', async (t) => {
      const { throttle } = await given(t);
      for (let count = 0; count < 5; count += 1) await throttle.take({ username: `u${count}`, address: ann.address });
      await throttle.succeed({ username: 'u4', address: ann.address });
      t.match(await throttle.take({ username: 'fresh', address: ann.address }), { isAllowed: true });
      t.match(await throttle.take({ username: 'fresh', address: ann.address }), { isAllowed: false });
    });

    await t.test('a hundred attempts at once are no more than a hundred in a row', async (t) => {
      const database = await given(t);
      const replicas = [database.throttle, makeThrottle({ store: await database.openAgain(), clock: database.clock })];
      const verdicts = await Promise.all(Array.from({ length: 40 }, (_, index) => replicas[index % 2]!.take(ann)));
      t.equal(verdicts.filter(({ isAllowed }) => isAllowed).length, 3);
    });

    await t.test('a restart and another replica remember', async (t) => {
      const { throttle, store, clock } = await given(t);
      for (let count = 0; count < 3; count += 1) await throttle.take(ann);
      t.match(await makeThrottle({ store, clock }).take(ann), { isAllowed: false });
    });

    await t.test('a clock that is set back does not lock anybody out for longer than a window', async (t) => {
      const { throttle, clock } = await given(t);
      for (let count = 0; count < 3; count += 1) await throttle.take(ann);
      clock.advance(-30 * 24 * 3600_000);
      t.match(await throttle.take(ann), { isAllowed: true });
      const bob = { username: 'bob', address: '192.0.2.2' };
      for (let count = 0; count < 2; count += 1) await throttle.take(bob);
      clock.advance(-24 * 3600_000);
      for (let count = 0; count < 3; count += 1) t.match(await throttle.take(bob), { isAllowed: true }, 'a new window');
    });

    await t.test('old rows are removed', async (t) => {
      const { throttle, store, clock } = await given(t);
      for (let count = 0; count < 4; count += 1)
        await throttle.take({ username: `u${count}`, address: `192.0.2.${count}` });
      clock.advance(1300_000);
      await throttle.take(ann);
      t.equal((await store.db.selectFrom('attempts').selectAll().execute()).length, 2);
    });
  }),
);

t.test('an address is a household: IPv6 by its /64', async (t) => {
  for (const [address, key] of [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['1::', '1:0:0:0::/64'],
    ['', 'unknown'],
    ['nonsense', 'unknown'],
  ] as const) {
    t.equal(addressKey(address), key, address);
  }
});

t.test('on the page: the right password does not get in while the account waits', async (t) => {
  const { post, addUser, clock } = await createFixture(t, { login: { attemptsPerAccount: 4, windowSeconds: 900 } });
  await addUser('ann');
  for (let count = 0; count < 4; count += 1) {
    t.equal((await post('/login', { username: count % 2 ? 'ann' : 'Ann ', password: 'wrong password' })).status, 401);
  }
  const blocked = await post('/login', { username: 'ann', password });
  t.equal(blocked.status, 429);
  t.equal(blocked.cookie, undefined);
  t.equal(blocked.headers['retry-after'], '900');
  t.match(blocked.body, 'Try again in 15 minutes');
  clock.advance(900_000);
  t.equal((await post('/login', { username: 'ann', password })).status, 303);
});

t.test('on the page: an unknown name waits exactly like a known one', async (t) => {
  const { post, addUser } = await createFixture(t);
  await addUser('ann');
  const answers: string[][] = [];
  for (const username of ['ann', 'bob']) {
    const seen = [];
    for (let count = 0; count < 6; count += 1) {
      const answer = await post('/login', { username, password: 'wrong password' });
      seen.push(
        `${answer.status} ${String(answer.headers['retry-after'])} ${answer.body.replaceAll(`"${username}"`, '')}`,
      );
    }
    answers.push(seen);
  }
  t.strictSame(answers[0], answers[1]);
  t.match(answers[0]![5], /^429 /);
});

t.test('on the page: an unknown name takes as long as a known one', async (t) => {
  const { post, addUser } = await createFixture(t, { login: { attemptsPerAccount: 100, attemptsPerAddress: 100 } });
  await addUser('ann');
  const times: Record<string, number[]> = { ann: [], bob: [] };
  for (let count = 0; count < 12; count += 1) {
    for (const username of ['ann', 'bob']) {
      const startedAt = performance.now();
      await post('/login', { username, password: 'wrong password' });
      times[username]!.push(performance.now() - startedAt);
    }
  }
  const fastest = (username: string) => Math.min(...times[username]!);
  const ratio = fastest('bob') / fastest('ann');
  // Without the dummy hash the ratio is near 0.05; the bounds leave room for a busy machine.
  t.ok(ratio > 0.3 && ratio < 3, `fastest unknown to fastest known: ${ratio.toFixed(2)}`);
});
