import { knotError } from '../lib/index.ts';

export type HashPlaces = {
  /**
   * Takes a place; what is returned gives it back, once.
   * @throws KNOT_ACCOUNTS_BUSY when all are taken; `retry-after` says when one is likely to be free for this caller
   */
  take(): () => void;
  /** Takes none, only tells in advance. @throws KNOT_ACCOUNTS_BUSY */
  expectRoom(): void;
  /** How long a hash took, in milliseconds, for what is told to those who are refused. */
  note(milliseconds: number): void;
};

/** Nobody is asked to wait for longer, in seconds: what is measured now says little about later. */
const longestWait = 60;
/** Before anything was measured, in milliseconds. */
const firstGuess = 50;
/** Of the newest measurement in the average. */
const weight = 0.1;

/**
 * Bounds how many wait for a hash: beyond it callers are refused at once instead of waiting for longer than a browser does. Each one that
 * is refused is told a later time than the one before, so that a thousand at once come back one after the other, when there is room,
 * and not all together after two seconds, again and again, where refusing them would be most of the work.
 *
 * @param atOnce how many are hashed at the same time
 */
export function createHashPlaces(
  most: number,
  atOnce: number,
  now: () => number = () => performance.now(),
): HashPlaces {
  let taken = 0;
  let averageMs = firstGuess;
  /** The time promised to the one who was refused last. */
  let promised = 0;

  function busy(): Error {
    const each = averageMs / atOnce;
    promised = Math.max(promised, now() + taken * each) + each;
    const seconds = Math.min(longestWait, Math.max(1, Math.ceil((promised - now()) / 1000)));
    promised = Math.min(promised, now() + longestWait * 1000);
    return knotError('KNOT_ACCOUNTS_BUSY', 503, 'Too many people are signing in at this moment.', {
      remedy: `Try again in ${seconds === 1 ? 'a second' : `${seconds} seconds`}.`,
      headers: { 'retry-after': String(seconds) },
    });
  }

  function expectRoom(): void {
    if (taken >= most) throw busy();
  }

  return {
    expectRoom,
    take() {
      expectRoom();
      taken += 1;
      return () => void (taken -= 1);
    },
    note: (milliseconds) => void (averageMs += weight * (milliseconds - averageMs)),
  };
}
