import t, { type Test } from 'tap';
import { newSecret } from '../../gateway/lib/index.ts';
import { started } from '../support/house/redeemed.ts';
import { onBothStores } from '../support/house/stores.ts';
import type { Visit } from '../../gateway/sessions/index.ts';
import { createFixture, type Fixture } from './fixture.ts';

const host = 'jupyterhub.localhost';
const binding = 'k'.repeat(43);
const visit = { host, bindings: [binding], device: 'curl/8', address: '192.0.2.7', isInUse: () => false };
const next = '/hub/user-redirect/lab/tree/x.ipynb?y=1';

const suite = async (t: Test, open: (t: Test) => Promise<Fixture>) => {
  await t.test('a code is exchanged for a session of that host, with the way intact', async (t) => {
    const { sessions, signIn } = await open(t);
    const { session } = await signIn();
    const code = await sessions.issueCode(session, { host, binding, next });
    const made = started(await sessions.redeemCode(code, visit));
    t.match(made, {
      next,
      session: { host, centralId: session.id, userId: session.userId, expiresAt: session.expiresAt },
    });
    t.equal(made.session.authenticatedAt, session.authenticatedAt);
    t.match(sessions.peek(`__Host-knot=${made.secret}`, host), { id: made.session.id });
    t.equal(sessions.peek(`__Host-knot=${made.secret}`, ''), null, 'worth nothing on the main host');
    t.equal(sessions.peek(`__Host-knot=${made.secret}`, 'echo.localhost'), null, 'nor on a third one');
  });

  await t.test('a code is worth nothing elsewhere', async (t) => {
    for (const [reason, change] of [
      ['other_host', { host: 'echo.localhost' }],
      ['other_host', { host: '' }],
      ['other_browser', { bindings: ['x'.repeat(43)] }],
      ['other_browser', { bindings: [] }],
    ] as const) {
      const { sessions, signIn, audited } = await open(t);
      const { session } = await signIn();
      const code = await sessions.issueCode(session, { host, binding, next });
      const refused = await sessions.redeemCode(code, { ...visit, ...change });
      // Only its own host hears where it was to lead, so that the browser may start anew.
      t.strictSame(refused, { kind: 'refused', next: 'host' in change ? undefined : next }, JSON.stringify(change));
      t.match(audited.at(-1), { action: 'session.code_refused', outcome: 'refused', detail: { reason } });
      t.match(await sessions.redeemCode(code, visit), { kind: 'refused', next }, 'and burned by the attempt');
    }
  });

  await t.test('a code lives 60 seconds', async (t) => {
    const { sessions, signIn, clock } = await open(t);
    const { session } = await signIn();
    const intime = await sessions.issueCode(session, { host, binding, next });
    const late = await sessions.issueCode(session, { host, binding, next });
    clock.advance(59_999);
    t.match(await sessions.redeemCode(intime, visit), { kind: 'started' });
    clock.advance(1);
    t.strictSame(await sessions.redeemCode(late, visit), { kind: 'refused', next });
    const jumped = await sessions.issueCode(session, { host, binding, next });
    clock.advance(-4 * 60_000);
    t.match(
      await sessions.redeemCode(jumped, visit),
      { kind: 'refused' },
      'nor when the clock is set back to reach it',
    );
  });

  await t.test('a replay is refused, ends the session the code made, and is audited (R5)', async (t) => {
    const { sessions, signIn, audited, ended, endedHostSessions } = await open(t);
    const { session, header } = await signIn();
    const code = await sessions.issueCode(session, { host, binding, next });
    const made = started(await sessions.redeemCode(code, visit));
    const cookie = `__Host-knot=${made.secret}`;
    t.ok(sessions.peek(cookie, host));
    t.match(await sessions.redeemCode(code, { ...visit, address: '198.51.100.9' }), { kind: 'refused' });
    t.notOk(sessions.peek(cookie, host));
    t.equal(await sessions.find(cookie, host), null);
    t.match(audited.at(-1), {
      action: 'session.code_refused',
      address: '198.51.100.9',
      subject: `session:${session.id}`,
      detail: { reason: 'replayed', host },
    });
    t.strictSame(endedHostSessions, [made.session.id], 'streams of that session are cut');
    t.strictSame(ended, [], 'those of the sign-in on other hosts, and its tokens, are not');
    t.ok(sessions.peek(header, ''), 'the central session lives: the person is sent through the exchange again');
    const again = await sessions.issueCode(session, { host, binding, next });
    t.match(await sessions.redeemCode(again, visit), { kind: 'started' });
  });

  await t.test('of many exchanges of one code at the same time one succeeds', async (t) => {
    const { sessions, signIn, store } = await open(t);
    const { session } = await signIn();
    const code = await sessions.issueCode(session, { host, binding, next });
    const results = await Promise.all(Array.from({ length: 8 }, () => sessions.redeemCode(code, visit)));
    t.equal(results.filter(({ kind }) => kind === 'started').length, 1);
    const left = await store.db.selectFrom('sessions').selectAll().where('host', '=', host).execute();
    t.equal(left.length, 0, 'and the seven replays ended what it made');
  });

  await t.test('a code dies with the central session', async (t) => {
    for (const over of ['ended', 'idle'] as const) {
      const { sessions, signIn, clock, store } = await open(t);
      const { session } = await signIn();
      if (over === 'idle') clock.advance(3600_000 - 1000);
      const code = await sessions.issueCode(session, { host, binding, next });
      if (over === 'ended') await sessions.end(session.id, { actor: 'ann', reason: 'signed_out' });
      else clock.advance(2000);
      t.strictSame(await sessions.redeemCode(code, visit), { kind: 'refused', next }, over);
      t.strictSame(await store.db.selectFrom('sessions').selectAll().where('host', '!=', '').execute(), []);
    }
  });
};

t.test('the exchange', (t) => onBothStores(t, (t, open) => suite(t, async (t) => createFixture(t, await open(t)))));

t.test('an invented code is refused without a trace', async (t) => {
  const { sessions, audited } = await createFixture(t);
  for (const code of ['', 'x', newSecret(), `${newSecret()}%`, 'a'.repeat(10_000)]) {
    t.strictSame(await sessions.redeemCode(code, visit), { kind: 'refused', next: undefined });
  }
  t.strictSame(audited, []);
});

t.test('the code is nowhere in the database', async (t) => {
  const { sessions, signIn, store } = await createFixture(t);
  const { session } = await signIn();
  const code = await sessions.issueCode(session, { host, binding, next });
  t.notMatch(JSON.stringify(await store.db.selectFrom('handoff_codes').selectAll().execute()), code);
});

t.test('use of a service host keeps the whole sign-in from going idle', async (t) => {
  const { sessions, signIn, clock, openAgain } = await createFixture(t);
  const { session, header } = await signIn();
  const code = await sessions.issueCode(session, { host, binding, next });
  const cookie = `__Host-knot=${started(await sessions.redeemCode(code, visit)).secret}`;
  for (let hour = 0; hour < 3; hour += 1) {
    clock.advance(50 * 60_000);
    t.ok(sessions.peek(cookie, host), `hour ${hour}`);
  }
  t.ok(sessions.peek(header, ''));
  await sessions.sweep();
  t.ok(await openAgain().find(header, ''), 'also after a restart');
});

/** Exchanges a code `count` times, each as a browser that shows no session yet. */
async function exchange({ sessions, signIn, clock }: Fixture, count: number, more: Partial<Visit> = {}) {
  const { session } = await signIn();
  const made = [];
  for (let index = 0; index < count; index += 1) {
    clock.advance(1000);
    const code = await sessions.issueCode(session, { host, binding, next });
    made.push(started(await sessions.redeemCode(code, { ...visit, ...more })));
  }
  return { session, made };
}

t.test('a repeated exchange does not fill the table, and cuts nothing', async (t) => {
  const fixture = await createFixture(t);
  const { made } = await exchange(fixture, 8);
  const { sessions, store, ended, endedHostSessions, openAgain } = fixture;
  t.equal((await store.db.selectFrom('sessions').selectAll().where('host', '=', host).execute()).length, 5);
  t.equal(await openAgain().find(`__Host-knot=${made[0]!.secret}`, host), null, 'the oldest are gone from the store');
  t.ok(sessions.peek(`__Host-knot=${made[0]!.secret}`, host), 'but what is under way in one goes on');
  t.ok(sessions.peek(`__Host-knot=${made[7]!.secret}`, host));
  t.strictSame([ended, endedHostSessions], [[], []], 'nobody is told that anything ended');
});

t.test('a host session with open streams is never ended to make room', async (t) => {
  const fixture = await createFixture(t);
  const inUse = new Set<string>();
  const { made } = await exchange(fixture, 1);
  inUse.add(made[0]!.session.id);
  const { session } = made[0]!;
  const { sessions, store, clock, openAgain } = fixture;
  const central = { ...session, id: session.centralId, host: '' };
  for (let index = 0; index < 8; index += 1) {
    clock.advance(1000);
    const code = await sessions.issueCode(central, { host, binding, next });
    await sessions.redeemCode(code, { ...visit, isInUse: (id) => inUse.has(id) });
  }
  t.ok(await openAgain().find(`__Host-knot=${made[0]!.secret}`, host));
  const rows = await store.db.selectFrom('sessions').selectAll().where('host', '=', host).execute();
  t.equal(rows.length, 6, 'five, and the one in use');
});

t.test('a browser that shows a live session of the same sign-in keeps it', async (t) => {
  const fixture = await createFixture(t);
  const { sessions, signIn, audited, store, endedHostSessions } = fixture;
  const { session, made } = await exchange(fixture, 1);
  const cookie = `__Host-knot=${made[0]!.secret}`;
  const issue = () => sessions.issueCode(session, { host, binding, next: '/second' });
  const count = async () =>
    (await store.db.selectFrom('sessions').selectAll().where('host', '=', host).execute()).length;

  t.strictSame(await sessions.redeemCode(await issue(), { ...visit, cookie }), { kind: 'live', next: '/second' });
  const code = await issue();
  const unbound = { ...visit, bindings: [], cookie };
  t.strictSame(await sessions.redeemCode(code, unbound), { kind: 'live', next: '/second' }, 'whatever it is bound to');
  t.match(await sessions.redeemCode(code, unbound), { kind: 'live' }, 'and when it loads the address twice');
  t.equal(await count(), 1);
  t.ok(sessions.peek(cookie, host));
  t.strictSame(endedHostSessions, []);
  t.equal(audited.filter(({ action }) => action === 'session.code_refused').length, 0);

  // Login CSRF: the code of somebody else's sign-in, shown by this browser.
  const other = await signIn();
  const foreign = await sessions.issueCode(other.session, { host, binding: 'z'.repeat(43), next: '/theirs' });
  t.strictSame(await sessions.redeemCode(foreign, { ...visit, cookie }), { kind: 'refused', next: '/theirs' });
  t.equal(await count(), 1);
  // The same browser, signed in anew: the older session gives way.
  const anew = await sessions.issueCode(other.session, { host, binding, next });
  t.match(await sessions.redeemCode(anew, { ...visit, cookie }), { kind: 'started' });
});

t.test('the sweep removes old codes', async (t) => {
  const { sessions, signIn, clock, store } = await createFixture(t);
  const { session } = await signIn();
  await sessions.issueCode(session, { host, binding, next });
  clock.advance(2 * 3600_000);
  await sessions.sweep();
  t.strictSame(await store.db.selectFrom('handoff_codes').selectAll().execute(), []);
});
