import type { Clock } from '../lib/index.ts';

/** How the clock of this gateway goes beside that of the API server. */
export type Skew = {
  /** Notes when an answer says it was made (`Date`, RFC 9110 section 6.6.1: whole seconds). */
  note(date: string | string[] | undefined): void;
  /** Milliseconds that this clock is ahead; negative where it is behind; 0 where they agree as far as can be told. */
  aheadMs(): number;
};

/** What seconds, the way, and a busy process leave in doubt. */
const doubtMs = 2_000;
/** What was found holds so long against what is further off: an answer that waited to be read says too much. */
const holdsMs = 60_000;

export function watchSkew(clock: Clock): Skew {
  let found: { aheadMs: number; at: number } | undefined;
  return {
    note(date) {
      const said = typeof date === 'string' ? Date.parse(date) : NaN;
      if (Number.isNaN(said)) return;
      const at = clock.now();
      const aheadMs = at - said;
      const isBetter = found === undefined || Math.abs(aheadMs) <= Math.abs(found.aheadMs);
      // A clock that was set takes what was found with it.
      if (isBetter || Math.abs(at - found!.at) >= holdsMs) found = { aheadMs, at };
    },
    aheadMs: () => (found === undefined || Math.abs(found.aheadMs) <= doubtMs ? 0 : found.aheadMs),
  };
}
