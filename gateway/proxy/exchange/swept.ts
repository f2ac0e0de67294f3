import { every, type Log } from '../../lib/index.ts';

/** Everything of one kind that is not over. One timer looks at all of it, so that none needs a timer of its own. */
export type Swept<T> = {
  readonly size: number;
  add(one: T): void;
  delete(one: T): void;
  [Symbol.iterator](): Iterator<T>;
  /** Ends the looking, for the end of the process. */
  close(): void;
};

/** `tick` is called about every `everyMs`, with the time as `performance.now()` has it. */
export function createSwept<T extends { tick(now: number): void }>(everyMs: number, log: Log): Swept<T> {
  const all = new Set<T>();
  const sweeping = every(everyMs, sweep, { log, complaint: 'looking at what is open failed' });

  function sweep(): void {
    if (all.size === 0) return;
    const now = performance.now();
    for (const one of all) one.tick(now);
  }

  return {
    get size() {
      return all.size;
    },
    add: (one) => void all.add(one),
    delete: (one) => void all.delete(one),
    [Symbol.iterator]: () => all.values(),
    close: () => void sweeping.stop(),
  };
}
