import t from 'tap';
import { addUser, createFixture, firefox } from './fixture.ts';
import { started } from '../support/house/redeemed.ts';

const host = 'echo.localhost';
const place = { device: firefox, address: '192.0.2.7' };

t.test('who signs in again in the same browser goes on under a new secret, and nothing ends', async (t) => {
  const { sessions, signIn, openAgain, userId, clock, store, ended, endedHostSessions } = await createFixture(t);
  const user = { id: userId, username: 'ann', credentialVersion: 1 };
  const replica = openAgain();
  const first = await signIn();
  const code = await sessions.issueCode(first.session, { host, binding: 'b', next: '/' });
  const onHost = `__Host-knot=${started(await sessions.redeemCode(code, { host, bindings: ['b'], ...place, isInUse: () => false })).secret}`;
  for (const each of [sessions, replica]) {
    t.ok(await each.find(first.header, ''));
    t.ok(await each.find(onHost, host));
  }
  clock.advance(60_000);
  const again = (await sessions.start({ user, ...place, cookie: first.header }))!;
  const header = `__Host-knot=${again.secret}`;
  t.not(header, first.header);
  for (const [name, each] of Object.entries({ sessions, replica, late: openAgain() })) {
    t.equal(await each.find(first.header, ''), null, `${name}: what was shown before is worth nothing (fixation, C5)`);
    t.match(await each.find(header, ''), { centralId: first.id, authenticatedAt: clock.now() }, `${name}: fresh`);
    t.ok(await each.find(onHost, host), `${name}: the tools go on`);
  }
  t.equal(sessions.peek(first.header, ''), null, 'also in the cache');
  t.strictSame(ended, []);
  t.strictSame(endedHostSessions, []);
  t.match(await sessions.list(userId), [{ id: first.id, address: place.address }]);
  t.equal((await sessions.list(userId)).length, 1);
  t.equal(await sessions.end(first.id, { actor: 'ann', reason: 'signed_out' }), true);
  for (const each of [sessions, replica]) {
    t.equal(await each.find(header, ''), null, 'it ends as a whole');
    t.equal(await each.find(onHost, host), null);
  }
  t.equal(await sessions.whyEnded(header), 'signed_out');
  t.strictSame(await store.db.selectFrom('sessions').selectAll().execute(), []);
});

t.test('a secret that is read while it is replaced does not come back', async (t) => {
  const { sessions, signIn, openAgain, userId } = await createFixture(t);
  const user = { id: userId, username: 'ann', credentialVersion: 1 };
  for (let round = 0; round < 20; round++) {
    const first = await signIn();
    const replica = openAgain();
    const reads = [replica.find(first.header, ''), sessions.find(first.header, '')];
    const again = sessions.start({ user, ...place, cookie: first.header });
    reads.push(replica.find(first.header, ''), sessions.find(first.header, ''));
    await Promise.all([...reads, again]);
    t.equal(await replica.find(first.header, ''), null);
    t.equal(await sessions.find(first.header, ''), null);
  }
});

t.test('of two sign-ins at once one secret counts, and the other leads back to the same session', async (t) => {
  const { sessions, signIn, userId, ended, openAgain, store } = await createFixture(t);
  const user = { id: userId, username: 'ann', credentialVersion: 1 };
  const first = await signIn();
  const both = await Promise.all([0, 1].map(() => sessions.start({ user, ...place, cookie: first.header })));
  const headers = both.map((made) => `__Host-knot=${made!.secret}`);
  const alive = await Promise.all(headers.map((header) => sessions.find(header, '')));
  t.strictSame(
    alive.map((session) => session?.centralId),
    [undefined, first.id],
  );
  for (const former of [first.header, headers[0]!]) {
    t.match(await openAgain().findFormer(former), { centralId: first.id });
    const back = (await sessions.start({ user, ...place, cookie: former }))!;
    t.equal(back.session.centralId, first.id, 'so that a sign-out ends the tools, too');
  }
  t.strictSame(ended, []);
  const bob = { id: await addUser(store, 'bob'), username: 'bob', credentialVersion: 1 };
  await sessions.start({ user: bob, ...place, cookie: first.header });
  t.strictSame(ended, [first.id], 'and another person never finds the tools of the one before');
  t.equal(await sessions.findFormer(first.header), null);
  t.equal(await sessions.findFormer(`__Host-knot=${'x'.repeat(43)}`), null);
  t.equal(await sessions.findFormer(undefined), null);
});

t.test('another person who signs in ends the session before, with all that was bound to it', async (t) => {
  const { sessions, signIn, store, userId, ended, audited } = await createFixture(t);
  const bob = { id: await addUser(store, 'bob'), username: 'bob', credentialVersion: 1 };
  const first = await signIn(userId);
  const made = (await sessions.start({ user: bob, ...place, cookie: first.header }))!;
  t.not(made.session.centralId, first.id);
  t.strictSame(ended, [first.id]);
  t.equal(await sessions.find(first.header, ''), null);
  t.match(audited.findLast(({ action }) => action === 'session.ended')!.detail, { reason: 'signed_in_again' });
});

t.test('what was no live session of the main host is never taken over', async (t) => {
  const { sessions, signIn, userId, clock } = await createFixture(t);
  const user = { id: userId, username: 'ann', credentialVersion: 1 };
  const first = await signIn();
  const code = await sessions.issueCode(first.session, { host, binding: 'b', next: '/' });
  const onHost = `__Host-knot=${started(await sessions.redeemCode(code, { host, bindings: ['b'], ...place, isInUse: () => false })).secret}`;
  const idle = await signIn();
  clock.advance(3600_000);
  const planted = `__Host-knot=${'x'.repeat(43)}`;
  for (const cookie of [undefined, planted, onHost, idle.header, `${first.header}; ${first.header}`]) {
    const made = (await sessions.start({ user, ...place, cookie }))!;
    t.notOk([first.id, idle.id].includes(made.session.centralId));
    t.notOk(cookie?.includes(made.secret));
  }
});
