import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import { type ChildSpec, createSupervisor, type Supervisor, systemEnvironment } from '../../gateway/process/index.ts';

const quick = {
  firstBackoffMs: 40,
  maxBackoffMs: 200,
  stableMs: 60_000,
  quickEndsUntilFailed: 4,
  readyPollMs: 20,
  graceMs: 1500,
};

function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

/** A child that runs this JavaScript. */
function script(folder: string, name: string, source: string, more: Partial<ChildSpec> = {}): ChildSpec {
  return {
    name,
    command: process.execPath,
    args: ['--eval', source],
    env: systemEnvironment(),
    cwd: folder,
    isReady: () => Promise.resolve(true),
    ...more,
  };
}

const readPids = (file: string): number[] =>
  existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').filter(Boolean).map(Number) : [];

/**
 * A program with descendants of every kind: a plain child, one in a session of its own, one whose parent has ended, one that
 * ignores SIGTERM, and one that has dropped the marker from its environment. Each writes its number into `pids`.
 */
const familySource = `
const { spawn } = require('node:child_process');
const { appendFileSync } = require('node:fs');
const stay = "require('node:fs').appendFileSync('pids', process.pid + '\\\\n'); setInterval(() => {}, 1000);";
const run = (source, options = {}) => spawn(process.execPath, ['--eval', source], { stdio: 'ignore', ...options });
run(stay);
run(stay, { detached: true });
run("process.on('SIGTERM', () => {});" + stay, { detached: true });
run(stay, { detached: true, env: {} });
run("require('node:child_process').spawn(process.execPath, ['--eval', " + JSON.stringify(stay) + "], { detached: true, stdio: 'ignore' }).unref(); setTimeout(() => process.exit(), 50);", { detached: true });
appendFileSync('pids', process.pid + '\\n');
setInterval(() => {}, 1000);
`;

t.test('supervised children', async (t) => {
  let folder: string;
  let supervisor: Supervisor;
  t.beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'knot-process-'));
    supervisor = createSupervisor({
      clock: systemClock,
      log: silentLog,
      timing: quick,
      stateFolder: join(folder, 'run'),
    });
  });
  t.afterEach(async () => {
    await supervisor.stopAll();
    rmSync(folder, { recursive: true, force: true });
  });

  t.test(
    'a child that ends is started again, later each time, and is called failed after several quick ends',
    async (t) => {
      const starts: number[] = [];
      const source = `require('node:fs').appendFileSync('starts', Date.now() + '\\n'); console.error('no luck today'); process.exit(3)`;
      const child = supervisor.supervise(script(folder, 'unlucky', source, { isReady: () => Promise.resolve(false) }));
      const seen = new Set<string>();
      child.onChange(() => seen.add(child.state().status));
      child.start();
      await eventually('the child is failed', () => child.state().status === 'failed');
      const state = child.state();
      t.match(state, { status: 'failed', restarts: 4, lastExit: 'ended with exit code 3' });
      t.ok(state.nextStartAt !== undefined && state.nextStartAt > Date.now() - 1000);
      t.strictSame(new Set(state.output), new Set(['no luck today']));
      t.ok(seen.has('waiting'));
      starts.push(...readFileSync(join(folder, 'starts'), 'utf8').trim().split('\n').map(Number));
      t.equal(starts.length, 4);
      t.ok(starts[3]! - starts[2]! > 150, `the third wait is 160 ms, was ${starts[3]! - starts[2]!}`);
      await eventually('a failed child is still tried again', () => child.state().restarts > 4);
    },
  );

  t.test('a child that ran long enough starts again with the shortest wait', async (t) => {
    let now = 1_000_000;
    const own = createSupervisor({ clock: { now: () => now }, log: silentLog, timing: quick });
    const child = own.supervise(script(folder, 'stable', `process.stdin; setInterval(() => {}, 1000)`));
    child.start();
    for (let end = 0; end < 6; end++) {
      await eventually('running', () => child.state().status === 'running');
      now += quick.stableMs;
      process.kill(child.state().pid!, 'SIGKILL');
      await eventually('waiting', () => child.state().status === 'waiting');
      t.equal(child.state().nextStartAt, now + quick.firstBackoffMs);
    }
    t.equal(child.state().lastExit, 'was ended by SIGKILL');
    await own.stopAll();
  });

  t.test('a program that does not exist is reported, not thrown', async (t) => {
    const child = supervisor.supervise({ ...script(folder, 'absent', ''), command: join(folder, 'nothing') });
    child.start();
    await eventually('failed', () => child.state().status === 'failed');
    t.match(child.state().lastExit, 'nothing (or its working folder) does not exist');
  });

  t.test('a child is running only when it answers, and is replaced when it never does', async (t) => {
    let isReady = false;
    const child = supervisor.supervise(
      script(folder, 'slow', 'setInterval(() => {}, 1000)', {
        isReady: () => Promise.resolve(isReady),
        readyTimeoutMs: 400,
      }),
    );
    child.start();
    await eventually('starting', () => child.state().status === 'starting');
    const first = child.state().pid!;
    await eventually('replaced', () => child.state().lastExit === 'did not answer in time');
    t.notOk(isRunning(first));
    isReady = true;
    await eventually('running', () => child.state().status === 'running');
  });

  t.test('a child gets exactly its environment and the marker', async (t) => {
    process.env['KNOT_TEST_SECRET'] = 'must not be seen';
    t.teardown(() => delete process.env['KNOT_TEST_SECRET']);
    const source = `require('node:fs').writeFileSync('seen', JSON.stringify(Object.keys(process.env).sort()))`;
    const result = await supervisor.run({ ...script(folder, 'env', source), env: { ONLY: 'this' } });
    t.equal(result.code, 0);
    t.strictSame(JSON.parse(readFileSync(join(folder, 'seen'), 'utf8')), ['KNOT_SUPERVISOR', 'ONLY']);
    t.notOk('KNOT_TEST_SECRET' in systemEnvironment());
  });

  t.test('output is bounded: number of lines, length of a line, control characters', async (t) => {
    const source = `for (let i = 0; i < 500; i++) console.log('line ' + i); process.stdout.write('x'.repeat(100000)); console.log('\\n\\u001b[31mred\\u001b[0m\\u0007')`;
    const result = await supervisor.run(script(folder, 'chatty', source));
    t.ok(result.output.length <= 50);
    t.ok(result.output.every((line) => line.length <= 2000));
    t.equal(result.output.at(-1), 'red');
  });

  t.test('stopping ends every descendant, also in other sessions, orphaned, deaf or unmarked', async (t) => {
    const child = supervisor.supervise(script(folder, 'family', familySource));
    child.start();
    const pids = join(folder, 'pids');
    await eventually('all six are there', () => readPids(pids).length === 6);
    // The orphan's parent must be gone for the test to mean something.
    await delay(100);
    t.ok(readPids(pids).every(isRunning));
    await child.stop();
    t.strictSame(readPids(pids).filter(isRunning), []);
    t.equal(child.state().status, 'stopped');
  });

  t.test('what a crashed child left behind is ended before the restart, unless it is to be kept', async (t) => {
    const source = `const { spawn } = require('node:child_process');
      const stay = "require('node:fs').appendFileSync(process.argv[1], process.pid + '\\\\n'); setInterval(() => {}, 1000)";
      spawn(process.execPath, ['--eval', stay, process.argv[1]], { detached: true, stdio: 'ignore' });
      setInterval(() => {}, 1000)`;
    const plain = script(folder, 'plain', source);
    const keeping = script(folder, 'keeping', source, { keepsDescendantsOnRestart: true });
    const children = [plain, keeping].map((spec) =>
      supervisor.supervise({ ...spec, args: [...spec.args, join(folder, `${spec.name}.pids`)] }),
    );
    for (const child of children) child.start();
    const pids = (name: string) => readPids(join(folder, `${name}.pids`));
    await eventually('both have a child', () => pids('plain').length === 1 && pids('keeping').length === 1);
    for (const child of children) process.kill(child.state().pid!, 'SIGKILL');
    await eventually('both are there again', () => pids('plain').length === 2 && pids('keeping').length === 2);
    t.strictSame(pids('plain').map(isRunning), [false, true]);
    t.strictSame(pids('keeping').map(isRunning), [true, true]);
    await supervisor.stopAll();
    t.strictSame([...pids('plain'), ...pids('keeping')].filter(isRunning), []);
  });

  t.test('a stopped child can be started again, and stays down after a stop during its wait', async (t) => {
    const child = supervisor.supervise(script(folder, 'again', 'setInterval(() => {}, 1000)'));
    child.start();
    await eventually('running', () => child.state().status === 'running');
    const first = child.state().pid;
    void child.stop();
    child.start();
    await eventually('running again', () => child.state().status === 'running' && child.state().pid !== first);
    process.kill(child.state().pid!, 'SIGKILL');
    await eventually('waiting', () => child.state().status === 'waiting');
    await child.stop();
    await delay(quick.firstBackoffMs * 3);
    t.equal(child.state().status, 'stopped');
  });

  t.test('a running program is ended by its signal, with what it started', async (t) => {
    const abort = new AbortController();
    const ended = supervisor.run({ ...script(folder, 'long', familySource), signal: abort.signal });
    const pids = join(folder, 'pids');
    await eventually('all six are there', () => readPids(pids).length === 6);
    abort.abort();
    t.match(await ended, { code: null, reason: 'was stopped' });
    t.strictSame(readPids(pids).filter(isRunning), []);
    t.match(await supervisor.run({ ...script(folder, 'slow', 'setInterval(() => {}, 9)'), timeoutMs: 300 }), {
      code: null,
      reason: 'took too long',
    });
  });
});

t.test('after kill -9 of the gateway the next run ends what the last one left', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'knot-process-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const door = join(import.meta.dirname, '../../gateway/process/index.ts');
  const library = join(import.meta.dirname, '../../gateway/lib/index.ts');
  writeFileSync(
    join(folder, 'gateway.ts'),
    `import { createSupervisor, systemEnvironment } from ${JSON.stringify(door)};
import { silentLog, systemClock } from ${JSON.stringify(library)};
const supervisor = createSupervisor({ clock: systemClock, log: silentLog, stateFolder: 'run' });
await supervisor.endEarlierRun();
supervisor.supervise({ name: 'family', command: process.execPath, args: ['--eval', ${JSON.stringify(familySource)}],
  env: systemEnvironment(), cwd: '.', isReady: async () => true }).start();
setInterval(() => {}, 1000);
`,
  );
  const gateway = spawn(process.execPath, ['gateway.ts'], { cwd: folder, stdio: 'inherit' });
  const pids = () => readPids(join(folder, 'pids'));
  await eventually('all six are there', () => pids().length === 6);
  await delay(100);
  gateway.kill('SIGKILL');
  await once(gateway, 'exit');
  t.ok(pids().every(isRunning), 'nobody ended them yet');

  const next = createSupervisor({
    clock: systemClock,
    log: silentLog,
    stateFolder: join(folder, 'run'),
    timing: quick,
  });
  const ended = await next.endEarlierRun();
  t.ok(ended >= 6, `ended ${ended}`);
  t.strictSame(pids().filter(isRunning), []);
  t.equal(await next.endEarlierRun(), ended, 'asked twice, done once');
  const third = createSupervisor({
    clock: systemClock,
    log: silentLog,
    stateFolder: join(folder, 'run'),
    timing: quick,
  });
  t.equal(await third.endEarlierRun(), 0);
});

t.test('a process that only has the number of an earlier child is left alone', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'knot-process-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const stranger = spawn(process.execPath, ['--eval', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  t.teardown(() => stranger.kill());
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const record = { bootId, instances: ['0123456789abcdef0123'], children: [{ pid: stranger.pid, startTicks: '1' }] };
  writeFileSync(join(folder, 'processes.json'), JSON.stringify(record));
  const supervisor = createSupervisor({ clock: systemClock, log: silentLog, stateFolder: folder, timing: quick });
  t.equal(await supervisor.endEarlierRun(), 0);
  t.ok(isRunning(stranger.pid!));

  for (const text of [
    '',
    '{',
    '[]',
    '{"bootId":1}',
    `{"bootId":"${bootId}","instances":[""],"children":[{"pid":1}]}`,
  ]) {
    writeFileSync(join(folder, 'processes.json'), text);
    const next = createSupervisor({ clock: systemClock, log: silentLog, stateFolder: folder, timing: quick });
    t.equal(await next.endEarlierRun(), 0, `record ${text}`);
  }
});

t.test('after the end of everything nothing starts', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'knot-process-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const ways: [string, (supervisor: Supervisor) => Promise<unknown>][] = [
    ['stopAll', (supervisor) => supervisor.stopAll()],
    ['handOver', (supervisor) => supervisor.handOver()],
  ];
  for (const [way, end] of ways) {
    const supervisor = createSupervisor({
      clock: systemClock,
      log: silentLog,
      stateFolder: join(folder, way),
      timing: quick,
    });
    const leaveTrace = (name: string) => `require('node:fs').writeFileSync(${JSON.stringify(join(folder, name))}, '')`;
    const made = supervisor.supervise(script(folder, 'made-before', leaveTrace(`${way}-before`)));
    const ending = end(supervisor);
    made.start();
    const during = supervisor.run(script(folder, 'during', leaveTrace(`${way}-during`)));
    await ending;
    made.start();
    const late = supervisor.supervise(script(folder, 'made-after', leaveTrace(`${way}-after`)));
    late.start();
    const after = await supervisor.run(script(folder, 'after', leaveTrace(`${way}-run`)));
    t.match(after, { code: null, reason: 'was not started' }, way);
    t.match(await during, { code: null, reason: 'was not started' }, `${way}: while it ends`);
    t.match([made.state().status, late.state().status], ['stopped', 'stopped'], way);
    await Promise.all([made.stop(), late.stop()]);
    for (const name of ['before', 'during', 'after', 'run'])
      t.notOk(existsSync(join(folder, `${way}-${name}`)), `${way}: ${name} ran nothing`);
  }
});
