import { knotError } from '../lib/index.ts';

/** Who may have a transaction open on the one connection to a file, one after another. */
export type Turns = {
  /** Waits for its turn, no longer than until `deadline` (`performance.now()`). @throws KNOT_STORE_BUSY */
  take(deadline: number): Promise<void>;
  give(): void;
};

/** More than these would wait for longer than anybody waits for an answer. */
const mostWaiting = 1_000;

/**
 * First come, first served; bounded in number and time, so that a burst ends in "not now" and not in a pile. Who waited starts in a turn of the
 * event loop of its own: what SQLite does is done when a promise of it is awaited, so that a hundred in a row would be one long turn, in which
 * nothing is forwarded.
 */
export function createTurns(): Turns {
  const waiting = new Set<() => void>();
  let isTaken = false;

  return {
    take(deadline) {
      if (!isTaken) {
        isTaken = true;
        return Promise.resolve();
      }
      if (waiting.size >= mostWaiting) return Promise.reject(busy());
      return new Promise((resolve, reject) => {
        const timer = setTimeout(
          () => {
            waiting.delete(start);
            reject(busy());
          },
          Math.max(0, deadline - performance.now()),
        );
        const start = (): void => {
          clearTimeout(timer);
          setImmediate(resolve);
        };
        waiting.add(start);
      });
    },
    give() {
      const [next] = waiting;
      if (next === undefined) {
        isTaken = false;
        return;
      }
      // The one that finishes hands its turn over, so `isTaken` stays as it is.
      waiting.delete(next);
      next();
    },
  };
}

/** Also thrown where a pool of connections is used up. */
export function busy(): Error {
  return knotError('KNOT_STORE_BUSY', 503, 'Too many requests wait for the database.', {
    remedy: 'Try again in a few seconds.',
    headers: { 'retry-after': '2' },
  });
}
