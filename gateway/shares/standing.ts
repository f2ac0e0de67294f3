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
  end(share: Share): Promise<unknown>;
  remember(share: Share, mark: string | null): Promise<unknown>;
  log: Log;
}) {
  const { shares, end, remember, log } = parts;
  const noted = new Set<string>();
  let lookAt: LookAtThing | undefined;

  /** Whoever asks does not wait for it. */
  function note({ id }: Share, work: () => Promise<unknown>): void {
    if (noted.has(id)) return;
    noted.add(id);
    Promise.resolve()
      .then(work)
      .catch((error: unknown) =>
        log.error({ err: error, share: id }, 'what stands where something is shared was not noted'),
      )
      .finally(() => noted.delete(id));
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
