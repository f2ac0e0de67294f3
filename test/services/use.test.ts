import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { createManualClock, silentLog } from '../../gateway/lib/index.ts';
import type { Usage } from '../../gateway/services/index.ts';
import { createServiceMetrics } from '../../gateway/services/metrics/metrics.ts';
import { createUseBook } from '../../gateway/services/metrics/use.ts';
import { onBothStores } from '../support/house/stores.ts';

/** What services used in a month, where nobody keeps metrics: from the samples, by day. */

const gib = 2 ** 30;
const step = 15_000;

await onBothStores(t, async (t, open) => {
  await t.test('samples become hours of a day, by service; what is before the first is not known', async (t) => {
    const { store } = await open(t);
    // A quarter of an hour before midnight.
    const clock = createManualClock(Date.UTC(2026, 10, 29, 23, 45));
    const folder = mkdtempSync(join(tmpdir(), 'knot-use-'));
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    const owners = new Map([
      ['one', 'ada'],
      ['two', 'ada'],
      ['big', 'bob'],
    ]);
    const openBook = () =>
      createUseBook({
        ...{ store, clock },
        ownersOf: async (ids) => new Map(ids.flatMap((id) => (owners.has(id) ? [[id, owners.get(id)!] as const] : []))),
      });
    const usages = new Map<string, Usage>();
    const book = openBook();
    const metrics = createServiceMetrics({
      ...{ engine: { usages: async () => usages }, folder, book, clock, log: silentLog },
    });
    let ms = 0;
    /** An hour from a quarter to midnight on: half a processor and 2 GiB; the second service a quarter of an hour. */
    for (let at = 0; at <= 240; at++) {
      usages.set('one', { processorMs: ms / 2, memory: 2 * gib });
      usages.set('big', { processorMs: ms * 64, memory: 512 * gib });
      usages.set('gone', { processorMs: ms, memory: gib });
      if (at <= 60) usages.set('two', { processorMs: ms, memory: gib });
      else usages.delete('two');
      await metrics.sample();
      if (at === 240) break;
      clock.advance(step);
      ms += step;
    }
    t.strictSame(metrics.now(['one', 'two']), { cpu: 0.5, memory: 2 * gib });
    await book.write();
    await book.write();

    const round = <A extends { cpuHours: number; memoryGibHours: number }>(amounts: A) => ({
      ...amounts,
      cpuHours: Math.round(amounts.cpuHours * 1000) / 1000,
      memoryGibHours: Math.round(amounts.memoryGibHours * 1000) / 1000,
    });
    // A restart knows what was written.
    const found = await openBook().of('ada', '2026-11');
    t.equal(found.since, '2026-11-29');
    t.strictSame(found.days.map(round), [
      { day: '2026-11-29', cpuHours: 0.369, memoryGibHours: 0.737 },
      { day: '2026-11-30', cpuHours: 0.381, memoryGibHours: 1.513 },
    ]);
    t.strictSame(found.services.map(round), [
      { id: 'one', cpuHours: 0.5, memoryGibHours: 2 },
      { id: 'two', cpuHours: 0.25, memoryGibHours: 0.25 },
    ]);
    t.strictSame(round(found.total), { cpuHours: 0.75, memoryGibHours: 2.25 });
    t.ok(found.elapsed > 0.96 && found.elapsed < 1);
    t.equal(round((await book.of('bob', '2026-11')).total).cpuHours, 64, "nobody else's");
    t.match(await book.of('ada', '2026-10'), { days: [], services: [], elapsed: 1, since: '2026-11-29' });

    // What is removed was used all the same; a day without use is a day of nothing.
    owners.delete('one');
    clock.advance(2 * 86_400_000);
    const later = await book.of('ada', '2026-12');
    t.strictSame(
      later.days.map(({ day, cpuHours }) => `${day} ${cpuHours}`),
      ['2026-12-01 0', '2026-12-02 0'],
    );
    t.equal((await book.of('ada', '2026-11')).services.length, 2);
    clock.advance(400 * 86_400_000);
    book.add('two', { processorMs: 1, byteMs: 1 });
    await book.write();
    t.strictSame((await book.of('ada', '2026-11')).services, [], 'and is forgotten after more than a year');
    const old = { owner_id: 'ada', day: '2026-11-01', service_id: 'two', processor_ms: 1, memory_mib_seconds: 1 };
    await store.db.insertInto('service_use').values(old).execute();
    const kept = async () => {
      book.add('two', { processorMs: 1, byteMs: 1 });
      await book.write();
      return (await book.of('ada', '2026-11')).services.length;
    };
    t.equal(await kept(), 1, 'which is looked at once a day, and not at every write');
    clock.advance(86_400_000);
    t.equal(await kept(), 0);
    await metrics.close();
  });

  await t.test('what cannot be written now is not lost', async (t) => {
    const { store } = await open(t);
    const clock = createManualClock(Date.UTC(2026, 10, 29, 12));
    let isAway = true;
    const book = createUseBook({
      ...{ store, clock },
      async ownersOf() {
        if (isAway) throw new Error('away');
        return new Map([['one', 'ada']]);
      },
    });
    book.add('one', { processorMs: 3.6e6, byteMs: 0 });
    await t.rejects(book.write(), /away/);
    book.add('one', { processorMs: 3.6e6, byteMs: 0 });
    isAway = false;
    await book.write();
    t.equal((await book.of('ada', '2026-11')).total.cpuHours, 2);
  });
});
