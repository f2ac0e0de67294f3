import { LRUCache } from 'lru-cache';
import { type Clock, knotError, networkOf } from '../lib/index.ts';

/** Well-formed secrets of nobody that one network may show in a minute. */
const mostGuesses = 20;
const windowMs = 60_000;
const mostNetworks = 10_000;

/**
 * Bounds what inventing tokens costs the store. Nobody guesses one of 2^214; but a right checksum is easily made, and each try would
 * be a read. In memory, because nothing is gained by trying at another replica as well.
 */
export function createGuesses(clock: Clock): { check(address: string): void; note(address: string): void } {
  const counts = new LRUCache<string, { since: number; count: number }>({ max: mostNetworks });

  function current(address: string): { since: number; count: number } | undefined {
    const counted = counts.get(networkOf(address));
    return counted && Math.abs(clock.now() - counted.since) < windowMs ? counted : undefined;
  }

  return {
    check(address) {
      const counted = current(address);
      if (!counted || counted.count < mostGuesses) return;
      const seconds = Math.max(1, Math.ceil((counted.since + windowMs - clock.now()) / 1000));
      throw knotError('KNOT_TOKENS_TOO_OFTEN', 429, 'Too many tokens that do not exist came from this network.', {
        remedy: `Check the token, and try again in ${seconds} s.`,
        headers: { 'retry-after': String(seconds) },
      });
    },
    note(address) {
      const counted = current(address);
      if (counted) counted.count += 1;
      else counts.set(networkOf(address), { since: clock.now(), count: 1 });
    },
  };
}
