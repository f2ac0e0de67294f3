/**
 * Runs the programs of a cluster for as long as its own standard input is open, then kills them and removes the folder:
 * `node keeper.ts FOLDER`. The pipe closes in whatever way the test process ends, `kill -9` by a runner included, so nothing outlives
 * its tests; where `setpriv` is installed the kernel ends the programs should this process be killed too.
 *
 * Each line of standard input is an order as JSON, answered by a line `{"id", "pid"?, "error"?}` when it is carried out. A program
 * that ends unasked is told as `{"ended": name, "how"}`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export type Order = { id: number } & (
  | { act: 'start'; name: string; command: readonly string[] }
  /** SIGKILL; SIGSTOP makes a server that accepts and never answers. */
  | { act: 'kill' | 'freeze' | 'thaw'; name: string }
);

const folder = process.argv[2]!;
const running = new Map<string, ChildProcess>();
const guard = existsSync('/usr/bin/setpriv') ? ['/usr/bin/setpriv', '--pdeathsig', 'KILL', '--'] : [];

function tell(answer: object): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

function start({ name, command }: { name: string; command: readonly string[] }): Promise<number | undefined> {
  const log = openSync(join(folder, `${name}.log`), 'a');
  const [program, ...args] = [...guard, ...command];
  const child = spawn(program!, args, {
    cwd: folder,
    // Nothing of ours: a simulated pod's `exec` runs on this machine, with kwok's environment.
    env: { PATH: '/usr/bin:/bin', HOME: folder },
    stdio: ['ignore', log, log],
  });
  running.set(name, child);
  child.on('exit', (code, signal) => {
    if (running.get(name) !== child) return;
    running.delete(name);
    tell({ ended: name, how: signal ?? `status ${code}` });
  });
  return new Promise((resolve, reject) => {
    child.once('spawn', () => resolve(child.pid));
    child.once('error', reject);
  });
}

async function kill(name: string): Promise<void> {
  const child = running.get(name);
  if (child === undefined) return;
  running.delete(name);
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => void child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}

async function obey(order: Order): Promise<void> {
  try {
    if (order.act === 'start') return tell({ id: order.id, pid: await start(order) });
    if (order.act === 'kill') await kill(order.name);
    else running.get(order.name)?.kill(order.act === 'freeze' ? 'SIGSTOP' : 'SIGCONT');
    tell({ id: order.id });
  } catch (error) {
    tell({ id: order.id, error: String(error) });
  }
}

async function leave(): Promise<void> {
  await Promise.all([...running.keys()].map(kill));
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  process.exit();
}

process.stdout.on('error', () => undefined);
process.stdin.on('error', () => void leave());
// Interrupting a terminal reaches us as well: the test process decides when it is over.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
createInterface({ input: process.stdin })
  .on('line', (line) => void obey(JSON.parse(line) as Order))
  .on('close', () => void leave());
