import t, { type Test } from 'tap';
import { newSecret } from '../../gateway/lib/index.ts';
import { onBothStores } from '../support/stores.ts';
import { createFixture, type Fixture } from './fixture.ts';

const host = 'jupyterhub.localhost';
const binding = 'k'.repeat(43);
const visit = { host, binding, device: 'curl/8', address: '192.0.2.7' };
const next = '/hub/user-redirect/lab/tree/x.ipynb?y=1';

const suite = async (t: Test, open: (t: Test) => Promise<Fixture>) => {
  await t.test('a code is exchanged for a session of that host, with the way intact', async (t) => {
    const { sessions, signIn } = await open(t);
    const { session } = await signIn();
    const code = await sessions.issueCode(session, { host, binding, next });
    const made = await sessions.redeemCode(code, visit);
    t.match(made, {
      next,
      session: { host, centralId: session.id, userId: session.userId, expiresAt: session.expiresAt },
    });
    t.equal(made!.session.authenticatedAt, session.authenticatedAt);
    t.match(sessions.peek(`__Host-knot=${made!.secret}`, host), { id: made!.session.id });
    t.equal(sessions.peek(`__Host-knot=${made!.secret}`, ''), null, 'worth nothing on the main host');
    t.equal(sessions.peek(`__Host-knot=${made!.secret}`, 'echo.localhost'), null, 'nor on a third one');
  });

  await t.test('a code is worth nothing elsewhere', async (t) => {
    for (const [reason, change] of [
      ['other_host', { host: 'echo.localhost' }],
      ['other_host', { host: '' }],
      ['other_browser', { binding: 'x'.repeat(43) }],
      ['other_browser', { binding: '' }],
    ] as const) {
      const { sessions, signIn, audited } = await open(t);
      const { session } = await signIn();
      const code = await sessions.issueCode(session, { host, binding, next });
      t.equal(await sessions.redeemCode(code, { ...visit, ...change }), undefined, JSON.stringify(change));
      t.match(audited.at(-1), { action: 'session.code_refused', outcome: 'refused', detail: { reason } });
      t.equal(await sessions.redeemCode(code, visit), undefined, 'and burned by the attempt');
    }
  });

  await t.test('a code lives 60 seconds', async (t) => {
    const { sessions, signIn, clock } = await open(t);
    const { session } = await signIn();
    const intime = await sessions.issueCode(session, { host, binding, next });
    const late = await sessions.issueCode(session, { host, binding, next });
    clock.advance(59_999);
    t.ok(await sessions.redeemCode(intime, visit));
    clock.advance(1);
    t.equal(await sessions.redeemCode(late, visit), undefined);
    const jumped = await sessions.issueCode(session, { host, binding, next });
    clock.advance(-4 * 60_000);
    t.equal(await sessions.redeemCode(jumped, visit), undefined, 'nor when the clock is set back to reach it');
  });

  await t.test('a replay is refused, ends the session the code made, and is audited (R5)', async (t) => {
    const { sessions, signIn, audited, ended } = await open(t);
    const { session, header } = await signIn();
    const code = await sessions.issueCode(session, { host, binding, next });
    const cookie = `__Host-knot=${(await sessions.redeemCode(code, visit))!.secret}`;
    t.ok(sessions.peek(cookie, host));
    t.equal(await sessions.redeemCode(code, { ...visit, address: '198.51.100.9' }), undefined);
    t.notOk(sessions.peek(cookie, host));
    t.equal(await sessions.find(cookie, host), null);
    t.match(audited.at(-1), {
      action: 'session.code_refused',
      address: '198.51.100.9',
      subject: `session:${session.id}`,
      detail: { reason: 'replayed', host },
    });
    t.strictSame(ended, [session.id], 'streams of the sign-in are cut');
    t.ok(sessions.peek(header, ''), 'the central session lives: the person is sent through the exchange again');
    const again = await sessions.issueCode(session, { host, binding, next });
    t.ok(await sessions.redeemCode(again, visit));
  });

  await t.test('of many exchanges of one code at the same time one succeeds', async (t) => {
    const { sessions, signIn, store } = await open(t);
    const { session } = await signIn();
    const code = await sessions.issueCode(session, { host, binding, next });
    const results = await Promise.all(Array.from({ length: 8 }, () => sessions.redeemCode(code, visit)));
    t.equal(results.filter(Boolean).length, 1);
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
      t.equal(await sessions.redeemCode(code, visit), undefined, over);
      t.strictSame(await store.db.selectFrom('sessions').selectAll().where('host', '!=', '').execute(), []);
    }
  });
};

t.test('the exchange', (t) => onBothStores(t, (t, open) => suite(t, async (t) => createFixture(t, await open(t)))));

t.test('an invented code is refused without a trace', async (t) => {
  const { sessions, audited } = await createFixture(t);
  for (const code of ['', 'x', newSecret(), `${newSecret()}%`, 'a'.repeat(10_000)]) {
    t.equal(await sessions.redeemCode(code, visit), undefined);
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
  const cookie = `__Host-knot=${(await sessions.redeemCode(code, visit))!.secret}`;
  for (let hour = 0; hour < 3; hour += 1) {
    clock.advance(50 * 60_000);
    t.ok(sessions.peek(cookie, host), `hour ${hour}`);
  }
  t.ok(sessions.peek(header, ''));
  await sessions.sweep();
  t.ok(await openAgain().find(header, ''), 'also after a restart');
});

t.test('a repeated exchange does not fill the table', async (t) => {
  const { sessions, signIn, clock, store } = await createFixture(t);
  const { session } = await signIn();
  const cookies: string[] = [];
  for (let count = 0; count < 8; count += 1) {
    clock.advance(1000);
    const code = await sessions.issueCode(session, { host, binding, next });
    cookies.push(`__Host-knot=${(await sessions.redeemCode(code, visit))!.secret}`);
  }
  t.equal((await store.db.selectFrom('sessions').selectAll().where('host', '=', host).execute()).length, 5);
  t.equal(await sessions.find(cookies[0], host), null, 'the oldest are gone');
  t.ok(sessions.peek(cookies[7], host));
});

t.test('the sweep removes old codes', async (t) => {
  const { sessions, signIn, clock, store } = await createFixture(t);
  const { session } = await signIn();
  await sessions.issueCode(session, { host, binding, next });
  clock.advance(2 * 3600_000);
  await sessions.sweep();
  t.strictSame(await store.db.selectFrom('handoff_codes').selectAll().execute(), []);
});
