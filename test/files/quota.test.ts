import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { createQuota } from '../../gateway/files/quota/quota.ts';
import { createManualClock, silentLog } from '../../gateway/lib/index.ts';
import { openStore } from '../../gateway/store/index.ts';
import { ann, openScene, path } from './scene.ts';

const mb = 1_000_000;

async function openHouse(t: Test, limit: number | undefined) {
  const scene = await openScene(t);
  const clock = createManualClock();
  const store = await openStore({ url: 'sqlite::memory:', clock, log: silentLog });
  t.teardown(() => store.close());
  const allowance = { limit, whose: 'the private files of ann' };
  const quota = createQuota({
    store,
    areas: scene.areas,
    runs: scene.acts.runs,
    allowanceOf: async () => allowance,
    clock,
  });
  return { ...scene, clock, store, allowance, quota };
}

t.test('three uploads of 42 MB into 45 MB: the first is promised its room, the others are told at once', async (t) => {
  const { quota } = await openHouse(t, 45 * mb);
  const outcomes = await Promise.allSettled([1, 2, 3].map(() => quota.reserve(ann, 42 * mb)));
  t.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
  const refused = outcomes.find(({ status }) => status === 'rejected') as PromiseRejectedResult;
  t.match(refused.reason, {
    code: 'KNOT_FILES_QUOTA',
    statusCode: 507,
    message:
      'There is no room for 42.0 MB more: the private files of ann use 0 bytes of 45.0 MB, the trash included, and 42.0 MB are promised to uploads.',
    details: { used: 0, reserved: 42 * mb, limit: 45 * mb, wanted: 42 * mb },
  });
  const made = outcomes.find(({ status }) => status === 'fulfilled') as PromiseFulfilledResult<
    Awaited<ReturnType<typeof quota.reserve>>
  >;
  await t.rejects(made.value.grow(4 * mb), { code: 'KNOT_FILES_QUOTA' });
  await made.value.grow(3 * mb);
  await made.value.settle(44 * mb);
  t.same(await quota.usage(ann), { bytes: 44 * mb, reserved: 0, limit: 45 * mb });
  await t.rejects(quota.reserve(ann, 2 * mb), { code: 'KNOT_FILES_QUOTA' });
  await quota.note(ann, -40 * mb);
  await (await quota.reserve(ann, 2 * mb)).release();
  t.same(await quota.usage(ann), { bytes: 4 * mb, reserved: 0, limit: 45 * mb });
});

t.test('a quota that was lowered below what is used refuses growth only', async (t) => {
  const { quota, allowance } = await openHouse(t, 10);
  await quota.reserve(ann, 10).then((reservation) => reservation.settle(10));
  allowance.limit = 5;
  await t.rejects(quota.reserve(ann, 1), { code: 'KNOT_FILES_QUOTA' });
  await quota.reserve(ann, -3).then((reservation) => reservation.settle(-3));
  t.equal((await quota.usage(ann)).bytes, 7);
});

t.test(
  'what notebooks write is counted, the trash included, and a count that an act overtook is made again',
  async (t) => {
    const { quota, root, trash } = await openHouse(t, 1000);
    mkdirSync(join(root, 'd'));
    writeFileSync(join(root, 'd/f'), 'x'.repeat(600));
    t.equal((await quota.usage(ann)).bytes, 600, 'counted before anything is promised');
    writeFileSync(join(root, 'g'), 'x'.repeat(300));
    await Promise.all([quota.count(ann), quota.note(ann, 0)]);
    t.equal((await quota.usage(ann)).bytes, 900);
    await trash.put(ann, path('d'), 'ann');
    await quota.count(ann);
    t.equal((await quota.usage(ann)).bytes, 900);
    await t.rejects(quota.reserve(ann, 200), { code: 'KNOT_FILES_QUOTA' });
  },
);

t.test('room that was promised to a gateway that is gone, or for too long, is free again', async (t) => {
  const { quota, store, clock } = await openHouse(t, 10);
  await store.db
    .insertInto('file_reservations')
    .values({ id: 'x', area: 'private/ann', bytes: 10, run: 'neverwas00000000', expires_at: clock.now() + 1e9 })
    .execute();
  await t.rejects(quota.reserve(ann, 1), { code: 'KNOT_FILES_QUOTA' });
  await quota.forgetLost();
  await quota.reserve(ann, 10, { id: 'upload-1', expiresAt: clock.now() + 1000 });
  await quota.forgetLost();
  await t.rejects(quota.reserve(ann, 1), { code: 'KNOT_FILES_QUOTA' }, 'an upload may go on after a restart');
  clock.advance(1001);
  await quota.reserve(ann, 10);
});
