import { LRUCache } from 'lru-cache';
import { type Clock, networkOf } from '../lib/index.ts';

const mostNetworks = 10_000;

export type Guesses = {
  /** How many seconds a network has to wait; undefined while it may go on. */
  waitOf(address: string): number | undefined;
  /** One was wrong. */
  note(address: string): void;
};

/**
 * Counts what one network invents: secrets of nobody, in `windowMs`. In memory, because nobody guesses what is counted here and
 * only the cost of looking is to be bounded; nothing is gained by trying at another replica as well.
 */
export function createGuesses(clock: Clock, { most, windowMs }: { most: number; windowMs: number }): Guesses {
  const counts = new LRUCache<string, { since: number; count: number }>({ max: mostNetworks });

  function current(address: string): { since: number; count: number } | undefined {
    const counted = counts.get(networkOf(address));
    return counted && Math.abs(clock.now() - counted.since) < windowMs ? counted : undefined;
  }

  return {
    waitOf(address) {
      const counted = current(address);
      if (!counted || counted.count < most) return undefined;
      return Math.max(1, Math.ceil((counted.since + windowMs - clock.now()) / 1000));
    },
    note(address) {
      const counted = current(address);
      if (counted) counted.count += 1;
      else counts.set(networkOf(address), { since: clock.now(), count: 1 });
    },
  };
}
