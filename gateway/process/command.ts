import { once } from 'node:events';
import { timeLimit } from '../lib/index.ts';
import { endAll, identify } from './descendants.ts';
import { createOutputTail } from './output.ts';
import { familyOf, signalGroup, spawnMarked } from './spawn.ts';

/** A program that is expected to end by itself. */
export type Command = {
  name: string;
  command: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  cwd: string;
  onLine?: (line: string) => void;
  /** Ends it and everything it started. */
  signal?: AbortSignal;
  timeoutMs?: number;
  /** Rights its new files do not get (umask(2)), where they differ from the gateway's own. */
  umask?: number;
};

export type CommandResult = {
  /** Exit code, or null when it was ended by a signal or never started. */
  code: number | null;
  /** Why `code` is null. */
  reason?: string;
  /** Last lines of output, newest last. */
  output: readonly string[];
};

/** Of a program that was to be ended before it began. */
export const notStarted: CommandResult = { code: null, reason: 'was not started', output: [] };

/** Runs a program to its end. Never rejects: what went wrong is in the result. */
export async function runCommand(command: Command, marker: string, graceMs: number): Promise<CommandResult> {
  const output = createOutputTail();
  if (command.signal?.aborted) return notStarted;
  const { signal, end: callOff } = timeLimit(command.timeoutMs, command.signal);
  const child = spawnMarked(command, marker);
  const onLine = command.onLine ?? (() => undefined);
  output.read(child.stdout, onLine, 'out');
  output.read(child.stderr, onLine, 'err');
  const identity = child.pid === undefined ? undefined : identify(child.pid);
  let ending: Promise<number> | undefined;
  const end = () => {
    // Taken before the first signal: once the program is gone its children have another parent.
    const roots = familyOf(marker, identity ? [identity] : []);
    if (child.pid !== undefined) signalGroup(child.pid, 'SIGTERM');
    ending ??= endAll(() => familyOf(marker, roots), graceMs);
  };
  signal.addEventListener('abort', end, { once: true });
  try {
    const [code, killedBy] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    await ending;
    if (code !== null) return { code, output: output.lines() };
    return {
      code,
      reason: signal.aborted ? abortReason(command.signal) : `was ended by ${killedBy ?? 'a signal'}`,
      output: output.lines(),
    };
  } catch (error) {
    return {
      code: null,
      reason: `cannot be started: ${error instanceof Error ? error.message : String(error)}`,
      output: output.lines(),
    };
  } finally {
    callOff();
    signal.removeEventListener('abort', end);
  }
}

function abortReason(signal: AbortSignal | undefined): string {
  return signal?.aborted ? 'was stopped' : 'took too long';
}
