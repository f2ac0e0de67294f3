import type { Test } from 'tap';
import { hashSecret } from '../../gateway/lib/index.ts';
import { guestOf } from '../../gateway/shares/index.ts';
import { eventually } from '../support/eventually.ts';
import type { OpenDatabase } from '../support/house/stores.ts';
import { by, day, given } from './house.ts';

/** What holds of links, of the guests who open them and of their visits. */
export async function testLinks(t: Test, open: OpenDatabase): Promise<void> {
  await t.test('a link that another process made opens at once', async (t) => {
    const { share, rights, elsewhere } = await given(t, open);
    const { share: made, secret } = await share({ party: { kind: 'guest' }, days: 1 });
    t.match(await elsewhere.lookAtLink(secret!, 'browser'), { state: 'open' });
    t.same(rights(guestOf(made), 'results', elsewhere), ['view']);
  });

  await t.test('a guest has what the link is for and nothing else; the secret is kept nowhere', async (t) => {
    const { share, rights, asBob, shares, store, audit } = await given(t, open);
    const { share: made, secret } = await share({ party: { kind: 'guest' }, days: 2 });
    t.match(secret, /^[\w-]{43}$/);
    t.match(await shares.openLink(secret!, 'browser'), { id: made.id, right: 'view' });
    t.match(await shares.openLink(secret!, 'another'), { id: made.id }, 'in any browser');
    t.equal(await shares.openLink(`${secret!.slice(0, -1)}_`, 'browser'), undefined);
    t.same(rights(guestOf(made), 'results/x'), ['view']);
    t.equal(rights(guestOf(made), ''), undefined);
    t.equal(rights(guestOf({ id: 'other' }), 'results'), undefined);
    t.equal(rights(asBob(), 'results'), undefined, 'a link is no share with people');
    t.equal(rights(asBob({ id: `guest:${made.id}` }), 'results'), undefined, 'nobody with an account is a guest');
    const kept = JSON.stringify([
      await store.db.selectFrom('shares').selectAll().execute(),
      await audit.list({ limit: 9 }),
    ]);
    t.notOk(kept.includes(secret!));
    t.ok(kept.includes(hashSecret(secret!)));
  });

  await t.test('a link for one browser is taken by the first of many, on whatever replica', async (t) => {
    const { share, shares, elsewhere } = await given(t, open);
    const { secret } = await share({ party: { kind: 'guest' }, days: 2, bindsBrowser: true });
    const asked = await Promise.all(
      Array.from({ length: 8 }, async (_, index) =>
        (index % 2 ? shares : elsewhere).openLink(secret!, `browser ${index}`),
      ),
    );
    const winners = asked.flatMap((found, index) => (found ? [index] : []));
    t.equal(winners.length, 1);
    t.ok(await shares.openLink(secret!, `browser ${winners[0]}`), 'and it stays theirs');
    t.equal(await shares.openLink(secret!, 'browser 99'), undefined);
  });

  await t.test('who holds a link is told what became of it, for a while', async (t) => {
    const { share, shares, area, clock } = await given(t, open);
    const guest = { kind: 'guest' } as const;
    const look = async (secret: string, browser = 'b') => shares.lookAtLink(secret, browser);
    const [revoked, expired, moved, bound] = [
      await share({ party: guest, days: 1 }),
      await share({ party: guest, days: 1 }),
      await share({ party: guest, days: 1, thing: area('moved') }),
      await share({ party: guest, days: 80, bindsBrowser: true }),
    ];
    t.match(await look(revoked.secret!), { state: 'open', share: { id: revoked.share.id } });
    t.equal((await look(bound.secret!))?.state, 'unbound', 'looking takes nothing');
    await shares.openLink(bound.secret!, 'mine');
    t.equal((await look(bound.secret!))?.state, 'taken');
    t.equal((await look(bound.secret!, 'mine'))?.state, 'open');
    await shares.revoke(revoked.share.id, by);
    await shares.endBelow(area('moved'), { ...by, reason: 'moved' });
    clock.advance(day);
    t.match(await look(revoked.secret!), { state: 'ended', why: 'revoked' });
    t.match(await look(expired.secret!), { state: 'ended', why: 'expired' });
    t.match(await look(moved.secret!), { state: 'ended', why: 'moved' });
    t.equal(await look('x'.repeat(43)), undefined);
    t.equal(await shares.openLink(revoked.secret!, 'b'), undefined);
    t.notOk(JSON.stringify(await look(revoked.secret!)).includes('hash'), 'nothing of the row goes out');
    clock.advance(40 * day);
    await share();
    t.equal(await look(revoked.secret!), undefined, 'forgotten');
  });

  await t.test('a guest is taken to one host by a code that works once, and stays until the share ends', async (t) => {
    const { share, shares, elsewhere, clock } = await given(t, open);
    const thing = { kind: 'service', id: 's', path: '' } as const;
    const guest = { party: { kind: 'guest' }, right: 'view', thing } as const;
    const { share: made } = await share({ ...guest, days: 2 });
    const at = (browser: string, host = 'a.x') => ({ browser, host });
    const code = await shares.beginVisit(made, at('b'));
    t.equal(await shares.findVisit(code, 'a.x'), null, 'a code is no session');
    t.equal(await shares.redeemVisit(code, 'b.x'), undefined, 'nor is it one of another host');
    const taken = await Promise.all([shares.redeemVisit(code, 'a.x'), elsewhere.redeemVisit(code, 'a.x')]);
    const secret = taken.find((one) => one !== undefined)!;
    t.equal(taken.filter((one) => one !== undefined).length, 1, 'it works for one of two');
    t.equal(shares.peekVisit(secret, 'a.x'), undefined, 'not known here yet');
    t.match(await shares.findVisit(secret, 'a.x'), { share: { id: made.id }, browser: 'b' });
    t.match(shares.peekVisit(secret, 'a.x'), { share: { id: made.id } });
    t.equal(shares.peekVisit(secret, 'b.x'), null, 'known, and of another host');
    t.match(await elsewhere.findVisit(secret, 'a.x'), { share: { id: made.id } });
    t.equal(await shares.findVisit('x'.repeat(43), 'a.x'), null);
    t.equal(shares.peekVisit('x'.repeat(43), 'a.x'), null, 'what is not there never will be');

    const late = await shares.beginVisit(made, at('late'));
    clock.advance(61_000);
    t.equal(await shares.redeemVisit(late, 'a.x'), undefined, 'a code is for a minute');
    const second = (await shares.redeemVisit(await shares.beginVisit(made, at('b')), 'a.x'))!;
    t.match(await shares.findVisit(second, 'a.x'), { browser: 'b' });
    for (const each of [shares, elsewhere]) {
      const isOver = () => each.peekVisit(secret, 'a.x') === undefined;
      await eventually('an earlier one is not believed any more where it was known', isOver);
      t.equal(await each.findVisit(secret, 'a.x'), null, 'one of each browser');
    }
    await shares.revoke(made.id, by);
    await eventually('it ends here', () => shares.peekVisit(second, 'a.x') === null);
    t.equal(await shares.findVisit(second, 'a.x'), null);

    const { share: short } = await share({ ...guest, days: 1 });
    const third = (await shares.redeemVisit(await shares.beginVisit(short, at('c')), 'a.x'))!;
    t.ok(await shares.findVisit(third, 'a.x'));
    clock.advance(day);
    t.equal(shares.peekVisit(third, 'a.x'), null, 'its time is over at once');
  });

  await t.test('a guest who came long ago makes room for those who come', async (t) => {
    const { share, store, shares, elsewhere, clock } = await given(t, open);
    const thing = { kind: 'service', id: 's', path: '' } as const;
    const { share: made } = await share({ party: { kind: 'guest' }, right: 'view', thing, days: 2 });
    const first = (await shares.redeemVisit(await shares.beginVisit(made, { browser: 'b', host: 'a.x' }), 'a.x'))!;
    for (const each of [shares, elsewhere]) t.ok(await each.findVisit(first, 'a.x'));
    const others = Array.from({ length: 999 }, (_, index) => ({
      ...{ secret_hash: `other-${index}`, share_id: made.id, host: 'a.x', browser: `other-${index}` },
      ...{ code_until: null, started_at: clock.now() + 1 },
    }));
    await store.db.insertInto('guest_visits').values(others).execute();
    t.ok(shares.peekVisit(first, 'a.x'));
    await shares.beginVisit(made, { browser: 'c', host: 'a.x' });
    for (const each of [shares, elsewhere])
      await eventually('it is not believed any more', () => each.peekVisit(first, 'a.x') === undefined);
    t.equal(await shares.findVisit(first, 'a.x'), null);
  });
}
