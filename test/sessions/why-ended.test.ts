import t from 'tap';
import { newSecret } from '../../gateway/lib/index.ts';
import { absoluteSeconds, createFixture, idleSeconds } from './fixture.ts';

t.test('why a session ended is told to the browser that shows its cookie, and to nobody else', async (t) => {
  const { sessions, signIn, openAgain, store, userId } = await createFixture(t);
  const first = await signIn();
  const second = await signIn();
  t.equal(await sessions.whyEnded(first.header), undefined, 'not while it lives');
  await sessions.end(first.id, { actor: 'ann', reason: 'ended_by_owner' });
  t.equal(await sessions.whyEnded(first.header), 'ended_by_owner');
  t.equal(await openAgain().whyEnded(first.header), 'ended_by_owner', 'on every replica');
  await sessions.endAll(userId, { actor: 'ann', reason: 'password_changed' });
  t.equal(await sessions.whyEnded(second.header), 'password_changed');
  for (const stranger of [undefined, '', `__Host-knot=${newSecret()}`, `${first.header}; ${first.header}`]) {
    t.equal(await sessions.whyEnded(stranger), undefined);
  }
  const rows = await store.db.selectFrom('ended_sessions').selectAll().execute();
  t.notMatch(JSON.stringify(rows), first.header.split('=')[1]!, 'the cookie itself is nowhere');
});

t.test('it is forgotten when the cookie is', async (t) => {
  const { sessions, signIn, clock, store } = await createFixture(t);
  const { header } = await signIn();
  clock.advance(idleSeconds * 1000);
  t.equal(await sessions.find(header, ''), null);
  t.equal(await sessions.whyEnded(header), 'idle');
  clock.advance((absoluteSeconds - idleSeconds) * 1000);
  t.equal(await sessions.whyEnded(header), undefined);
  await sessions.sweep();
  t.strictSame(await store.db.selectFrom('ended_sessions').selectAll().execute(), []);
});
