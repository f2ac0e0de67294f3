import t from 'tap';
import { every, type Timers } from '../../gateway/lib/index.ts';

/** Timers that only move by hand: what waits, and for how long. */
function manualTimers() {
  let waiting: { ms: number; call: () => void } | undefined;
  const timers: Timers = {
    after(ms, call) {
      const mine = { ms, call };
      waiting = mine;
      return () => void (waiting === mine && (waiting = undefined));
    },
  };
  return {
    timers,
    waits: () => waiting?.ms,
    pass() {
      const due = waiting;
      waiting = undefined;
      due?.call();
    },
  };
}

/** Lets everything go on that waits for nothing. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

function listeningLog() {
  const lines: { fields: object; message: string }[] = [];
  return { lines, error: (fields: object, message: string) => void lines.push({ fields, message }) };
}

t.test('the pause begins when a run is over, so that no two runs overlap', async (t) => {
  const { timers, waits, pass } = manualTimers();
  const runs: PromiseWithResolvers<void>[] = [];
  const work = () => {
    runs.push(Promise.withResolvers<void>());
    return runs.at(-1)!.promise;
  };
  const loop = every(1_000, work, { log: listeningLog(), complaint: 'failed', timers });
  t.equal(runs.length, 0, 'nothing at once');
  t.equal(waits(), 1_000);
  pass();
  await turn();
  t.equal(runs.length, 1);
  t.equal(waits(), undefined, 'nothing waits while it runs');
  runs[0]!.resolve();
  await turn();
  t.equal(waits(), 1_000);
  pass();
  t.equal(runs.length, 2);
  runs[1]!.resolve();
  await loop.stop();
});

t.test('a run that fails is told, and the next one comes', async (t) => {
  const { timers, waits, pass } = manualTimers();
  const log = listeningLog();
  const failures = [new Error('rejected'), new Error('thrown')];
  const work = () => {
    const failure = failures.shift();
    if (failure?.message === 'thrown') throw failure;
    return failure ? Promise.reject(failure) : undefined;
  };
  const loop = every(1_000, work, { log, complaint: 'removing what is over failed', timers });
  for (const message of ['rejected', 'thrown']) {
    pass();
    await turn();
    t.match(log.lines.at(-1), { fields: { err: { message } }, message: 'removing what is over failed' });
    t.equal(waits(), 1_000, `goes on after what was ${message}`);
  }
  pass();
  await turn();
  t.equal(log.lines.length, 2, 'and a good run says nothing');
  await loop.stop();
});

t.test('what is stopped starts nothing, and has ended what was under way', async (t) => {
  const { timers, waits, pass } = manualTimers();
  let runs = 0;
  const { promise: isOver, resolve: finish } = Promise.withResolvers<void>();
  const work = () => {
    runs += 1;
    return isOver;
  };
  const loop = every(1_000, work, { log: listeningLog(), complaint: 'failed', timers });
  pass();
  await turn();
  let hasStopped = false;
  const stopping = loop.stop().then(() => (hasStopped = true));
  await turn();
  t.notOk(hasStopped, 'waits for the run');
  finish();
  await stopping;
  t.equal(waits(), undefined, 'no pause begins after the last run');
  t.equal(runs, 1);

  const idle = every(1_000, work, { log: listeningLog(), complaint: 'failed', timers });
  const late = waits();
  await idle.stop();
  t.equal(late, 1_000);
  t.equal(waits(), undefined, 'one that only waits is called off at once');
});

t.test('jitter spreads the pauses of many replicas over a tenth to either side', async (t) => {
  const pauses: number[] = [];
  const timers: Timers = { after: (ms) => (pauses.push(ms), () => undefined) };
  for (let replica = 0; replica < 200; replica++)
    every(1_000, () => undefined, { log: listeningLog(), complaint: 'failed', jitter: 0.1, timers });
  t.ok(Math.min(...pauses) >= 900 && Math.max(...pauses) <= 1_100, 'never further');
  t.ok(new Set(pauses).size > 100, 'and not all the same');
});

t.test('a loop keeps no process alive', async (t) => {
  const loop = every(60_000, () => undefined, { log: listeningLog(), complaint: 'failed' });
  t.notOk(process.getActiveResourcesInfo().includes('Timeout'), 'its timer is unreferenced');
  await loop.stop();
});
