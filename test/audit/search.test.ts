import t from 'tap';
import { createAudit } from '../../gateway/audit/index.ts';
import { onBothStores } from '../support/house/stores.ts';

await onBothStores(t, async (t, open) => {
  await t.test('lines are found and counted by kind, by name and by time', async (t) => {
    const { store, clock } = await open(t);
    const audit = createAudit({ store, clock });
    const began = clock.now();
    for (const [action, actor, subject] of [
      ['user.created', 'ann', 'bob'],
      ['user.disabled', 'ann', 'bob'],
      ['user.created', 'ann', 'eve'],
      ['session.ended', 'bob', 'bob'],
    ] as const) {
      await audit.append({ action, actor, subject, outcome: 'done' });
      clock.advance(1_000);
    }
    const found = async (query: Parameters<typeof audit.list>[0]) =>
      (await audit.list({ limit: 10, ...query })).map(({ action, subject }) => `${action} ${subject}`);
    const counted = async (query: Parameters<typeof audit.counts>[0]) =>
      Object.fromEntries((await audit.counts(query)).map(({ action, count }) => [action, count]));

    t.strictSame(await counted({}), { 'session.ended': 1, 'user.created': 2, 'user.disabled': 1 });
    t.strictSame(await counted({ person: 'Bob' }), { 'session.ended': 1, 'user.created': 1, 'user.disabled': 1 });
    t.strictSame(await counted({ from: began + 2_000 }), { 'session.ended': 1, 'user.created': 1 });
    t.strictSame(await counted({ action: 'user.created', to: began + 1_000 }), { 'user.created': 1 }, 'of every kind');
    t.strictSame(await counted({ person: 'nobody' }), {});

    t.strictSame(await found({ action: 'user.created' }), ['user.created eve', 'user.created bob']);
    t.strictSame(await found({ person: 'eve' }), ['user.created eve']);
    t.strictSame(await found({ actor: 'bob' }), ['session.ended bob']);
    t.strictSame(await found({ subject: 'bob', to: began + 2_000 }), ['user.disabled bob', 'user.created bob']);
    t.strictSame(await found({ beforeSeq: 2 }), ['user.created bob']);
  });
});
