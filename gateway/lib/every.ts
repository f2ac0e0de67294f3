import type { Log } from './log.ts';

/** The part of time that waits, as a dependency: tests move one by hand. `after` returns the way to call it off. */
export type Timers = { after(ms: number, call: () => void): () => void };

/** Timers of this process. None of them keeps it alive. */
export const systemTimers: Timers = {
  after(ms, call) {
    const timer = setTimeout(call, ms).unref();
    return () => clearTimeout(timer);
  },
};

export type Loop = {
  /** No run begins any more, from now on; resolves when the one under way (if any) is over. */
  stop(): Promise<void>;
};

export type LoopOptions = {
  log: Pick<Log, 'error'>;
  /** What the log says when a run fails; the next run comes all the same. */
  complaint: string;
  /**
   * Share of `ms` by which each pause is longer or shorter, by chance (0.1: up to a tenth), so that replicas that were started
   * together do not do the same work at the same moment. Default 0.
   */
  jitter?: number;
  timers?: Timers;
};

/**
 * Does `work` again and again in the background, the first time after `ms`. The pause begins when a run is over, so that no two
 * runs overlap, however long one takes. A loop does not keep the process alive.
 */
export function every(
  ms: number,
  work: () => unknown,
  { log, complaint, jitter = 0, timers = systemTimers }: LoopOptions,
): Loop {
  let isStopped = false;
  let running: Promise<void> | undefined;
  let callOff = pause();

  function pause(): () => void {
    return timers.after(ms * (1 + jitter * (2 * Math.random() - 1)), () => void (running = run()));
  }

  async function run(): Promise<void> {
    try {
      await work();
    } catch (error) {
      log.error({ err: error }, complaint);
    }
    running = undefined;
    if (!isStopped) callOff = pause();
  }

  return {
    async stop() {
      isStopped = true;
      callOff();
      await running;
    },
  };
}
