import type { Log } from '../lib/index.ts';

export type Queue = {
  /** Works at a key soon: never twice at once, and once more when it is added meanwhile. */
  add(key: string): void;
  /** Resolves when nothing is worked at or waits for its turn. What is to be looked at later does not count. */
  idle(): Promise<void>;
  close(): Promise<void>;
};

/** Keys that are worked at, so many at once. `work` says in how many milliseconds its key is to be worked at again, if at all. */
export function createQueue(
  work: (key: string) => Promise<number | undefined>,
  { atOnce, log }: { atOnce: number; log: Log },
): Queue {
  const waiting = new Set<string>();
  const running = new Map<string, Promise<void>>();
  const later = new Map<string, NodeJS.Timeout>();
  const failures = new Map<string, number>();
  let isClosed = false;
  let whenIdle: (() => void)[] = [];

  function next(): void {
    for (const key of waiting) {
      if (isClosed || running.size >= atOnce) break;
      if (running.has(key)) continue;
      waiting.delete(key);
      running.set(
        key,
        run(key).finally(() => {
          running.delete(key);
          next();
        }),
      );
    }
    if (waiting.size > 0 || running.size > 0) return;
    for (const tell of whenIdle) tell();
    whenIdle = [];
  }

  async function run(key: string): Promise<void> {
    try {
      const againInMs = await work(key);
      failures.delete(key);
      if (againInMs !== undefined) addLater(key, againInMs);
    } catch (error) {
      log.error({ err: error, owner: key }, 'the place of an owner could not be looked at');
      const count = (failures.get(key) ?? 0) + 1;
      failures.set(key, count);
      addLater(key, Math.min(60_000, 1000 * 2 ** count));
    }
  }

  function addLater(key: string, ms: number): void {
    if (isClosed) return;
    clearTimeout(later.get(key));
    later.set(key, setTimeout(() => add(key), Math.min(ms, longestMs)).unref());
  }

  function add(key: string): void {
    if (isClosed) return;
    clearTimeout(later.get(key));
    later.delete(key);
    waiting.add(key);
    next();
  }

  return {
    add,
    idle: () =>
      waiting.size + running.size === 0 ? Promise.resolve() : new Promise((resolve) => whenIdle.push(resolve)),
    async close() {
      isClosed = true;
      waiting.clear();
      for (const timer of later.values()) clearTimeout(timer);
      await Promise.all(running.values());
    },
  };
}

const longestMs = 3_600_000;
