import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { openFiles, pathOfText } from '../../gateway/files/index.ts';
import { silentLog } from '../../gateway/lib/index.ts';
import { onBothStores } from '../support/house/stores.ts';

await onBothStores(t, async (t, open) => {
  const { store, clock } = await open(t);
  const folder = mkdtempSync(join(tmpdir(), 'knot-locks-'));
  const settings = { folder, uploadMaxBytes: 1000, trashDays: 1 };
  const files = openFiles({ settings, store, allowanceOf: async () => ({ whose: 'these' }), clock, log: silentLog });
  t.teardown(async () => {
    await files.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const { locks } = files;
  const area = { kind: 'shared' } as const;
  for (const id of ['u1', 'u2']) {
    await store.db
      .insertInto('users')
      .values({
        id,
        username: id,
        email: `${id}@example.org`,
        email_key: `${id}@example.org`,
        wished_name: null,
        is_admin: 0,
        state: 'active',
        password_hash: null,
        version: 1,
        created_at: 1,
        last_sign_in_at: null,
        email_proven_at: null,
      })
      .execute();
  }
  const lock = { isDeep: false, isShared: false, userId: 'u1', owner: '', seconds: 60 };
  const take = (path: string, more: object = {}) => locks.take(area, pathOfText(path), { ...lock, ...more });

  await t.test(
    'a lock excludes others of the same, of what is above and deep, and of what is below a deep one',
    async (t) => {
      const held = await take('d/f');
      t.match(held.token, /^urn:uuid:[0-9a-f-]{36}$/);
      for (const [path, more] of [
        ['d/f', {}],
        ['d/f', { isShared: true }],
        ['d', { isDeep: true }],
        ['', { isDeep: true, userId: 'u2' }],
      ] as const) {
        await t.rejects(take(path, more), { code: 'KNOT_FILES_LOCKED', statusCode: 423, details: { path: 'd/f' } });
      }
      const beside = [await take('d'), await take('d/fg'), await take('d/f/x')];
      t.equal((await locks.in(area)).length, 4);
      for (const one of [held, ...beside]) await locks.release(one);
      t.same(await locks.in(area), []);
      const deep = await take('d', { isDeep: true });
      await t.rejects(take('d/f/x', { userId: 'u2' }), { code: 'KNOT_FILES_LOCKED' });
      await locks.release(deep);
    },
  );

  await t.test('shared ones stand beside each other, and of two at once only one is taken', async (t) => {
    const both = await Promise.all([take('s', { isShared: true }), take('s', { isShared: true, userId: 'u2' })]);
    await t.rejects(take('s'), { code: 'KNOT_FILES_LOCKED' });
    for (const one of both) await locks.release(one);
    const tried = await Promise.allSettled([take('a/b'), take('a', { isDeep: true }), take('a/b', { userId: 'u2' })]);
    t.equal(tried.filter(({ status }) => status === 'fulfilled').length, 1);
    await locks.forget(area, pathOfText('a'));
    t.same(await locks.in(area), [], 'what goes takes its locks along');
  });

  await t.test('they end by themselves, within an hour', async (t) => {
    const held = await take('e', { seconds: 1_000_000 });
    t.equal(held.expiresAt, clock.now() + 3_600_000);
    clock.advance(3_600_001);
    t.same(await locks.in(area), []);
    const again = await take('e');
    t.equal((await locks.extend(again, 120)).expiresAt, clock.now() + 120_000);
    clock.advance(100_000);
    t.equal((await locks.in(area)).length, 1);
    await locks.expire();
  });

  await t.test('nobody holds too many', async (t) => {
    await store.db
      .insertInto('file_locks')
      .values(
        Array.from({ length: 999 }, (_, index) => ({
          token: `${index}`,
          area: 'admin',
          path: `${index}`,
          is_deep: 0 as const,
          is_shared: 0 as const,
          user_id: 'u2',
          owner: '',
          expires_at: clock.now() + 1e6,
        })),
      )
      .execute();
    const last = await take('last', { userId: 'u2' });
    await t.rejects(take('one more', { userId: 'u2' }), { code: 'KNOT_FILES_LOCKS' });
    await locks.release(last);
    t.ok(await take('now', { userId: 'u2' }));
  });
});
