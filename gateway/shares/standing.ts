import { setImmediate as turn } from 'node:timers/promises';
import { every, type Log, type Standing } from '../lib/index.ts';
import type { Share } from './share.ts';

/** What stands where something is shared beside what was shared; its mark is kept as `Share.mark`. */
export type LookAtThing = (share: Share) => Standing;

/** Who changes files past Knot tells nobody. */
const sweepMs = 60_000;
const sharesPerTurn = 100;

/**
 * A share is of a thing and not of whatever comes to lie at its path (decision 0051). Looked at whenever a share would let somebody in, and
 * every minute, because what was gone in between shows only then.
 */
export function createStanding(parts: {
  shares(): Share[];
  find(id: string): Share | undefined;
  end(share: Share): Promise<unknown>;
  remember(share: Share, mark: string | null): Promise<unknown>;
  log: Log;
}) {
  const { shares, find, end, remember, log } = parts;
  /** The shares of which something is being noted, each with how it was when it was looked at meanwhile. */
  const noted = new Map<string, Share | undefined>();
  let lookAt: LookAtThing | undefined;

  /** Whoever asks does not wait for it. One thing at a time of each share; what comes meanwhile is judged anew after it. */
  function note(share: Share, work: () => Promise<unknown>): void {
    const { id } = share;
    if (noted.has(id)) return void noted.set(id, share);
    noted.set(id, undefined);
    Promise.resolve()
      .then(work)
      .finally(() => {
        const seen = noted.get(id);
        noted.delete(id);
        // While it is read anew it is not found.
        if (seen) isThere(find(id) ?? seen);
      })
      .catch((error: unknown) =>
        log.error({ err: error, share: id }, 'what stands where something is shared was not noted'),
      );
  }

  function isThere(share: Share): boolean {
    if (lookAt === undefined || share.thing.kind !== 'files') return true;
    const { state, mark } = lookAt(share);
    if (state === 'other') note(share, () => end(share));
    else if (mark !== share.mark) note(share, () => remember(share, mark));
    return state === 'same';
  }

  const loop = every(
    sweepMs,
    async () => {
      for (const [index, share] of shares().entries()) {
        if (index % sharesPerTurn === 0) await turn();
        isThere(share);
      }
    },
    { log, jitter: 0.2, complaint: 'looking at what is shared failed' },
  );

  return {
    lookBy(look: LookAtThing): void {
      lookAt = look;
    },
    /** Of something that is being shared. */
    markOf: (share: Share): string | null =>
      lookAt === undefined || share.thing.kind !== 'files' ? null : lookAt(share).mark,
    isThere,
    stop: () => loop.stop(),
  };
}
