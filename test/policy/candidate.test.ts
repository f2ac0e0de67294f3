import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import { createPolicy } from '../../gateway/policy/index.ts';
import { tryCandidate } from '../../gateway/policy/candidate.ts';
import { readFolder } from '../../gateway/policy/folder.ts';
import { eventually } from '../support/eventually.ts';
import { copyOfShipped } from './support.ts';

const skip = process.platform !== 'linux' && 'processes are found in /proc';

/** Processes in which this one tries policies at this moment. */
function candidates(): number[] {
  return readdirSync('/proc/self/task')
    .flatMap((thread) => readFileSync(`/proc/self/task/${thread}/children`, 'utf8').split(' '))
    .filter((pid) => pid !== '' && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('candidate-process'))
    .map(Number);
}

t.test('files whose check was ended from outside are not to blame, and checked again', { skip }, async (t) => {
  const folder = copyOfShipped((clean) => t.teardown(clean));
  const policy = await createPolicy({
    recordReload: () => undefined,
    clock: systemClock,
    log: silentLog,
    folder,
    watch: true,
  });
  t.teardown(() => policy.close());
  const { version } = policy.status();
  writeFileSync(
    join(folder, 'good.cedar'),
    '@id("good") forbid (principal, action, resource) when { principal.username == "mallory" };\n',
  );
  // As Linux does where memory is short: these processes ask to be the first.
  await eventually('it is being tried', () => {
    for (const pid of candidates()) process.kill(pid, 'SIGKILL');
    return !policy.status().isCurrent;
  });
  t.match(policy.status(), { version, problems: [{ message: /ended from outside/ }] });
  await eventually('it is in force by itself', () => policy.status().isCurrent && policy.status().version !== version);
});

t.test('a check that has to wait for the processor is given the time it was promised', { skip }, async (t) => {
  const snapshot = await readFolder(copyOfShipped((clean) => t.teardown(clean)));
  const milliseconds = 3_000;
  let isStopped = false;
  const trying = tryCandidate(snapshot, { milliseconds });
  const pid = await eventually('it is being tried', () => candidates()[0]);
  process.kill(pid, 'SIGSTOP');
  // Nothing runs in it for longer than it may take, as on a machine that is busy with other things.
  const resume = setTimeout(() => ((isStopped = true), process.kill(pid, 'SIGCONT')), milliseconds + 300);
  t.teardown(() => clearTimeout(resume));
  t.match(await trying, { problems: [], isConclusive: true });
  t.ok(isStopped);
  t.match(await tryCandidate(snapshot, { milliseconds: 50 }), {
    problems: [{ message: /took longer to check than 0.05 s/ }],
    isConclusive: false,
  });
});

t.test(
  'it ends whatever holds up an exit of Node: when it has told the outcome, and when the gateway is gone',
  async (t) => {
    const snapshot = await readFolder(copyOfShipped((clean) => t.teardown(clean)));
    const waits = "process.on('exit', () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));";
    for (const isGone of [false, true]) {
      const child = fork(join(import.meta.dirname, '../../gateway/policy/candidate-process.ts'), [], {
        execArgv: ['--import', `data:text/javascript,${encodeURIComponent(waits)}`],
        serialization: 'advanced',
      });
      t.teardown(() => child.kill('SIGKILL'));
      const ended = once(child, 'exit');
      child.send(snapshot);
      const [told] = await once(child, 'message');
      if (isGone) child.disconnect();
      else t.match(told, { step: {} });
      await ended;
      t.pass(isGone ? 'its gateway is gone' : 'it has told all');
    }
  },
);
