import type { ChildProcess } from 'node:child_process';
import type { Clock, Log } from '../lib/index.ts';
import type { Child, ChildSpec, ChildState } from './child-spec.ts';
import { branchValues, endAll, identify, type ProcessIdentity } from './descendants.ts';
import type { RunJournal } from './leftovers.ts';
import { createOutputTail } from './output.ts';
import { familyOf, signalGroup, signalInside, spawnMarked } from './spawn.ts';

export type Timing = {
  /** First wait before a restart; doubles up to `maxBackoffMs`. */
  firstBackoffMs: number;
  maxBackoffMs: number;
  /** Running this long counts as healthy again: the next restart waits `firstBackoffMs`. */
  stableMs: number;
  /** Quick ends in a row after which it counts as `failed`. */
  quickEndsUntilFailed: number;
  readyPollMs: number;
  /** Between SIGTERM and SIGKILL. */
  graceMs: number;
};

type Run = { process: ChildProcess; identity: ProcessIdentity | undefined; startedAt: number; ended: Promise<void> };

/** The life of one child: start, wait until it answers, restart with growing intervals, end with all its descendants. */
export function superviseChild(
  spec: ChildSpec,
  parts: {
    clock: Clock;
    log: Log;
    timing: Timing;
    journal: RunJournal;
    marker: string;
    /** False once everything is being ended: a start is then ignored. */
    mayStart: () => boolean;
  },
): Child {
  const { clock, timing, journal, marker, mayStart } = parts;
  const log = parts.log.child({ child: spec.name });
  const output = spec.output ?? createOutputTail();
  const listeners = new Set<() => void>();
  let state: Omit<ChildState, 'output'> = { status: 'stopped', restarts: 0 };
  let isWanted = false;
  /** Started again while the stop was still under way. */
  let isWantedAgain = false;
  let run: Run | undefined;
  let timer: NodeJS.Timeout | undefined;
  let quickEnds = 0;
  let stopping: Promise<void> | undefined;

  const change = (next: Omit<ChildState, 'output'>) => {
    state = next;
    for (const listener of listeners) listener();
  };

  const launch = () => {
    timer = undefined;
    // The wait for a restart may end while others are being ended.
    if (!mayStart()) return;
    journal.open();
    const startedAt = clock.now();
    let child: ChildProcess;
    try {
      child = spawnMarked(spec, marker);
    } catch (error) {
      // Node throws for arguments it can check itself (a NUL character, say); everything else arrives as an event.
      afterEnd(startedAt, `cannot be started: ${error instanceof Error ? error.message : String(error)}`);
      return;
    }
    const identity = child.pid === undefined ? undefined : identify(child.pid);
    if (identity) journal.add(identity);
    // At `debug`: a chatty tool would push everything else out of sight. What an ending child said last is told with its end.
    const onLine = (line: string) =>
      log[spec.isForOperators?.(line) ? 'warn' : 'debug']({ line }, 'output of a child process');
    output.read(child.stdout, onLine, 'out');
    output.read(child.stderr, onLine, 'err');
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    const current: Run = { process: child, identity, startedAt, ended };
    run = current;
    const finish = (reason: string) => {
      resolve();
      if (run !== current) return;
      run = undefined;
      void afterProcess(current, reason);
    };
    child.on('error', (error) => {
      if (child.pid === undefined) finish(`cannot be started: ${startProblem(error, spec)}`);
    });
    // `exit`, not `close`: a grandchild may hold the pipes open for ever.
    child.once('exit', (code, signal) =>
      finish(signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`),
    );
    change({
      status: 'starting',
      restarts: state.restarts,
      ...(child.pid !== undefined && { pid: child.pid }),
      ...lastExit(),
    });
    log.info({ pid: child.pid }, 'child process started');
    if (spec.admit !== undefined && child.pid !== undefined) void admit(child, child.pid);
    void awaitReady(current);
  };

  /** Lets it begin once it is where it belongs; one that could not be put there never begins. */
  const admit = async (child: ChildProcess, pid: number) => {
    try {
      await spec.admit!(pid);
    } catch (error) {
      log.error({ err: error, pid }, 'a child process could not be limited and is ended');
      signalGroup(pid, 'SIGKILL');
    }
    child.stdin?.end();
  };

  const lastExit = () => (state.lastExit === undefined ? {} : { lastExit: state.lastExit });

  const awaitReady = async (current: Run) => {
    const begun = performance.now();
    const deadline = begun + (spec.readyTimeoutMs ?? 60_000);
    while (run === current && isWanted) {
      const isReady = await spec.isReady().catch(() => false);
      if (run !== current || !isWanted) return;
      if (isReady) {
        log.info({ pid: current.process.pid }, 'child process is ready');
        change({ ...state, status: 'running' });
        return;
      }
      if (performance.now() > deadline) {
        log.warn({ pid: current.process.pid }, 'child process did not get ready in time and is ended');
        run = undefined;
        await endFamily(current, 0);
        await afterProcess(current, 'did not answer in time');
        return;
      }
      // Nobody waits much longer than the child took: what is quick is asked often, what takes long is asked less often.
      const pauseMs = Math.min(Math.max(10, (performance.now() - begun) / 8), timing.readyPollMs);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  };

  const afterProcess = async (current: Run, reason: string) => {
    if (current.identity) journal.remove(current.identity);
    if (!isWanted) return;
    if (!spec.keepsDescendantsOnRestart) await endFamily(current, timing.graceMs);
    if (isWanted && run === undefined && timer === undefined) afterEnd(current.startedAt, reason);
  };

  const afterEnd = (startedAt: number, reason: string) => {
    quickEnds = clock.now() - startedAt >= timing.stableMs ? 1 : quickEnds + 1;
    const hasFailed = quickEnds >= (spec.quickEndsUntilFailed ?? timing.quickEndsUntilFailed);
    const waitMs = hasFailed
      ? timing.maxBackoffMs
      : Math.min(timing.firstBackoffMs * 2 ** (quickEnds - 1), timing.maxBackoffMs);
    log.warn({ reason, waitMs, quickEnds, output: output.lines().slice(-10) }, 'child process ended unexpectedly');
    timer = setTimeout(launch, waitMs);
    change({
      status: hasFailed ? 'failed' : 'waiting',
      restarts: state.restarts + 1,
      nextStartAt: clock.now() + waitMs,
      lastExit: reason,
    });
  };

  /** Ends the child, then whatever is left of what it started; a child that ends its own children in order is not disturbed. */
  const endFamily = async (current: Run | undefined, graceMs: number) => {
    const deadline = performance.now() + graceMs;
    // Taken before the first signal: once the child is gone its children have another parent.
    const roots = familyOf(marker, current?.identity ? [current.identity] : []);
    if (current?.process.pid !== undefined) await endGroup(current, current.process.pid, graceMs);
    await endAll(() => familyOf(marker, roots), Math.max(0, deadline - performance.now()));
  };

  const endGroup = async (current: Run, pid: number, graceMs: number) => {
    const hasEnded = () => current.process.exitCode !== null || current.process.signalCode !== null;
    if (hasEnded()) return;
    const isTold = graceMs > 0 && spec.isSandboxed === true && signalInside(pid, 'SIGTERM');
    if (!isTold) signalGroup(pid, graceMs === 0 ? 'SIGKILL' : 'SIGTERM');
    const kill = setTimeout(() => !hasEnded() && signalGroup(pid, 'SIGKILL'), graceMs);
    await current.ended;
    clearTimeout(kill);
    // Where there is no /proc, the rest of the group is all that can still be found.
    if (process.platform !== 'linux') signalGroup(pid, 'SIGKILL');
  };

  const stop = async () => {
    clearTimeout(timer);
    timer = undefined;
    const current = run;
    await endFamily(current, timing.graceMs);
    await current?.ended;
    quickEnds = 0;
    change({ status: 'stopped', restarts: state.restarts, ...lastExit() });
    if (current) log.info({}, 'child process stopped');
  };

  const leave = async () => {
    isWanted = false;
    isWantedAgain = false;
    clearTimeout(timer);
    timer = undefined;
    const current = run;
    const hasEnded = current && (current.process.exitCode !== null || current.process.signalCode !== null);
    if (current && !hasEnded) {
      current.process.kill('SIGKILL');
      await current.ended;
    }
    change({ status: 'stopped', restarts: state.restarts, ...lastExit() });
    return familyOf(marker, []).length;
  };

  const start = () => {
    if (!mayStart()) return;
    if (stopping) {
      isWantedAgain = true;
    } else if (!isWanted) {
      isWanted = true;
      launch();
    }
  };

  return {
    start,
    stop() {
      isWanted = false;
      isWantedAgain = false;
      stopping ??= stop().finally(() => {
        stopping = undefined;
        if (isWantedAgain) start();
      });
      return stopping;
    },
    leave,
    valuesBelow: (variable) => branchValues(marker, variable),
    state: () => ({ ...state, output: output.lines() }),
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

function startProblem(error: Error, spec: ChildSpec): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return `${spec.command} (or its working folder) does not exist`;
  if (code === 'EACCES') return `${spec.command} is not executable`;
  return error.message;
}
