import t from 'tap';
import { silentLog } from '../../gateway/lib/index.ts';
import { createSessions } from '../../gateway/sessions/index.ts';
import { openStore } from '../../gateway/store/index.ts';
import { onBothStores } from '../support/house/stores.ts';
import { started } from '../support/house/redeemed.ts';
import {
  absoluteSeconds,
  addUser,
  createFixture,
  everybody,
  type Fixture,
  idleSeconds,
  unrecorded,
} from './fixture.ts';

const config = { idleSeconds, absoluteSeconds };
const by = { actor: 'admin', reason: 'test' };

async function handOff(
  { sessions }: Fixture,
  central: Awaited<ReturnType<Fixture['signIn']>>,
  host: string,
): Promise<string> {
  const code = await sessions.issueCode(central.session, { host, binding: 'b', next: '/' });
  const made = await sessions.redeemCode(code, {
    host,
    bindings: ['b'],
    device: '',
    address: '',
    isInUse: () => false,
  });
  return `__Host-knot=${started(made).secret}`;
}

t.test('ending the central session ends every session bound to it at once', async (t) => {
  const fixture = await createFixture(t);
  const { sessions, signIn, ended, audited } = fixture;
  const central = await signIn();
  const other = await signIn();
  const onHub = await handOff(fixture, central, 'jupyterhub.localhost');
  const onEcho = await handOff(fixture, central, 'echo.localhost');
  t.ok(sessions.peek(onHub, 'jupyterhub.localhost'));
  t.equal(await sessions.end(central.id, by), true);
  for (const [header, host] of [
    [central.header, ''],
    [onHub, 'jupyterhub.localhost'],
    [onEcho, 'echo.localhost'],
  ] as const) {
    t.notOk(sessions.peek(header, host), `${host} in the cache`);
    t.equal(await sessions.find(header, host), null, `${host} in the store`);
  }
  t.ok(sessions.peek(other.header, ''), 'another sign-in goes on');
  t.strictSame(ended, [central.id]);
  t.match(audited.at(-1), {
    action: 'session.ended',
    actor: 'admin',
    subject: `session:${central.id}`,
    detail: { reason: 'test' },
  });
  t.equal(await sessions.end(central.id, by), false, 'there is none any more');
});

t.test('ending all spares the one that is named and other people', async (t) => {
  const { sessions, signIn, store, userId, ended } = await createFixture(t);
  const kept = await signIn();
  const first = await signIn();
  const second = await signIn();
  const bob = await signIn(await addUser(store, 'bob'));
  t.equal(await sessions.endAll(userId, { ...by, exceptId: kept.id }), 2);
  t.strictSame(ended.sort(), [first.id, second.id].sort());
  t.ok(sessions.peek(kept.header, ''));
  t.ok(sessions.peek(bob.header, ''));
  t.notOk(sessions.peek(first.header, ''));
  t.equal(await sessions.endAll(userId, by), 1);
});

t.test('a session that ends while it is being read from the store is not cached', async (t) => {
  const { sessions, signIn, openAgain, store } = await createFixture(t);
  const { header, id } = await signIn();
  const elsewhere = openAgain();
  // The row is read, and the answer arrives only after the session has ended.
  const { selectFrom } = store.db;
  store.db.selectFrom = function (this: typeof store.db, ...from: never[]) {
    store.db.selectFrom = selectFrom;
    const query = selectFrom.apply(this, from as never) as unknown as { executeTakeFirst(): Promise<unknown> };
    return delayAnswer(query, () => sessions.end(id, by));
  } as never;
  t.equal(await elsewhere.find(header, ''), null);
  t.notOk(elsewhere.peek(header, ''));
});

/** A query builder whose `executeTakeFirst` waits for `before` once it has read. */
function delayAnswer<Q extends object>(query: Q, before: () => Promise<unknown>): Q {
  return new Proxy(query, {
    get(target, key) {
      const value = Reflect.get(target, key) as unknown;
      if (typeof value !== 'function') return value;
      return (...parameters: unknown[]): unknown => {
        const result = Reflect.apply(value, target, parameters) as unknown;
        if (key !== 'executeTakeFirst') return delayAnswer(result as object, before);
        return (result as Promise<unknown>).then(async (row) => {
          await before();
          return row;
        });
      };
    },
  });
}

t.test('a listener that throws does not keep the others from hearing', async (t) => {
  const { sessions, signIn } = await createFixture(t);
  const heard: string[] = [];
  sessions.onEnded(() => {
    throw new Error('broken listener');
  });
  const stop = sessions.onEnded((id) => void heard.push(id));
  const first = await signIn();
  await sessions.end(first.id, by);
  stop();
  const second = await signIn();
  await sessions.end(second.id, by);
  t.strictSame(heard, [first.id]);
});

t.test('the audit entry and the end are one: when it cannot be written, the session lives', async (t) => {
  const { store, clock, userId } = await createFixture(t);
  let isBroken = false;
  const sessions = createSessions({
    store,
    clock,
    config: { idleSeconds, absoluteSeconds },
    record: async () => {
      if (isBroken) throw new Error('no space left');
    },
    account: everybody,
    log: silentLog,
  });
  t.teardown(() => sessions.close());
  const user = { id: userId, username: 'ann', credentialVersion: 1 };
  const { secret, session } = (await sessions.start({ user, device: '', address: '' }))!;
  isBroken = true;
  await t.rejects(sessions.end(session.id, by));
  t.ok(await sessions.find(`__Host-knot=${secret}`, ''));
  await t.rejects(sessions.start({ user, device: '', address: '' }));
  t.equal((await sessions.list(userId)).length, 1);
});

t.test('what another process ends is over here within two seconds', (t) =>
  onBothStores(t, async (t, open) => {
    await t.test('end from elsewhere', async (t) => {
      const database = await open(t);
      const { sessions, signIn, ended } = await createFixture(t, database);
      const { header, id } = await signIn();
      const remote = createSessions({
        store: await database.openAgain(),
        clock: database.clock,
        config: { idleSeconds, absoluteSeconds },
        record: unrecorded,
        account: everybody,
        log: silentLog,
      });
      t.teardown(() => remote.close());
      t.ok(await remote.find(header, ''));
      t.ok(sessions.peek(header, ''));
      const endedAt = performance.now();
      await remote.end(id, by);
      while (sessions.peek(header, '') && performance.now() - endedAt < 20_000) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      t.notOk(sessions.peek(header, ''));
      t.comment(`heard after ${Math.round(performance.now() - endedAt)} ms`);
      t.strictSame(ended, [id]);
    });
  }),
);

t.test('sessions survive a restart', async (t) => {
  const { store, clock, signIn, sessions, userId } = await createFixture(t);
  const { header, id } = await signIn();
  clock.advance(120_000);
  sessions.peek(header, '');
  await sessions.close();
  const restarted = createSessions({ store, clock, config, record: unrecorded, account: everybody, log: silentLog });
  t.teardown(() => restarted.close());
  t.match(await restarted.find(header, ''), { id });
  t.equal((await restarted.list(userId))[0]?.lastSeenAt, clock.now(), 'closing writes the last use');
});

t.test('while the store does not answer nobody is signed in by mistake (C3)', async (t) => {
  const { signIn, clock } = await createFixture(t);
  const { header } = await signIn();
  const broken = await openStore({ url: 'sqlite::memory:', clock, log: silentLog });
  const sessions = createSessions({
    store: broken,
    clock,
    config,
    record: unrecorded,
    account: everybody,
    log: silentLog,
  });
  await broken.db.schema.dropTable('sessions').execute();
  await t.rejects(sessions.find(header, ''));
  t.equal(sessions.peek(header, ''), undefined);
  await sessions.close();
  await broken.close();
});
