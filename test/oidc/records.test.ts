import t from 'tap';
import { silentLog } from '../../gateway/lib/index.ts';
import { createAdapter } from '../../gateway/oidc/adapter.ts';
import { createClientDirectory } from '../../gateway/oidc/directory.ts';
import { loadProviderLibrary } from '../../gateway/oidc/library.ts';
import { createRecords } from '../../gateway/oidc/records.ts';
import { settingOnce } from '../../gateway/store/index.ts';
import { type OpenDatabase, onBothStores } from '../support/house/stores.ts';

const library = await loadProviderLibrary(silentLog);

async function partsOf({ store, clock }: Awaited<ReturnType<OpenDatabase>>) {
  const records = createRecords({ store, clock });
  const directory = createClientDirectory(store);
  return {
    clock,
    store,
    records,
    adapter: createAdapter({ records, directory, clock, library, hold: async () => true }),
  };
}

const countOf = async ({ store }: Awaited<ReturnType<typeof partsOf>>) =>
  (await store.db.selectFrom('oidc_records').select('id').execute()).length;

await onBothStores(t, async (t, openDatabase) => {
  const open = async (test: typeof t) => await partsOf(await openDatabase(test));

  await t.test('what is stored comes back until it expires by the clock, and the sweep removes it', async (t) => {
    const parts = await open(t);
    const tokens = parts.adapter('AccessToken');
    await tokens.upsert('a', { grantId: 'g', accountId: 'u' }, 60);
    t.match(await tokens.find('a'), { grantId: 'g', accountId: 'u' });
    t.equal(await parts.adapter('RefreshToken').find('a'), undefined, 'models do not mix');
    parts.clock.advance(60_000 - 1);
    t.ok(await tokens.find('a'));
    parts.clock.advance(1);
    t.equal(await tokens.find('a'), undefined);
    t.equal(await countOf(parts), 1);
    await parts.records.sweep();
    t.equal(await countOf(parts), 0);
  });

  await t.test('much that has expired is removed in parts, and nothing else', async (t) => {
    const parts = await open(t);
    const rows = Array.from({ length: 1_600 }, (_, n) => {
      const expires_at = parts.clock.now() + (n < 100 ? 60_000 : 1_000);
      return { model: 'AccessToken', id: `t${n}`, payload: '{}', expires_at };
    });
    for (let from = 0; from < rows.length; from += 400)
      await parts.store.db
        .insertInto('oidc_records')
        .values(rows.slice(from, from + 400))
        .execute();
    parts.clock.advance(1_000);
    let turns = 0;
    let isSwept = false;
    const count = (): void => {
      turns += 1;
      if (!isSwept) setImmediate(count);
    };
    setImmediate(count);
    await parts.records.sweep();
    isSwept = true;
    t.equal(await countOf(parts), 100);
    t.ok(turns >= 3, 'requests are served in between');
  });

  await t.test('what strangers begin is bounded in number: the oldest go, and nothing of who is known', async (t) => {
    const parts = await open(t);
    const write = async (model: string, count: number, more: object = {}): Promise<void> => {
      const rows = Array.from({ length: count }, (_, n) => {
        return { model, id: `${model}${n}`, payload: '{}', expires_at: parts.clock.now() + 1_000 + n, ...more };
      });
      for (let from = 0; from < rows.length; from += 400)
        await parts.store.db
          .insertInto('oidc_records')
          .values(rows.slice(from, from + 400))
          .execute();
    };
    await write('Interaction', 1_300);
    await write('DeviceCode', 7);
    await write('ClientCredentials', 30);
    await write('Session', 30, { account_id: 'u' });
    await parts.records.boundAnonymous(20);
    const left = await parts.store.db.selectFrom('oidc_records').select(['model', 'id']).execute();
    const counts = Object.fromEntries(
      [...Map.groupBy(left, ({ model }) => model)].map(([model, rows]) => [model, rows.length]),
    );
    t.strictSame(counts, { Interaction: 20, DeviceCode: 7, ClientCredentials: 30, Session: 30 });
    t.ok(left.some(({ id }) => id === 'Interaction1299') && !left.some(({ id }) => id === 'Interaction1279'));
  });

  await t.test('only one use wins; a second one ends everything of the grant', async (t) => {
    const parts = await open(t);
    const codes = parts.adapter('AuthorizationCode');
    await codes.upsert('c', { grantId: 'g' }, 60);
    await parts.adapter('Grant').upsert('g', { accountId: 'u' }, 60);
    await parts.adapter('AccessToken').upsert('a', { grantId: 'g' }, 60);
    const uses = await Promise.allSettled([codes.consume('c'), codes.consume('c'), codes.consume('c')]);
    t.equal(uses.filter((use) => use.status === 'fulfilled').length, 1);
    for (const use of uses) if (use.status === 'rejected') t.match(use.reason, { error: 'invalid_grant' });
    t.equal(await parts.adapter('AccessToken').find('a'), undefined);
    t.equal(await parts.adapter('Grant').find('g'), undefined);
  });

  await t.test('a signed-in session counts only while it is linked to a Knot session', async (t) => {
    const { records, adapter, clock } = await open(t);
    const sessions = adapter('Session');
    await sessions.upsert('s', { uid: 'x', accountId: 'u' }, 600);
    t.equal(await sessions.find('s'), undefined, 'not without a link');
    const link = { centralId: 'c', accountId: 'u', expiresAt: clock.now() + 600_000 };
    t.equal(await records.linkSession('x', link, async () => false), false);
    t.equal(await sessions.find('s'), undefined, 'nor to one that has ended meanwhile');
    t.equal(await records.linkSession('x', link, async () => true), true);
    t.ok(await sessions.find('s'));
    t.ok(await sessions.findByUid('x'));
    await records.unlinkSession('x');
    await sessions.upsert('s2', { uid: 'x', accountId: 'u' }, 600);
    t.equal(await sessions.findByUid('x'), undefined, 'a request that saves it late does not bring it back');
    await sessions.upsert('anonymous', { uid: 'y' }, 600);
    t.ok(await sessions.find('anonymous'), 'a session of nobody needs no link');
  });

  await t.test('revoking a grant leaves a sign-in under way alone', async (t) => {
    const { records, adapter } = await open(t);
    await adapter('Interaction').upsert('i', { grantId: 'g' }, 600);
    await records.revokeGrant('g');
    t.ok(await adapter('Interaction').find('i'));
  });

  await t.test('a setting that several processes make at once has one value', async (t) => {
    const { store } = await open(t);
    let next = 0;
    const values = await Promise.all([1, 2, 3].map(() => settingOnce(store.db, 'oidc.test', () => String(++next))));
    t.equal(new Set(values).size, 1);
  });
});
