import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import { type ChildSpec, createSupervisor, systemEnvironment } from '../../gateway/process/index.ts';
import { eventually } from '../support/eventually.ts';

/** What a run of the gateway leaves for the next one, and what becomes of it. */
const timing = { firstBackoffMs: 40, maxBackoffMs: 200, readyPollMs: 20, graceMs: 1500 };
const skip = process.platform !== 'linux' && 'nothing can be found again without /proc';

/** A parent whose child writes its number into a file; both stay. The child has a variable of its own. */
function parent(folder: string, name: string, keepsDescendantsOnRestart: boolean): ChildSpec {
  const stay = `require('node:fs').appendFileSync('${name}.pids', process.pid + '\\n'); setInterval(() => {}, 1000)`;
  const source = `require('node:child_process').spawn(process.execPath, ['--eval', ${JSON.stringify(stay)}],
    { detached: true, stdio: 'ignore', env: { ...process.env, PERSON: 'ann' } }); setInterval(() => {}, 1000)`;
  return {
    name,
    command: process.execPath,
    args: ['--eval', source],
    env: systemEnvironment(),
    cwd: folder,
    isReady: () => Promise.resolve(existsSync(join(folder, `${name}.pids`))),
    keepsDescendantsOnRestart,
  };
}

function stage(t: Test, keptSeconds = 60) {
  const folder = mkdtempSync(join(tmpdir(), 'knot-process-'));
  const run = () =>
    createSupervisor({ clock: systemClock, log: silentLog, timing, stateFolder: join(folder, 'run'), keptSeconds });
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const pids = (name: string) =>
    readFileSync(join(folder, `${name}.pids`), 'utf8')
      .trim()
      .split('\n')
      .filter(Boolean)
      .map(Number);
  const startFirst = async () => {
    const supervisor = run();
    const hub = supervisor.supervise(parent(folder, 'hub', true));
    const plain = supervisor.supervise(parent(folder, 'plain', false));
    hub.start();
    plain.start();
    await eventually('both run', () => [hub, plain].every((child) => child.state().status === 'running'));
    return { supervisor, hub };
  };
  return { folder, run, pids, startFirst };
}

const isRunning = (pid: number): boolean => {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
};

t.test('the next run takes over what was left, and ends it when it stops', { skip }, async (t) => {
  const { folder, run, pids, startFirst } = stage(t);
  const { supervisor, hub } = await startFirst();
  t.strictSame(hub.valuesBelow('PERSON'), ['ann']);
  const parentPid = hub.state().pid!;
  t.equal(await supervisor.handOver(), 1);
  t.strictSame([...pids('hub'), ...pids('plain'), parentPid].map(isRunning), [true, false, false]);

  const next = run();
  t.equal(next.wasHandedOver('hub'), true);
  t.equal(next.wasHandedOver('plain'), false);
  next.takeOver('hub');
  t.equal(next.wasHandedOver('hub'), false);
  t.equal(await next.endEarlierRun(), 0);
  const again = next.supervise(parent(folder, 'hub', true));
  t.strictSame(again.valuesBelow('PERSON'), ['ann']);
  again.start();
  await eventually('there are two', () => pids('hub').length === 2);
  t.strictSame(pids('hub').map(isRunning), [true, true]);
  await next.stopAll();
  t.strictSame(pids('hub').map(isRunning), [false, false]);
});

t.test('what nobody takes over is ended with the leftovers', { skip }, async (t) => {
  const { run, pids, startFirst } = stage(t);
  const { supervisor } = await startFirst();
  await supervisor.handOver();
  t.equal(await run().endEarlierRun(), 1);
  t.strictSame(pids('hub').filter(isRunning), []);
  t.equal(run().wasHandedOver('hub'), false);
});

t.test('a run that fails before it takes over leaves it for the one after it', { skip }, async (t) => {
  const { run, pids, startFirst } = stage(t);
  const { supervisor } = await startFirst();
  await supervisor.handOver();
  await run().stopAll();
  t.ok(pids('hub').every(isRunning));
  const third = run();
  t.equal(third.wasHandedOver('hub'), true);
  await third.endEarlierRun();
  t.strictSame(pids('hub').filter(isRunning), []);
});

t.test('a run that took over and crashed is an earlier run like every other', { skip }, async (t) => {
  const { run, pids, startFirst } = stage(t);
  const { supervisor } = await startFirst();
  await supervisor.handOver();
  run().takeOver('hub');
  const third = run();
  t.equal(third.wasHandedOver('hub'), false);
  t.equal(await third.endEarlierRun(), 1);
  t.strictSame(pids('hub').filter(isRunning), []);
});

t.test('when no run comes the keeper ends it', { skip }, async (t) => {
  const { pids, startFirst } = stage(t, 1);
  const { supervisor } = await startFirst();
  await supervisor.handOver();
  t.ok(pids('hub').every(isRunning));
  await eventually('the keeper has ended it', () => !pids('hub').some(isRunning));
});
