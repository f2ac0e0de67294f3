import t from 'tap';
import { createKeyedQueue, type KeyedQueueOptions, silentLog, type Timers } from '../../gateway/lib/index.ts';

/** Lets everything go on that waits for nothing. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Timers that only move by hand. */
function manualTimers() {
  const waiting: { ms: number; call: () => void }[] = [];
  const timers: Timers = {
    after(ms, call) {
      const mine = { ms, call };
      waiting.push(mine);
      return () => void (waiting.includes(mine) && waiting.splice(waiting.indexOf(mine), 1));
    },
  };
  return { timers, waits: () => waiting.map(({ ms }) => ms), pass: () => waiting.shift()?.call() };
}

/** A queue whose work ends when the test says so. */
function inHand(options: Partial<KeyedQueueOptions> = {}) {
  const begun: string[] = [];
  const open = new Map<string, PromiseWithResolvers<number | void>>();
  const queue = createKeyedQueue({
    work(key) {
      begun.push(key);
      const ends = Promise.withResolvers<number | void>();
      open.set(key, ends);
      return ends.promise;
    },
    log: silentLog,
    complaint: 'failed',
    ...options,
  });
  const end = async (key: string, result?: number | Error) => {
    const ends = open.get(key)!;
    if (result instanceof Error) ends.reject(result);
    else ends.resolve(result);
    await turn();
  };
  return { queue, begun, end };
}

t.test('each key is worked on one at a time, and once more when it was added meanwhile', async (t) => {
  const { queue, begun, end } = inHand();
  queue.add('a');
  queue.add('b');
  queue.add('a');
  queue.add('a');
  t.strictSame(begun, ['a', 'b']);
  await end('b');
  t.strictSame(begun, ['a', 'b'], 'nobody asked for b again');
  await end('a');
  t.strictSame(begun, ['a', 'b', 'a'], 'however often it was added');
  const idle = queue.idle().then(() => 'idle');
  t.equal(queue.size(), 1);
  await end('a');
  t.equal(await idle, 'idle');
  await queue.stop();
});

t.test('no more than so many are under way; the others wait their turn', async (t) => {
  const { queue, begun, end } = inHand({ atOnce: 2 });
  for (const key of ['a', 'b', 'c', 'd', 'c']) queue.add(key);
  t.strictSame(begun, ['a', 'b']);
  t.equal(queue.size(), 4);
  queue.add('a');
  await end('a');
  t.strictSame(begun, ['a', 'b', 'c'], 'what was added again goes behind those that wait');
  await end('b');
  await end('c');
  t.strictSame(begun, ['a', 'b', 'c', 'd', 'a']);
  await Promise.all([end('d'), end('a')]);
  await queue.stop();
});

t.test('what fails is told and tried again after a pause that grows, and holds up nobody else', async (t) => {
  const { timers, waits, pass } = manualTimers();
  const lines: object[] = [];
  const log = { error: (fields: object) => void lines.push(fields) };
  const { queue, begun, end } = inHand({ timers, log, pauses: { firstMs: 100, mostMs: 1000 } });
  queue.add('a');
  const most: number[] = [];
  for (let count = 1; count <= 8; count++) {
    await end('a', new Error(`failure ${count}`));
    t.match(lines.at(-1), { key: 'a', err: { message: `failure ${count}` } });
    most.push(waits()[0]!);
    t.ok(waits()[0]! <= Math.min(1000, 100 * 2 ** (count - 1)), 'within the bound');
    queue.add('b');
    await end('b');
    pass();
  }
  t.ok(new Set(most).size > 1, 'by chance');
  t.equal(begun.filter((key) => key === 'a').length, 9);
  await end('a');
  t.strictSame(waits(), [], 'it is well');
  queue.add('a');
  await end('a', new Error('again'));
  t.ok(waits()[0]! <= 100, 'and begins from the first pause');
  await queue.stop();
  t.strictSame(waits(), [], 'nothing waits for what is stopped');
});

t.test('what failed and is added waits no longer than after a first failure, and never not at all', async (t) => {
  const { timers, waits, pass } = manualTimers();
  const { queue, begun, end } = inHand({ timers, pauses: { firstMs: 10, mostMs: 3_600_000 } });
  queue.add('a');
  for (let count = 0; count < 30; count++) {
    await end('a', new Error('x'));
    if (count < 29) pass();
  }
  for (let count = 0; count < 50; count++) queue.add('a');
  t.equal(begun.length, 30, 'it does not run in a circle');
  t.equal(waits().length, 1);
  t.ok(waits()[0]! <= 10);
  queue.forget('a');
  t.strictSame(waits(), []);
  await queue.stop();
});

t.test('work says when to look again', async (t) => {
  const { timers, waits, pass } = manualTimers();
  const { queue, begun, end } = inHand({ timers });
  queue.add('a');
  await end('a', 5000);
  t.strictSame(waits(), [5000]);
  queue.add('a');
  t.strictSame(waits(), [], 'what is added does not wait for it');
  await end('a', 5000);
  pass();
  t.equal(begun.length, 3);
  await end('a', new Error('without pauses it is not tried again'));
  t.strictSame(waits(), []);
  await queue.stop();
});

t.test('all there is is looked at again and again', async (t) => {
  const { timers, waits, pass } = manualTimers();
  const { queue, begun, end } = inHand({ timers, resync: { ms: 1000, keys: () => Promise.resolve(['a', 'b']) } });
  t.ok(waits()[0]! >= 900 && waits()[0]! <= 1100);
  pass();
  await turn();
  t.strictSame(begun, ['a', 'b']);
  t.equal(waits().length, 1);
  const stopped = queue.stop();
  queue.add('c');
  await end('a');
  await end('b');
  await stopped;
  t.strictSame(begun, ['a', 'b'], 'nothing begins after the end');
});
