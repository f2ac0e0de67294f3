import t, { type Test } from 'tap';
import { hashSecret, type Principal, silentLog } from '../../gateway/lib/index.ts';
import { createShares, guestOf, type NewShare, type Shares } from '../../gateway/shares/index.ts';
import { eventually } from '../support/eventually.ts';
import { openTestFacts } from '../support/house/facts.ts';
import { onBothStores, type OpenDatabase } from '../support/house/stores.ts';
import { person } from '../policy/support.ts';

t.setTimeout(240_000);
const day = 86_400_000;
const by = { actor: 'ann', address: '192.0.2.7' };

await onBothStores(t, async (t, open) => {
  async function given(t: Test, openOne: OpenDatabase) {
    const { store, clock, openAgain } = await openOne(t);
    const facts = await openTestFacts(t, { store, clock });
    const { accounts, audit, shares } = facts;
    const elsewhere = createShares({ store: await openAgain(), clock, record: audit.record, log: silentLog });
    t.teardown(() => elsewhere.close());
    await shares.load();
    await elsewhere.load();
    const admin = { name: 'root-admin' };
    const add = (username: string) =>
      accounts.createUser({ username, email: `${username}@x.org`, state: 'active' }, admin);
    const [ann, bob] = [await add('ann'), await add('bob')];
    const team = await accounts.createTeam({ name: 'physics', title: 'Physics' }, admin);
    const asBob = (more: Partial<Principal> = {}) => person('bob', { id: bob.id, ...more });
    const area = (path: string) => ({ kind: 'files', id: `private/${ann.id}`, path }) as const;
    const withBob = { kind: 'user', id: bob.id, name: 'bob' } as const;
    const withTeam = { kind: 'team', id: team.id, name: 'physics' } as const;
    const wanted = (more: Partial<NewShare> = {}): NewShare => ({
      thing: area('results'),
      owner: { kind: 'user', id: ann.id },
      party: withBob,
      right: 'view',
      ...more,
    });
    const share = async (more: Partial<NewShare> = {}) => shares.create(wanted(more), by);
    const rights = (who: Principal, path: string, on: Shares = shares) => on.rightsOn(who, area(path));
    return {
      ...facts,
      elsewhere,
      ann,
      bob,
      team,
      asBob,
      area,
      withBob,
      withTeam,
      share,
      rights,
      admin,
      add,
    };
  }

  await t.test('a share gives its right on what it is of and on what is below, to whom it names', async (t) => {
    const { share, rights, asBob, add } = await given(t, open);
    await share();
    const carol = await add('carol');
    for (const path of ['results', 'results/run7', 'results/a/b/c']) t.same(rights(asBob(), path), ['view'], path);
    for (const path of ['', 'result', 'results2', 'resultsx/y', 'other/results', 'Results'])
      t.equal(rights(asBob(), path), undefined, path);
    t.equal(rights(person('carol', { id: carol.id }), 'results'), undefined);
    t.equal(rights(person('bob', { id: 'another-id' }), 'results'), undefined, 'by id, not by name');
    await share({ right: 'upload', thing: { kind: 'files', id: 'x', path: '' } });
    await share({ right: 'edit', party: { kind: 'team', id: 'none', name: 'chemistry' } }).catch(() => undefined);
    t.same(rights(asBob(), 'results'), ['view'], 'what is with others adds nothing');
    await share({ right: 'edit' });
    t.same(rights(asBob(), 'results'), ['view', 'edit'], 'several add up');
  });

  await t.test('a link that another process made opens at once', async (t) => {
    const { share, rights, elsewhere } = await given(t, open);
    const { share: made, secret } = await share({ party: { kind: 'guest' }, days: 1 });
    t.match(await elsewhere.lookAtLink(secret!, 'browser'), { state: 'open' });
    t.same(rights(guestOf(made), 'results', elsewhere), ['view']);
  });

  await t.test('with a team it is with whoever is a member at that moment', async (t) => {
    const { share, rights, asBob, withTeam } = await given(t, open);
    await share({ party: withTeam, right: 'edit' });
    t.same(rights(asBob({ teams: [{ name: 'physics', role: 'member' }] }), 'results'), ['edit']);
    t.equal(rights(asBob(), 'results'), undefined);
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

  await t.test('an end is an end: by time, by the owner, with the account, the team or what is shared', async (t) => {
    const { share, rights, asBob, shares, elsewhere, clock, ann, team, withTeam, accounts, admin, area, audit } =
      await given(t, open);
    const heard: string[] = [];
    elsewhere.onChange(({ kind, id }) => heard.push(`${kind} ${id}`));
    const lives = (on: Shares) =>
      rights(asBob({ teams: [{ name: 'physics', role: 'member' }] }), 'results', on) !== undefined;
    const begins = () => eventually('it is known elsewhere', () => lives(elsewhere));
    const ends = async (what: string) => {
      t.notOk(lives(shares), what);
      await eventually(`${what}, elsewhere`, () => !lives(elsewhere));
    };

    const first = await share();
    await begins();
    await shares.revoke(first.share.id, by);
    await ends('revoked');
    await t.rejects(shares.revoke(first.share.id, by), { code: 'KNOT_SHARES_NONE' });
    t.match((await audit.list({ limit: 1 }))[0], {
      action: 'share.revoked',
      actor: 'ann',
      detail: { with: 'user:bob' },
    });

    await share({ days: 1 });
    await begins();
    heard.length = 0;
    clock.advance(day);
    await ends('over');
    await eventually('the end by itself is told', () => heard.length > 0);

    await share({ thing: area('results/run7') });
    await share({ thing: area('results') });
    await share({ thing: area('resultsx') });
    t.equal((await shares.endBelow(area('results'), { ...by, reason: 'moved' })).length, 2);
    t.notOk(rights(asBob(), 'results/run7'));
    t.ok(rights(asBob(), 'resultsx'), 'neighbour: another folder');

    await share({ party: withTeam });
    await begins();
    await accounts.deleteTeam(team.id, admin);
    await eventually('the team is gone', () => !lives(shares) && !lives(elsewhere));

    await share();
    await begins();
    await accounts.setState(ann.id, 'disabled', admin);
    await eventually('the owner is disabled', () => !lives(shares) && !lives(elsewhere));
    await accounts.setState(ann.id, 'active', admin);
    t.notOk(lives(shares), 'and it does not come back');
    await share();
    await begins();
    await accounts.deleteUser(ann.id, admin);
    await eventually('the owner is deleted', () => !lives(shares) && !lives(elsewhere));
    t.ok(heard.length >= 5, 'each end was told');
  });

  await t.test('what may not be shared is refused, with its field', async (t) => {
    const { share, ann, area } = await given(t, open);
    const guest = { kind: 'guest' } as const;
    for (const [code, more] of [
      ['KNOT_SHARES_RIGHT', { right: 'open' }],
      ['KNOT_SHARES_RIGHT', { right: 'edit', party: guest, days: 1 }],
      ['KNOT_SHARES_RIGHT', { right: 'edit', thing: { kind: 'service', id: 's', path: '' } }],
      ['KNOT_SHARES_PATH', { thing: area('/results') }],
      ['KNOT_SHARES_PATH', { thing: area('results/') }],
      ['KNOT_SHARES_PATH', { thing: area('a//b') }],
      ['KNOT_SHARES_PATH', { thing: area('a/../b') }],
      ['KNOT_SHARES_PATH', { thing: area('a\0b') }],
      ['KNOT_SHARES_PATH', { thing: { kind: 'service', id: 's', path: 'x' }, right: 'open' }],
      ['KNOT_SHARES_DAYS', { party: guest }],
      ['KNOT_SHARES_DAYS', { party: guest, days: 91 }],
      ['KNOT_SHARES_DAYS', { days: 0 }],
      ['KNOT_SHARES_DAYS', { days: Number.NaN }],
      ['KNOT_SHARES_SELF', { party: { kind: 'user', id: ann.id, name: 'ann' } }],
    ] as [string, Partial<NewShare>][]) {
      await t.rejects(
        share(more),
        { code, statusCode: 400, details: { problems: [{ field: /./ }] } },
        `${code} ${JSON.stringify(more)}`,
      );
    }
  });

  await t.test('who used a share is noted, a person once, with first and last', async (t) => {
    const { share, shares, asBob, area, clock } = await given(t, open);
    const { share: made } = await share();
    const use = (address: string) =>
      shares.noteUse(asBob(), area('results/x'), { who: 'bob-id', name: 'bob', address });
    const firstAt = clock.now();
    use('192.0.2.1');
    await shares.flush();
    clock.advance(61_000);
    use('192.0.2.2');
    shares.noteUse(person('carol'), area('results'), { who: 'carol-id', name: 'carol', address: '192.0.2.3' });
    await shares.flush();
    t.same((await shares.usesOf([made])).get(made.id), [
      { name: 'bob', firstAt, lastAt: clock.now(), lastFrom: '192.0.2.2', times: 2 },
    ]);
  });

  await t.test(
    'the ledger says when one was made, opened first, changed, expired and revoked, each once',
    async (t) => {
      const { share, shares, elsewhere, asBob, area, clock, audit } = await given(t, open);
      const { share: made } = await share({ days: 1 });
      for (const on of [shares, elsewhere]) {
        await eventually('it is known', () => on.find(made.id) !== undefined);
        on.noteUse(asBob(), area('results/x'), { who: 'bob-id', name: 'bob', address: '192.0.2.1' });
        await on.flush();
      }
      await shares.setEnd(made.id, clock.now() + 2 * day, by);
      clock.advance(day + 1);
      t.ok(shares.find(made.id), 'it lasts longer now');
      clock.advance(day);
      const actions = async () => (await audit.list({ limit: 20 })).map(({ action, actor }) => `${action} ${actor}`);
      await eventually('the end is noted', async () => (await actions()).includes('share.expired system'));
      await elsewhere.load();
      const { share: another } = await share();
      await shares.revoke(another.id, by);
      t.same(
        (await actions()).filter((line) => line.startsWith('share.')),
        [
          'share.revoked ann',
          'share.created ann',
          'share.expired system',
          'share.changed ann',
          'share.opened bob',
          'share.created ann',
        ],
      );
    },
  );

  await t.test(
    'what was revoked comes back with all that was noted; a link and what ended otherwise do not',
    async (t) => {
      const { share, shares, rights, asBob, area, elsewhere } = await given(t, open);
      const { share: made } = await share();
      shares.noteUse(asBob(), area('results'), { who: 'bob-id', name: 'bob', address: '192.0.2.1' });
      await shares.flush();
      await shares.revoke(made.id, by);
      t.equal(rights(asBob(), 'results'), undefined);
      t.match(await shares.findRevoked(made.id), { by: 'ann', share: { id: made.id } });
      t.match(await shares.restore(made.id, by), { id: made.id, right: 'view' });
      t.same(rights(asBob(), 'results'), ['view']);
      await eventually('and elsewhere', () => rights(asBob(), 'results', elsewhere) !== undefined);
      t.match((await shares.usesOf([made])).get(made.id), [{ name: 'bob' }]);
      await t.rejects(shares.restore(made.id, by), { code: 'KNOT_SHARES_NONE' }, 'it lives');
      await shares.endBelow(area('results'), { ...by, reason: 'moved' });
      await t.rejects(shares.restore(made.id, by), { code: 'KNOT_SHARES_NONE' }, 'another thing may lie there');
      const link = await share({ party: { kind: 'guest' }, days: 1 });
      await shares.revoke(link.share.id, by);
      t.equal(await shares.findRevoked(link.share.id), undefined);
      await t.rejects(shares.restore(link.share.id, by), { code: 'KNOT_SHARES_NONE' });
    },
  );

  await t.test('what an act on files ended comes back with it, links too; nothing else does', async (t) => {
    const { share, shares, rights, asBob, area, elsewhere, clock, audit } = await given(t, open);
    const moved = { ...by, reason: 'moved' };
    const { share: own } = await share();
    const { share: inner } = await share({ thing: area('results/run7'), right: 'edit' });
    const link = await share({ party: { kind: 'guest' }, days: 2 });
    const { share: expiring } = await share({ days: 1 });
    const { share: revoked } = await share({ thing: area('results/run8') });
    await shares.revoke(revoked.id, by);
    const ended = await shares.endBelow(area('results'), moved);
    t.same(new Set(ended), new Set([own.id, inner.id, link.share.id, expiring.id]));
    const all = [...ended, revoked.id];
    t.equal(await shares.restoreBelow(area('results'), all, { ...by, actor: 'mallory' }), 0, 'not for somebody else');
    t.equal(await shares.restoreBelow(area('elsewhere'), all, by), 0, 'not while it lies elsewhere');
    t.equal(await shares.restoreBelow({ ...area('results'), id: 'team/x' }, all, by), 0);
    clock.advance(day / 2);
    t.equal(await shares.restoreBelow(area('results'), all, by), 4);
    t.same(rights(asBob(), 'results/run7'), ['view', 'edit']);
    t.match(await shares.lookAtLink(link.secret!, 'b'), { state: 'open' });
    await eventually('and elsewhere', () => rights(asBob(), 'results', elsewhere) !== undefined);
    t.match((await audit.list({ limit: 1 }))[0], { action: 'share.restored', actor: 'ann' });
    t.equal(await shares.restoreBelow(area('results'), all, by), 0, 'they live');
    await shares.endBelow(area('results'), moved);
    clock.advance(day / 2 + 1);
    t.equal(await shares.restoreBelow(area('results'), [expiring.id], by), 0, 'its own time is over');
    clock.advance(day);
    t.equal(await shares.restoreBelow(area('results'), all, by), 0, 'after a day it stays as it is');
  });

  await t.test('a share is of what stood there, and ends when something else does', async (t) => {
    const { share, shares, rights, asBob, area, elsewhere, audit, clock, store } = await given(t, open);
    let there = 'first';
    const look = ({ mark }: { mark: string | null }) =>
      there === 'nothing'
        ? ({ state: 'gone', mark } as const)
        : ({ state: mark === null || mark === there ? 'same' : 'other', mark: mark ?? there } as const);
    const { share: old } = await share();
    shares.lookBy(look);
    elsewhere.lookBy(look);
    const { share: made } = await share({ thing: area('results/run7') });
    t.equal(made.mark, 'first', 'seen when it is made');
    t.same(rights(asBob(), 'results'), ['view'], 'of an older one it is seen now');
    await eventually('and kept', async () => {
      const row = await store.db.selectFrom('shares').select('mark').where('id', '=', old.id).executeTakeFirst();
      return row?.mark === 'first';
    });
    await eventually('and by others', () => {
      rights(asBob(), 'results', elsewhere);
      return [old, made].every(({ id }) => elsewhere.find(id)?.mark === 'first');
    });
    there = 'nothing';
    t.equal(rights(asBob(), 'results/run7'), undefined);
    t.notOk(shares.isThere(shares.find(made.id)!));
    there = 'first';
    t.same(rights(asBob(), 'results/run7'), ['view'], 'it came back');
    there = 'second';
    t.equal(rights(asBob(), 'results/run7'), undefined, 'at once');
    t.equal(rights(asBob(), 'results/run7', elsewhere), undefined, 'at once, elsewhere');
    await eventually('it ends', () => {
      // Noted by a look while nothing else of it is being written down.
      rights(asBob(), 'results/run7');
      return shares.find(made.id) === undefined && shares.find(old.id) === undefined;
    });
    const ends = (await audit.list({ limit: 20 })).filter(({ action }) => action === 'share.revoked');
    t.equal(ends.length, 2, 'noted once each');
    t.match(ends[0], { actor: 'system', detail: { reason: 'gone' } });
    clock.advance(1);
    t.equal(await shares.findRevoked(made.id), undefined, 'nobody takes that back');
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
});
