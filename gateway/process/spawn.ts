import { type ChildProcess, spawn } from 'node:child_process';
import { findDescendants, listProcesses, markerVariable, type ProcessIdentity, signalProcess } from './descendants.ts';

/** Starts an executable in a process group of its own, with exactly the given environment and the marker. */
export function spawnMarked(
  program: {
    command: string;
    args: readonly string[];
    env: Readonly<Record<string, string>>;
    cwd: string;
    umask?: number;
    admit?(pid: number): Promise<void>;
    isSpokenTo?: boolean;
  },
  marker: string,
): ChildProcess {
  const child = withUmask(program.umask, () =>
    spawn(program.command, [...program.args], {
      cwd: program.cwd,
      env: { ...program.env, [markerVariable]: marker },
      // A group of its own: a signal for the gateway's terminal does not hit it, and it can be ended as a whole.
      detached: true,
      stdio: [program.admit === undefined && program.isSpokenTo !== true ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    }),
  );
  // Whoever starts it listens as well; this one is there before anything can go wrong, and stays.
  child.on('error', () => undefined);
  child.stdin?.on('error', () => undefined);
  return child;
}

/** Node's `spawn` has no option for it: a child takes over what is set while it is made, which happens inside the call. */
function withUmask<T>(umask: number | undefined, act: () => T): T {
  if (umask === undefined) return act();
  const before = process.umask(umask);
  try {
    return act();
  } finally {
    process.umask(before);
  }
}

/** What is alive of a child that was started with `marker`. `roots` are processes known to belong to it. */
export function familyOf(marker: string, roots: readonly ProcessIdentity[]): ProcessIdentity[] {
  return findDescendants(roots, (found) => found === marker);
}

/** Signals a whole process group; false when it is gone. */
export function signalGroup(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(-pid, signal);
    return true;
  } catch {
    return false;
  }
}

/**
 * Signals the programs of a sandbox, which are the children of its first process inside; that one ignores signals, and bubblewrap
 * outside dies of them. As `children_of` of `launch/spawn.py`. False when there is none yet.
 */
export function signalInside(bubblewrap: number, signal: NodeJS.Signals): boolean {
  const processes = listProcesses();
  const first = processes.find(({ parentPid }) => parentPid === bubblewrap);
  const programs = processes.filter(({ parentPid, isZombie }) => parentPid === first?.pid && !isZombie);
  return programs.filter((program) => signalProcess(program, signal)).length > 0;
}
