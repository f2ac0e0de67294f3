import { type Log, systemTimers, type Timers } from '../../lib/index.ts';
import { type Area, keyOf } from '../walk/areas.ts';

const settledMs = 5_000;
/** Of one processor, for counting one area again and again. */
const shareOfTime = 0.01;
/** What takes longer waits for the count of each hour. */
const mostMs = 500;

export type Recount = {
  /** Counts when nothing has been seen for a while, if that is cheap. */
  soon(area: Area): void;
  close(): Promise<void>;
};

/** What others write into an area is in no act: it is counted when a folder that somebody looks at has come to rest. */
export function createRecount(parts: {
  count(area: Area): Promise<void>;
  onCounted(area: Area): void;
  log: Log;
  timers?: Timers;
}): Recount {
  const { count, onCounted, log, timers = systemTimers } = parts;
  /** Ways to call it off. */
  const waiting = new Map<string, () => void>();
  const last = new Map<string, { tookMs: number; endedAt: number }>();
  let counting: Promise<void> = Promise.resolve();

  async function countOne(area: Area): Promise<void> {
    const startedAt = performance.now();
    try {
      await count(area);
      onCounted(area);
    } catch (error) {
      log.warn({ err: error, area: keyOf(area) }, 'counting an area failed');
    }
    const endedAt = performance.now();
    last.delete(keyOf(area));
    last.set(keyOf(area), { tookMs: endedAt - startedAt, endedAt });
    if (last.size > 10_000) last.delete(last.keys().next().value!);
  }

  return {
    soon(area) {
      const key = keyOf(area);
      const { tookMs, endedAt } = last.get(key) ?? { tookMs: 0, endedAt: -Infinity };
      const restMs = tookMs > mostMs ? 3600_000 : tookMs / shareOfTime;
      const waitMs = Math.max(settledMs, endedAt + restMs - performance.now());
      waiting.get(key)?.();
      const begin = () => {
        waiting.delete(key);
        // One area after the other.
        counting = counting.then(() => countOne(area));
      };
      waiting.set(key, timers.after(waitMs, begin));
    },
    async close() {
      for (const callOff of waiting.values()) callOff();
      await counting;
    },
  };
}
