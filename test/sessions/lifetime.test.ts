import t from 'tap';
import { newSecret } from '../../gateway/lib/index.ts';
import { absoluteSeconds, addUser, createFixture, idleSeconds } from './fixture.ts';
import { started } from '../support/house/redeemed.ts';

const minute = 60_000;

t.test('a session is found by its cookie, first in the store and then in the cache', async (t) => {
  const { sessions, signIn, openAgain, userId } = await createFixture(t);
  const { header, id } = await signIn();
  t.match(sessions.peek(header, ''), { id, userId, host: '', centralId: id });
  const elsewhere = openAgain();
  t.equal(elsewhere.peek(header, ''), undefined, 'another process has to ask its store first');
  t.match(await elsewhere.find(header, ''), { id });
  t.match(elsewhere.peek(header, ''), { id });
});

t.test('the cookie value is nowhere in the database', async (t) => {
  const { store, signIn } = await createFixture(t);
  const { header } = await signIn();
  const secret = header.slice('__Host-knot='.length);
  t.notMatch(JSON.stringify(await store.db.selectFrom('sessions').selectAll().execute()), secret);
});

t.test('no cookie, an unknown one and one of another host are no session', async (t) => {
  const { sessions, signIn, openAgain } = await createFixture(t);
  const { header } = await signIn();
  t.equal(sessions.peek(undefined, ''), null);
  t.equal(sessions.peek(header, 'jupyterhub.localhost'), null);
  t.equal(await sessions.find(header, 'jupyterhub.localhost'), null);
  t.equal(await openAgain().find(header, 'jupyterhub.localhost'), null, 'nor when it has to be read first');
  const unknown = `__Host-knot=${newSecret()}`;
  t.equal(sessions.peek(unknown, ''), undefined);
  t.equal(await sessions.find(unknown, ''), null);
  t.equal(sessions.peek(unknown, ''), null, 'remembered as missing');
});

t.test('a flood of invented cookies does not push real sessions out of the cache', async (t) => {
  const { sessions, signIn } = await createFixture(t);
  const { header } = await signIn();
  for (let count = 0; count < 6000; count += 1) await sessions.find(`__Host-knot=${newSecret()}`, '');
  t.ok(sessions.peek(header, ''));
});

t.test('a missing session is asked for again after a moment', async (t) => {
  const { sessions, clock, store } = await createFixture(t);
  const unknown = `__Host-knot=${newSecret()}`;
  await sessions.find(unknown, '');
  t.equal(sessions.peek(unknown, ''), null);
  clock.advance(11_000);
  t.equal(sessions.peek(unknown, ''), undefined);
  t.ok(store);
});

t.test('concurrent requests with the same cookie read the store once', async (t) => {
  const { signIn, openAgain, store } = await createFixture(t);
  const { header, id } = await signIn();
  const elsewhere = openAgain();
  let reads = 0;
  const { selectFrom } = store.db;
  store.db.selectFrom = function (this: typeof store.db, ...from: never[]) {
    reads += 1;
    return selectFrom.apply(this, from as never);
  } as never;
  const found = await Promise.all(Array.from({ length: 20 }, () => elsewhere.find(header, '')));
  store.db.selectFrom = selectFrom;
  t.ok(found.every((session) => session?.id === id));
  t.equal(reads, 1);
});

t.test('an unused session ends after its idle time', async (t) => {
  const { sessions, clock, signIn, ended, audited } = await createFixture(t);
  const { header, id } = await signIn();
  clock.advance(idleSeconds * 1000 - 1);
  t.ok(sessions.peek(header, ''), 'one millisecond before');
  clock.advance(idleSeconds * 1000);
  t.notOk(sessions.peek(header, ''));
  t.equal(await sessions.find(header, ''), null);
  t.strictSame(ended, [id]);
  t.match(audited.at(-1), { action: 'session.ended', actor: 'system', detail: { reason: 'idle' } });
});

t.test('a session in use ends after its absolute time', async (t) => {
  const { sessions, clock, signIn, ended } = await createFixture(t);
  const { header, id } = await signIn();
  for (let passed = 0; passed < absoluteSeconds * 1000 - 30 * minute; passed += 30 * minute) {
    t.ok(sessions.peek(header, ''), `after ${passed / minute} minutes`);
    clock.advance(30 * minute);
  }
  clock.advance(30 * minute);
  t.equal(sessions.peek(header, ''), null);
  t.equal(await sessions.find(header, ''), null);
  await sessions.sweep();
  t.strictSame(ended, [id], 'told once');
});

t.test('the sweep ends what is over and tells of it', async (t) => {
  const { sessions, clock, signIn, ended, store } = await createFixture(t);
  const first = await signIn();
  clock.advance(idleSeconds * 1000 - minute);
  const second = await signIn();
  clock.advance(2 * minute);
  await sessions.sweep();
  t.strictSame(ended, [first.id]);
  t.ok(sessions.peek(second.header, ''));
  t.equal((await store.db.selectFrom('sessions').selectAll().execute()).length, 1);
});

t.test('use through another process keeps a session from going idle', async (t) => {
  const { sessions, clock, signIn, openAgain, ended } = await createFixture(t);
  const { header } = await signIn();
  const elsewhere = openAgain();
  await elsewhere.find(header, '');
  clock.advance(idleSeconds * 1000 - 5 * minute);
  t.ok(elsewhere.peek(header, ''));
  await elsewhere.sweep();
  clock.advance(6 * minute);
  t.equal(sessions.peek(header, ''), undefined, 'this process has not seen it used and asks');
  t.ok(await sessions.find(header, ''));
  t.strictSame(ended, []);
});

t.test('the last use is written in batches, at most once a minute', async (t) => {
  const { sessions, clock, signIn, store } = await createFixture(t);
  const { header } = await signIn();
  const startedAt = clock.now();
  const stored = async () =>
    (await store.db.selectFrom('sessions').select('last_seen_at').executeTakeFirstOrThrow()).last_seen_at;
  clock.advance(59_000);
  sessions.peek(header, '');
  await sessions.sweep();
  t.equal(await stored(), startedAt, 'not within the first minute');
  clock.advance(1000);
  sessions.peek(header, '');
  t.equal(await stored(), startedAt, 'not by the request itself');
  await sessions.sweep();
  t.equal(await stored(), startedAt + 60_000);
  clock.advance(5000);
  sessions.peek(header, '');
  await sessions.sweep();
  t.equal(await stored(), startedAt + 60_000, 'and not again at once');
});

t.test('clock jumps: forward ends, backward neither revives nor prolongs', async (t) => {
  await t.test('far forward', async (t) => {
    const { sessions, clock, signIn, ended } = await createFixture(t);
    const { header, id } = await signIn();
    clock.advance(365 * 24 * 3600_000);
    t.equal(sessions.peek(header, ''), null);
    await sessions.sweep();
    t.strictSame(ended, [id]);
    clock.advance(-365 * 24 * 3600_000);
    t.equal(await sessions.find(header, ''), null, 'stays ended when the clock comes back');
  });
  await t.test('back by an hour: a session of the future is refused until the clock is right', async (t) => {
    const { sessions, clock, signIn, ended } = await createFixture(t);
    const { header } = await signIn();
    clock.advance(-3600_000);
    t.equal(sessions.peek(header, ''), null);
    t.equal(await sessions.find(header, ''), null);
    clock.advance(3600_000);
    t.ok(await sessions.find(header, ''));
    t.strictSame(ended, []);
  });
  await t.test('back by four minutes: replicas may differ that much', async (t) => {
    const { sessions, clock, signIn } = await createFixture(t);
    const { header } = await signIn();
    clock.advance(-4 * minute);
    t.ok(sessions.peek(header, ''));
  });
  await t.test('a use that was noted in the future does not keep a session for ever', async (t) => {
    const { sessions, clock, signIn } = await createFixture(t);
    const { header } = await signIn();
    clock.advance(50 * minute);
    sessions.peek(header, '');
    clock.advance(-49 * minute);
    t.ok(sessions.peek(header, ''));
    clock.advance(idleSeconds * 1000);
    t.equal(await sessions.find(header, ''), null, 'idle from the corrected time on');
  });
});

t.test('the list shows device, place, times and hosts of living sessions only', async (t) => {
  const { sessions, clock, signIn, store, userId } = await createFixture(t);
  const old = await signIn();
  clock.advance(idleSeconds * 1000 - minute);
  const { id, session } = await signIn();
  const code = await sessions.issueCode(session, { host: 'echo.localhost', binding: 'b', next: '/' });
  await sessions.redeemCode(code, {
    host: 'echo.localhost',
    bindings: ['b'],
    device: '',
    address: '',
    isInUse: () => false,
  });
  const startedAt = clock.now();
  clock.advance(2 * minute);
  const listed = await sessions.list(userId);
  t.strictSame(listed, [
    {
      id,
      device: 'Firefox on Linux',
      address: '192.0.2.1',
      startedAt,
      lastSeenAt: startedAt,
      expiresAt: startedAt + absoluteSeconds * 1000,
      hosts: ['echo.localhost'],
    },
  ]);
  t.not(listed[0]?.id, old.id);
  const bob = await addUser(store, 'bob');
  await signIn(bob);
  t.strictSame((await sessions.listAll()).map((session) => session.userId).sort(), [userId, bob].sort());
  t.equal((await sessions.list(bob)).length, 1);
});

t.test('the cookie lasts as long as the session', async (t) => {
  const { sessions, clock, signIn } = await createFixture(t);
  const { header, session } = await signIn();
  t.match(sessions.cookie(header.slice('__Host-knot='.length)), `Max-Age=${absoluteSeconds};`);
  clock.advance(10 * minute);
  const code = await sessions.issueCode(session, { host: 'echo.localhost', binding: 'b', next: '/' });
  const made = await sessions.redeemCode(code, {
    host: 'echo.localhost',
    bindings: ['b'],
    device: '',
    address: '',
    isInUse: () => false,
  });
  t.match(sessions.cookie(started(made).secret), `Max-Age=${absoluteSeconds - 600};`);
});
