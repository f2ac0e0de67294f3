import t from 'tap';
import { createManualClock, silentLog, Traffic } from '../../../gateway/lib/index.ts';
import { sleepsAt, smallestIdle } from '../../../gateway/services/rest/deadline.ts';
import { createResting } from '../../../gateway/services/rest/resting.ts';
import type { Service } from '../../../gateway/services/service.ts';

const minute = 60_000;

t.test('the smallest time that is set counts, and nothing set is for ever', async (t) => {
  t.equal(smallestIdle(undefined, 0, undefined), 0);
  t.equal(smallestIdle(3600, 600, 0), 600);
  t.equal(smallestIdle(undefined, 600), 600);
});

t.test('when a service sleeps', async (t) => {
  const left = { idleSeconds: 1800, readySince: 0, lastUsedAt: undefined, keptUntil: undefined };
  t.equal(sleepsAt({ ...left, idleSeconds: 0, lastUsedAt: 5 }), undefined, 'never');
  t.equal(sleepsAt(left), 30 * minute, 'it counts from when it is ready');
  t.equal(sleepsAt({ ...left, lastUsedAt: 10 * minute }), 40 * minute);
  t.equal(sleepsAt({ ...left, keptUntil: 90 * minute }), 90 * minute);
  t.equal(sleepsAt({ ...left, lastUsedAt: 80 * minute, keptUntil: 90 * minute }), 110 * minute);
  // The gateway was away for a month: its people have some minutes to come, and the last use is not forgotten.
  t.equal(sleepsAt({ ...left, readySince: 1000 * minute, lastUsedAt: minute }), 1005 * minute);
  t.equal(sleepsAt({ ...left, readySince: 20 * minute, lastUsedAt: 10 * minute }), 40 * minute);
  t.equal(sleepsAt({ ...left, idleSeconds: 5, readySince: 8000, lastUsedAt: 8000 }), 13_000, 'a short limit');
});

function open(
  facts: Partial<Service> = {},
  rest: Service['template']['plan']['rest'] = { quiet: [], sockets: 'acts' },
) {
  const clock = createManualClock();
  const service = {
    ...{ id: 'one', state: 'ready', wish: 'running', since: clock.now(), lastUsedAt: clock.now() },
    template: { plan: { rest } },
    ...facts,
  } as Service;
  const traffic = new Traffic();
  const slept: string[] = [];
  const written: number[] = [];
  const asked: string[] = [];
  const house = { work: undefined as string | undefined, limits: [1800] as (number | undefined)[] };
  const resting = createResting({
    engine: {
      async busyWith({ id }) {
        asked.push(id);
        return house.work;
      },
    },
    known: () => [service],
    trafficOf: () => traffic,
    idleSecondsOf: async () => house.limits,
    async writeUse(of, at) {
      written.push(at);
      of.lastUsedAt = at;
    },
    sleep: async ({ id }) => slept.push(id),
    clock,
    log: silentLog,
  });
  /** Somebody used it this long ago. */
  const use = (agoMs = 0): void => void (traffic.use.lastAt = performance.now() - agoMs);
  return { ...{ clock, service, traffic, slept, written, asked, house, resting, use }, begun: clock.now() };
}

t.test('one that nobody uses is put to sleep when its time has come, and not before', async (t) => {
  const { clock, slept, resting, begun, asked } = open();
  clock.advance(29 * minute);
  await resting.sweep();
  t.strictSame([slept, asked], [[], []], 'and until then its program is not asked');
  t.match(await resting.of(open().service), { idleSeconds: 1800, sleepsAt: begun + 30 * minute });
  clock.advance(minute);
  await resting.sweep();
  t.strictSame(slept, ['one']);
});

t.test('use puts it off, and is written down at most once a minute', async (t) => {
  const { clock, slept, resting, written, use, begun } = open();
  clock.advance(20_000);
  use();
  await resting.sweep();
  t.strictSame(written, []);
  clock.advance(20 * minute);
  const before = performance.now();
  use();
  await resting.sweep();
  await resting.sweep();
  t.equal(written.length, 1);
  // Time of the process does not pass with the clock of this test: what passed of it is taken off.
  const at = begun + 20 * minute + 20_000;
  t.ok(written[0]! <= at && written[0]! >= Math.floor(at - (performance.now() - before)), String(written[0]! - at));
  // Nobody came since.
  clock.advance(29 * minute);
  use(29 * minute);
  await resting.sweep();
  t.strictSame(slept, []);
  clock.advance(2 * minute);
  use(31 * minute);
  await resting.sweep();
  t.strictSame(slept, ['one']);
});

t.test('what is not ready, or wanted otherwise, is left alone', async (t) => {
  for (const facts of [{ state: 'waking' }, { state: 'failed' }, { state: 'ready', wish: 'stopped' }] as const) {
    const { clock, slept, resting, service } = open({ ...facts, lastUsedAt: 0 });
    clock.advance(1000 * minute);
    await resting.sweep();
    t.strictSame(slept, [], facts.state);
    t.notOk((await resting.of(service))?.sleepsAt);
  }
  const { clock, slept, resting, house, service } = open();
  house.limits = [0, undefined];
  clock.advance(100_000 * minute);
  await resting.sweep();
  t.strictSame(slept, []);
  t.equal(await resting.of(service), undefined);
});

t.test('what works at something stays awake, says so, and has its whole time from the end of that', async (t) => {
  const { clock, slept, resting, house, service, asked, written } = open();
  house.work = 'A cell is running.';
  clock.advance(31 * minute);
  await resting.sweep();
  t.match(await resting.of(service), { busyWith: 'A cell is running.', sleepsAt: undefined });
  await resting.sweep();
  t.equal(asked.length, 1, 'it is not asked all the time');
  clock.advance(300 * minute);
  await resting.sweep();
  t.strictSame(slept, []);
  const worked = clock.now();
  house.work = undefined;
  clock.advance(2 * minute);
  await resting.sweep();
  t.strictSame(slept, []);
  t.equal(written.at(-1), worked);
  t.match(await resting.of(service), { sleepsAt: worked + 30 * minute, busyWith: undefined });
  clock.advance(28 * minute);
  await resting.sweep();
  t.strictSame(slept, ['one']);
});

t.test('who comes while the program is asked is not sent away', async (t) => {
  const { clock, slept, house, use, service, traffic } = open();
  const resting = createResting({
    engine: {
      async busyWith() {
        use();
        return undefined;
      },
    },
    known: () => [service],
    trafficOf: () => traffic,
    idleSecondsOf: async () => house.limits,
    writeUse: async () => undefined,
    sleep: async ({ id }) => slept.push(id),
    clock,
    log: silentLog,
  });
  clock.advance(31 * minute);
  await resting.sweep();
  t.strictSame(slept, []);
});

t.test('of several gateways the one that leads puts to sleep, and not what is used through another', async (t) => {
  const { clock, traffic, slept, service, written, use, house } = open();
  /** As it stands in the store. */
  let inStore = clock.now();
  const others = { isLeader: true, leads: () => others.isLeader, lastUseOf: async () => inStore };
  const resting = createResting({
    engine: { busyWith: async () => house.work },
    known: () => [service],
    trafficOf: () => traffic,
    idleSecondsOf: async () => house.limits,
    writeUse: async (_service, at) => void written.push(at),
    sleep: async ({ id }) => slept.push(id),
    others,
    ...{ clock, log: silentLog },
  });
  clock.advance(25 * minute);
  // Another one has written down since that somebody came.
  inStore = clock.now();
  clock.advance(29 * minute);
  await resting.sweep();
  t.strictSame(slept, []);
  // What it has not written down yet is not lost either.
  clock.advance(minute + 1000);
  await resting.sweep();
  t.strictSame(slept, []);
  clock.advance(2 * minute);
  others.isLeader = false;
  use(32 * minute);
  await resting.sweep();
  t.strictSame(slept, [], 'who does not lead puts nothing to sleep');
  t.equal(written.length, 1, 'and writes down what was used through it');
  others.isLeader = true;
  await resting.sweep();
  t.strictSame(slept, ['one']);
});

t.test('who does not lead writes down a use before the service would sleep by another', async (t) => {
  const { clock, traffic, service, written, use, slept } = open();
  const resting = createResting({
    engine: { busyWith: async () => undefined },
    known: () => [service],
    trafficOf: () => traffic,
    idleSecondsOf: async () => [30],
    async writeUse(of, at) {
      written.push(at);
      of.lastUsedAt = at;
    },
    sleep: async ({ id }) => slept.push(id),
    others: { leads: () => false, lastUseOf: async () => service.lastUsedAt },
    ...{ clock, log: silentLog },
  });
  for (let seconds = 0; seconds < 60; seconds += 12) {
    clock.advance(12_000);
    use();
    await resting.sweep();
  }
  t.equal(written.length, 5);
});

t.test('what a template says of use is told to what counts it', async (t) => {
  const { resting, traffic } = open({}, { quiet: ['/api/status'], sockets: 'open' });
  await resting.sweep();
  t.strictSame(traffic.use.quietPaths, ['/api/status']);
  t.ok(traffic.use.isKeptByConnections);
});
