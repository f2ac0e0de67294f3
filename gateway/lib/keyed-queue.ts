import { every, type Loop, systemTimers, type Timers } from './every.ts';
import type { Log } from './log.ts';

export type KeyedQueue = {
  /**
   * Works on this soon: at once, after what is under way for the same key, or when there is room. One that failed is tried again at once
   * when it is added, yet not in a circle: the first pause stays.
   */
  add(key: string): void;
  /** Nothing that fails waits or is tried for it any more. */
  forget(key: string): void;
  /** How many are under way or wait. */
  size(): number;
  /** Resolves when nothing is under way and nothing waits but for a pause or a later look. */
  idle(): Promise<void>;
  /** Nothing begins any more; resolves when what is under way is over. */
  stop(): Promise<void>;
};

export type KeyedQueueOptions = {
  /**
   * Brings one to what it should be. What it throws is logged and tried again after a pause; a number means: look again in so many
   * milliseconds.
   */
  work(key: string): Promise<number | void>;
  log: Pick<Log, 'error'>;
  /** What the log says when work fails. */
  complaint: string;
  /** How many are worked on at once; no bound by default. */
  atOnce?: number;
  /** Up to how long to wait after the first failure of a key in a row, and at most. Without, nothing is tried again by itself. */
  pauses?: { firstMs: number; mostMs: number };
  /** All there is, looked at again and again: what was missed is found. */
  resync?: { ms: number; keys(): Iterable<string> | Promise<Iterable<string>> };
  timers?: Timers;
};

type Pausing = { until: number; callOff: () => void };

/**
 * Work on things by their keys: each key one at a time, again when it was added meanwhile (however often: once), keys in the order they
 * were added. Failures of one key hold up no other.
 */
export function createKeyedQueue(options: KeyedQueueOptions): KeyedQueue {
  const { work, log, complaint, atOnce = Infinity, pauses, resync, timers = systemTimers } = options;
  const waiting = new Set<string>();
  /** Those under way, and whether to look again afterwards. */
  const busy = new Map<string, { again: boolean; done: Promise<void> }>();
  const pausing = new Map<string, Pausing>();
  const failures = new Map<string, number>();
  let idlers: (() => void)[] = [];
  let isStopped = false;
  const loop: Loop | undefined =
    resync &&
    every(
      resync.ms,
      async () => {
        for (const key of await resync.keys()) add(key);
      },
      { log, complaint, jitter: 0.1, timers },
    );

  function add(key: string): void {
    if (isStopped) return;
    const now = busy.get(key);
    if (now !== undefined) {
      now.again = true;
      return;
    }
    const paused = pausing.get(key);
    if (paused !== undefined && failures.has(key)) return hurry(key, paused);
    endPause(key);
    waiting.add(key);
    next();
  }

  /** What failed and was added does not wait as long as it would, but as long as after a first failure. */
  function hurry(key: string, { until }: Pausing): void {
    const soon = performance.now() + Math.random() * pauses!.firstMs;
    if (soon < until) later(key, soon - performance.now());
  }

  function later(key: string, ms: number): void {
    endPause(key);
    const callOff = timers.after(ms, () => {
      pausing.delete(key);
      if (isStopped) return;
      waiting.add(key);
      next();
    });
    pausing.set(key, { until: performance.now() + ms, callOff });
  }

  function endPause(key: string): void {
    pausing.get(key)?.callOff();
    pausing.delete(key);
  }

  function next(): void {
    for (const key of waiting) {
      if (isStopped || busy.size >= atOnce) break;
      waiting.delete(key);
      const entry = { again: false, done: Promise.resolve() };
      busy.set(key, entry);
      entry.done = run(key, entry);
    }
    if (busy.size > 0 || waiting.size > 0) return;
    for (const resolve of idlers) resolve();
    idlers = [];
  }

  async function run(key: string, entry: { again: boolean }): Promise<void> {
    let pauseMs: number | undefined;
    try {
      pauseMs = (await work(key)) ?? undefined;
      failures.delete(key);
    } catch (error) {
      log.error({ err: error, key }, complaint);
      if (pauses !== undefined) {
        const count = (failures.get(key) ?? 0) + 1;
        failures.set(key, count);
        pauseMs = Math.random() * Math.min(pauses.mostMs, pauses.firstMs * 2 ** (count - 1));
      }
    }
    busy.delete(key);
    if (pauseMs !== undefined && !isStopped) later(key, pauseMs);
    if (entry.again) add(key);
    next();
  }

  return {
    add,
    forget(key) {
      waiting.delete(key);
      failures.delete(key);
      endPause(key);
    },
    size: () => busy.size + waiting.size,
    async idle() {
      if (busy.size > 0 || waiting.size > 0) await new Promise<void>((resolve) => idlers.push(resolve));
    },
    async stop() {
      isStopped = true;
      waiting.clear();
      for (const key of [...pausing.keys()]) endPause(key);
      await loop?.stop();
      await Promise.all([...busy.values()].map(({ done }) => done));
    },
  };
}
