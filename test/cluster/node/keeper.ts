import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { groupFolders, makeGroup } from './groups.ts';

/**
 * Holds the namespaces of one node for as long as its own standard input is open: says on one line, as JSON, the folder
 * of the node, the name of its control group and the process id of the first process in its namespaces. The pipe closes in whatever way the test process ends; then everything in the namespaces
 * is killed, and with them go their mounts, interfaces and rules; control groups and the folder are removed here.
 */
const name = `knot-node-${process.pid}`;
const folder = join(tmpdir(), name);

removeForgotten();
mkdirSync(folder, { mode: 0o700 });
const holder = spawn(
  'setpriv',
  [
    // Should this process be killed too, nothing of the node stays.
    ...['--pdeathsig', 'KILL', 'unshare', '--mount', '--net', '--pid', '--ipc', '--uts', '--fork', '--kill-child=KILL'],
    ...['bash', join(import.meta.dirname, 'namespaces.sh'), folder],
  ],
  { stdio: ['ignore', 'pipe', 'inherit'], cwd: '/' },
);
let first: number | undefined;
let network: string | undefined;

createInterface({ input: holder.stdout }).once('line', () => {
  first = Number(readFileSync(`/proc/${holder.pid}/task/${holder.pid}/children`, 'utf8'));
  network = readlinkSync(`/proc/${first}/ns/net`);
  makeGroup(name);
  console.log(JSON.stringify({ folder, name, first }));
});
holder.once('exit', () => void end());
process.stdin.once('end', () => void end()).resume();
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => void end());

let isEnding = false;
async function end(): Promise<void> {
  if (isEnding) return;
  isEnding = true;
  killIfThere(first ?? holder.pid!);
  // Those that were sent in from outside do not belong to the first process.
  for (const pid of inNetwork()) killIfThere(pid);
  while (existsSync(`/proc/${holder.pid}`) && holder.exitCode === null && holder.signalCode === null) await delay(10);
  while (inNetwork().length > 0) await delay(10);
  // A group is empty some moments after its last process ended.
  for (let tries = 0; removeGroups(name) && tries < 200; tries += 1) await delay(50);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  process.exit();
}

function inNetwork(): number[] {
  if (network === undefined) return [];
  return processes().filter((pid) => {
    try {
      return readlinkSync(`/proc/${pid}/ns/net`) === network;
    } catch {
      return false;
    }
  });
}

function processes(): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number);
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended before.
  }
}

/** Whether some are left. */
function removeGroups(group: string): boolean {
  const left = groupFolders(group).filter((path) => !isRemoved(path));
  return left.length > 0;
}

/** Leaves first. */
function isRemoved(group: string): boolean {
  try {
    for (const entry of readdirSync(group, { withFileTypes: true })) {
      if (entry.isDirectory()) isRemoved(join(group, entry.name));
    }
    rmdirSync(group);
  } catch {
    // Somebody is in it, or it is gone.
  }
  return !existsSync(group);
}

/** What keepers that were killed themselves have left. A name ends with the process id of its keeper. */
function removeForgotten(): void {
  const isForgotten = (left: string): boolean => {
    const [, pid] = /^knot-node-(\d+)$/.exec(left) ?? [];
    return pid !== undefined && !existsSync(`/proc/${pid}`);
  };
  for (const parent of groupFolders('')) {
    for (const group of list(parent).filter(isForgotten)) isRemoved(join(parent, group));
  }
  for (const left of list(tmpdir()).filter(isForgotten)) rmSync(join(tmpdir(), left), { recursive: true, force: true });
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
