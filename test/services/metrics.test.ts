import { statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { createManualClock, silentLog } from '../../gateway/lib/index.ts';
import type { Usage } from '../../gateway/services/index.ts';
import { createServiceMetrics } from '../../gateway/services/metrics/metrics.ts';

const folder = t.testdir();
const clock = createManualClock(Date.UTC(2026, 10, 29));
const usages = new Map<string, Usage>();
const book = { add: () => undefined, write: async () => undefined };
const open = () =>
  createServiceMetrics({ engine: { usages: async () => usages }, folder, book, clock, log: silentLog });
const step = 15_000;

t.test('what a service uses is told for each step, and a restart keeps it', async (t) => {
  const metrics = open();
  const begun = clock.now();
  usages.set('one', { processorMs: 1000, memory: 5e6 });
  await metrics.sample();
  clock.advance(step);
  usages.set('one', { processorMs: 1000 + step / 2, memory: 7e6 });
  const traffic = metrics.trafficOf('one');
  traffic.ended({ countedIn: 0, countedOut: 0 }, 200, 10, 1000);
  traffic.ended({ countedIn: 0, countedOut: 0 }, 502, 0, 20);
  await metrics.sample();
  clock.advance(step);
  // Started again: it counts from nothing.
  usages.set('one', { processorMs: step / 4, memory: 6e6 });
  await metrics.sample();

  const { step: seconds, at, ...columns } = await open().read('one', { from: begun, step: 15 });
  t.equal(seconds, 15);
  t.strictSame(at, [begun, begun + step, begun + 2 * step]);
  t.strictSame(columns, {
    cpu: [null, 0.5, 0.25],
    memory: [null, 7e6, 6e6],
    requests: [null, 2, 0],
    errors: [null, 1, 0],
    received: [null, 10, 0],
    sent: [null, 1020, 0],
  });
  const wide = await metrics.read('one', { from: begun, step: 40 });
  t.match(wide, { step: 45, cpu: [0.375], memory: [7e6], requests: [2] }, 'wider steps: average, most and sum');
  t.strictSame((await metrics.read('other', { from: begun, step: 15 })).cpu, [null, null, null]);
  await metrics.close();
});

t.test('a day is kept in a file that does not grow, with never more points than a plot can show', async (t) => {
  const metrics = open();
  usages.set('day', { processorMs: 0, memory: 1 });
  for (let samples = 0; samples < 2 * 5760; samples += 60) {
    usages.set('day', { processorMs: samples, memory: samples });
    await metrics.sample();
    clock.advance(60 * step);
  }
  t.ok(statSync(join(folder, 'day')).size <= 5760 * 32);
  const all = await metrics.read('day', { from: 0, step: 15 });
  t.ok(all.at.length <= 1441, `${all.at.length} points`);
  t.ok(all.at[0]! >= clock.now() - 86_400_000 - 60_000);
  t.equal(all.memory.filter((value) => value !== null).length, 96, 'and nothing of the day before');
  t.ok((await metrics.read('day', {})).at.length <= 241);
  await metrics.close();
});

t.test('what stopped has gaps, and of one that is gone nothing is kept', async (t) => {
  const metrics = open();
  usages.set('gone', { processorMs: 0, memory: 1 });
  await metrics.sample();
  clock.advance(step);
  await metrics.sample();
  usages.delete('gone');
  clock.advance(step);
  await metrics.sample();
  const range = { from: clock.now() - 2 * step, step: 15 };
  t.strictSame((await metrics.read('gone', range)).memory, [null, 1, null]);
  await metrics.forget('gone');
  t.strictSame((await metrics.read('gone', range)).memory, [null, null, null]);
  usages.set('left', { processorMs: 0, memory: 1 });
  await metrics.sample();
  clock.advance(step);
  await metrics.sample();
  await metrics.start(new Set(['one', 'day', 'gone']));
  t.strictSame(
    (await metrics.read('left', range)).memory.filter((value) => value !== null),
    [],
    'left by an earlier run',
  );
  t.ok((await metrics.read('one', range)).memory.includes(6e6), 'what is still there is kept');
  await metrics.close();
});
