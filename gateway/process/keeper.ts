/**
 * The keeper: waits beside what a gateway left for the next one, and ends it when none takes it over in time. A program of its own,
 * started by `keep.ts`: `start` goes on in the background as a process group that no terminal and no parent ends.
 */
import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { endWhatWasLeft, isStillLeft } from './leftovers.ts';

const [mode, folder, instance, seconds] = process.argv.slice(2) as [string, string, string, string];
const graceMs = 8000;

if (mode === 'start') {
  const own = [import.meta.filename, 'keep', folder, instance, seconds];
  const keeper = spawn(process.execPath, own, { detached: true, stdio: 'ignore' });
  keeper.on('error', (error) => {
    process.stderr.write(`knot: nobody can keep what was left: ${error.message}\n`);
    process.exitCode = 1;
  });
  keeper.unref();
} else {
  const deadline = performance.now() + Number(seconds) * 1000;
  while (performance.now() < deadline && isStillLeft(folder, instance)) await delay(500);
  await endWhatWasLeft(folder, instance, graceMs);
}
