import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync } from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import { descendants } from './process-facts.ts';

/** Servers and generators of the benchmark: children on known processors that never outlive it. */

const running = new Set<ChildProcess>();
const hasTaskset = existsSync('/usr/bin/taskset');
const hasDeathSignal = existsSync('/usr/bin/setpriv');

/** With two processors and `taskset`: everything on the first, the proxies alone on the second. */
export const isPinned = hasTaskset && availableParallelism() > 1;
const proxyProcessor = '1';

/** Moves this process, and so every child that is not a proxy, off the processor of the proxies. */
export function pinSelf(): void {
  if (isPinned) spawnSync('taskset', ['-a', '-cp', '0', String(process.pid)], { stdio: 'ignore' });
}

/** Moves what a proxy started off its processor, to where all upstreams are. */
export function pinUpstreamsOf(proxy: number): void {
  if (isPinned)
    for (const pid of descendants(proxy).slice(1))
      spawnSync('taskset', ['-a', '-cp', '0', String(pid)], { stdio: 'ignore' });
}

export type ServerOptions = {
  /** Runs on the processor that is measured. */
  isProxy?: boolean;
  /** Gets standard output and error; thrown away without. */
  logFile?: string;
  environment?: Record<string, string>;
  cwd?: string;
};

/** Starts a server that is ended by `stopAll`, and by the kernel when this process dies in whatever way. */
export function startServer(command: string, args: string[], options: ServerOptions = {}): ChildProcess {
  const words = [
    ...(hasDeathSignal ? ['setpriv', '--pdeathsig', 'TERM'] : []),
    ...(isPinned && options.isProxy === true ? ['taskset', '-c', proxyProcessor] : []),
    command,
    ...args,
  ];
  const output = options.logFile === undefined ? 'ignore' : openSync(options.logFile, 'a');
  const child = spawn(words[0]!, words.slice(1), {
    stdio: ['ignore', output, output],
    env: { ...process.env, ...options.environment },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  child.on('error', () => running.delete(child));
  child.on('exit', () => running.delete(child));
  running.add(child);
  return child;
}

/** Ends a server and what it started; by force after five seconds. */
export async function stopServer(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const tree = descendants(child.pid!);
  child.kill('SIGTERM');
  const timer = setTimeout(() => killAll(tree), 5_000);
  await once(child, 'exit');
  clearTimeout(timer);
  killAll(tree.slice(1));
}

export async function stopAll(): Promise<void> {
  await Promise.all([...running].map(stopServer));
}

/** For the moment of exit, when nothing can be waited for. */
export function killEverything(): void {
  for (const child of running) killAll(descendants(child.pid!));
}

function killAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself in the meantime.
    }
  }
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** Runs a program to its end and returns what it printed; it is killed when it takes longer than `withinMs`. */
export async function runTool(command: string, args: string[], withinMs: number): Promise<string> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += String(chunk)));
  const timer = setTimeout(() => child.kill('SIGKILL'), withinMs);
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    if (code !== 0) throw new Error(`${command} ended with ${code ?? 'a signal'}:\n${text.slice(-1000)}`);
    return text;
  } finally {
    clearTimeout(timer);
    running.delete(child);
  }
}
