import type { Clock, Log } from '../lib/index.ts';
import { newSecret } from '../lib/index.ts';
import { superviseChild, type Timing } from './child.ts';
import type { Child, ChildSpec } from './child-spec.ts';
import { type Command, type CommandResult, runCommand } from './command.ts';
import { findDescendants, signalProcess } from './descendants.ts';
import { createRunJournal } from './leftovers.ts';

export type Supervisor = {
  /** Makes a supervised child, not yet started. Names are unique. */
  supervise(spec: ChildSpec): Child;
  /** Runs a program that ends by itself. Never rejects. */
  run(command: Command): Promise<CommandResult>;
  /**
   * Ends what an earlier run of the gateway on the same state folder left behind. To be awaited before children are started
   * whose ports or files the leftovers may hold. Resolves with the number of processes ended.
   */
  endEarlierRun(): Promise<number>;
  /** Ends all children and running programs, with everything they started. */
  stopAll(): Promise<void>;
};

export type SupervisorOptions = {
  clock: Clock;
  log: Log;
  /** Where the list of started processes is kept; without it leftovers of an earlier run are not found. */
  stateFolder?: string;
  timing?: Partial<Timing>;
};

const defaultTiming: Timing = {
  firstBackoffMs: 1000,
  maxBackoffMs: 60_000,
  stableMs: 60_000,
  quickEndsUntilFailed: 5,
  readyPollMs: 200,
  graceMs: 8000,
};

/** Starts children, restarts them with growing intervals, and ends them with all their descendants. */
export function createSupervisor({ clock, log, stateFolder, timing: given }: SupervisorOptions): Supervisor {
  const timing: Timing = { ...defaultTiming, ...given };
  const instance = newSecret().slice(0, 22);
  const journal = createRunJournal(stateFolder, instance, log);
  const children = new Map<string, Child>();
  const running = new Set<{ abort: AbortController; ended: Promise<CommandResult> }>();
  let earlierRunEnded: Promise<number> | undefined;
  let hasExitHook = false;
  let commandCount = 0;

  // The last resort when the process exits without `stopAll` (an uncaught error, a second signal).
  const endNow = () => {
    for (const identity of findDescendants([], (marker) => marker.startsWith(`${instance}/`)))
      signalProcess(identity, 'SIGKILL');
  };
  const prepare = () => {
    if (hasExitHook) return;
    hasExitHook = true;
    process.once('exit', endNow);
  };

  return {
    supervise(spec) {
      if (children.has(spec.name)) throw new TypeError(`child name used twice: ${spec.name}`);
      prepare();
      const child = superviseChild(spec, { clock, log, timing, journal, marker: `${instance}/${spec.name}` });
      children.set(spec.name, child);
      return child;
    },
    run(command) {
      prepare();
      journal.open();
      const abort = new AbortController();
      const signal = command.signal ? AbortSignal.any([command.signal, abort.signal]) : abort.signal;
      const ended = runCommand({ ...command, signal }, `${instance}/${command.name}#${++commandCount}`, timing.graceMs);
      const entry = { abort, ended };
      running.add(entry);
      return ended.finally(() => running.delete(entry));
    },
    endEarlierRun() {
      earlierRunEnded ??= journal.endEarlierRun(timing.graceMs);
      return earlierRunEnded;
    },
    async stopAll() {
      for (const { abort } of running) abort.abort();
      await Promise.all([
        ...[...children.values()].map((child) => child.stop()),
        ...[...running].map(({ ended }) => ended),
      ]);
      process.off('exit', endNow);
      hasExitHook = false;
    },
  };
}
