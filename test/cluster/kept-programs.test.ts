import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { t, type Test } from 'tap';
import { eventually } from '../support/eventually.ts';
import { keepPrograms } from './kept-programs.ts';

function newFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'knot-kept-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Not even as what nobody has waited for yet. */
const isGone = (pid: number): boolean => {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.[0] === 'Z';
  } catch {
    return true;
  }
};

t.test('a program is stopped and started again, and all end with their folder', async (t) => {
  const folder = newFolder(t);
  const kept = keepPrograms(folder);
  t.teardown(kept.close);
  const sleeper = await kept.run('sleeper', ['/bin/sleep', '1000']);
  const first = sleeper.pid();
  t.notOk(isGone(first));
  await sleeper.stop();
  t.ok(isGone(first));
  t.doesNotThrow(() => kept.demand('sleeper'), 'it was told to');
  await sleeper.start();
  const second = sleeper.pid();
  t.not(second, first);
  await kept.close();
  t.ok(isGone(second));
  t.notOk(existsSync(folder));
});

t.test('a program that ends unasked is told with what it said; one that is not there cannot be started', async (t) => {
  const kept = keepPrograms(newFolder(t));
  t.teardown(kept.close);
  await kept.run('teller', [process.execPath, '-e', 'console.error("no such flag"); process.exit(3)']);
  const told = await eventually('its end', () => {
    try {
      kept.demand('teller');
      return undefined;
    } catch (error) {
      return error as Error;
    }
  });
  t.match(told.message, /teller has ended \(status 3\):\n.*no such flag/s);
});

/** What the test process would be: it starts a program, tells the pids, and waits. */
const startsAndWaits = `
  import { keepPrograms } from ${JSON.stringify(join(import.meta.dirname, 'kept-programs.ts'))};
  const kept = keepPrograms(process.argv[1]);
  const program = await kept.run('sleeper', ['/bin/sleep', '1000']);
  console.log(JSON.stringify({ program: program.pid(), keeper: kept.pid }));
  setInterval(() => undefined, 1000);`;

async function startOutside(t: Test, folder: string) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', startsAndWaits, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  return { child, ...(JSON.parse(String(line)) as { program: number; keeper: number }) };
}

t.test('nothing is left when the test process is killed', async (t) => {
  const folder = newFolder(t);
  const { child, program, keeper } = await startOutside(t, folder);
  t.notOk(isGone(program));
  child.kill('SIGKILL');
  await eventually('the end of all', () => isGone(program) && isGone(keeper));
  t.notOk(existsSync(folder));
});

t.test(
  'programs end with their keeper',
  { skip: !existsSync('/usr/bin/setpriv') && 'setpriv is not installed' },
  async (t) => {
    const { keeper, program } = await startOutside(t, newFolder(t));
    process.kill(keeper, 'SIGKILL');
    t.ok(await eventually('the end of the program', () => isGone(program)));
  },
);
