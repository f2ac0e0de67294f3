import t from 'tap';
import type { NewShare, Shares } from '../../gateway/shares/index.ts';
import { eventually } from '../support/eventually.ts';
import { onBothStores } from '../support/house/stores.ts';
import { person } from '../policy/support.ts';
import { by, day, given } from './house.ts';
import { testLinks } from './links.ts';

await onBothStores(t, async (t, open) => {
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

  await t.test('with a team it is with whoever is a member at that moment', async (t) => {
    const { share, rights, asBob, withTeam } = await given(t, open);
    await share({ party: withTeam, right: 'edit' });
    t.same(rights(asBob({ teams: [{ name: 'physics', role: 'member' }] }), 'results'), ['edit']);
    t.equal(rights(asBob(), 'results'), undefined);
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
    await eventually('it ends', () => shares.find(made.id) === undefined && shares.find(old.id) === undefined);
    const ends = (await audit.list({ limit: 20 })).filter(({ action }) => action === 'share.revoked');
    t.equal(ends.length, 2, 'noted once each');
    t.match(ends[0], { actor: 'system', detail: { reason: 'gone' } });
    clock.advance(1);
    t.equal(await shares.findRevoked(made.id), undefined, 'nobody takes that back');
  });

  await testLinks(t, open);
});
