import { type ChildProcess, spawn } from 'node:child_process';
import { findDescendants, markerVariable, type ProcessIdentity } from './descendants.ts';

/** Starts an executable in a process group of its own, with exactly the given environment and the marker. */
export function spawnMarked(
  program: { command: string; args: readonly string[]; env: Readonly<Record<string, string>>; cwd: string },
  marker: string,
): ChildProcess {
  const child = spawn(program.command, [...program.args], {
    cwd: program.cwd,
    env: { ...program.env, [markerVariable]: marker },
    // A group of its own: a signal for the gateway's terminal does not hit it, and it can be ended as a whole.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // Whoever starts it listens as well; this one is there before anything can go wrong, and stays.
  child.on('error', () => undefined);
  return child;
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
