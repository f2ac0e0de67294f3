import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { programPath } from './able.ts';

/** A machine within this one: namespaces of its own for network, mounts, processes, IPC and host name. */
export type Namespaces = {
  /** Of the node; visible at the same address on both sides. Goes away with it. */
  folder: string;
  /** The name of its control group. */
  group: string;
  /**
   * Runs a program with the network and the mounts of the node, but as a process of this machine, which ends with us and with the node.
   * Its pid is the program's. What it mounts stays. `/proc` is that of the node's processes: a program that looks itself up there
   * is launched.
   */
  spawn(command: readonly string[], options?: SpawnOptions): ChildProcess;
  /** The same for a program like a gateway: it has a `/proc` that it is in, and what it mounts is its own. */
  launch(command: readonly string[], options?: SpawnOptions): ChildProcess;
  /**
   * What stands before the command line of a program that is to be one of the node's processes, or only to use its network. Either ends
   * with who started it.
   */
  enter: { node: readonly string[]; network: readonly string[] };
  /** Resolves when nothing of it is left. */
  stop(): Promise<void>;
};

/** @throws with what was said, when they cannot be made */
export async function makeNamespaces(): Promise<Namespaces> {
  const keeper = spawn(process.execPath, [join(import.meta.dirname, 'keeper.ts')], {
    // A session of its own, so that Ctrl-C leaves it the time to clean up.
    detached: true,
    env: { PATH: programPath, TMPDIR: process.env['TMPDIR'] },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let said = '';
  keeper.stderr.on('data', (chunk) => (said += String(chunk)));
  keeper.stdin.on('error', () => undefined);
  const gone = once(keeper, 'close');
  const line = await Promise.race([
    once(createInterface({ input: keeper.stdout }), 'line') as Promise<[string]>,
    gone.then(() => undefined),
  ]);
  if (line === undefined) throw new Error(`the namespaces of a node were not made: ${said}`);
  const { folder, name, first } = JSON.parse(line[0]) as { folder: string; name: string; first: number };
  const nsenter = ['nsenter', '-t', String(first)];
  const tied = ['--', 'setpriv', '--pdeathsig', 'KILL', '--'];
  // Without -p `nsenter` becomes the program.
  const inside = [...nsenter, '-m', '-n', '-i', '-u', ...tied];

  return {
    folder,
    group: name,
    enter: {
      // With -p a process must be made inside, which `nsenter` waits for.
      node: [...nsenter, '-m', '-n', '-p', '-i', '-u', ...tied, 'env', `PATH=${programPath}`],
      network: [...nsenter, '-n', ...tied],
    },
    spawn: (command, options = {}) => start([...inside, ...command], options),
    launch: (command, options = {}) =>
      start([...inside, 'unshare', '--mount-proc', '--propagation', 'slave', '--', ...command], options),
    async stop() {
      keeper.stdin.end();
      await gone;
    },
  };
}

function start([program = '', ...args]: readonly string[], options: SpawnOptions): ChildProcess {
  return spawn(program, args, options);
}
