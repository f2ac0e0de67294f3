import { setTimeout as delay } from 'node:timers/promises';
import { ERRORS, type Lock, type Locker, type RequestRelease } from '@tus/server';
import { type Clock, every, type Log, type Loop, newShortId } from '../../lib/index.ts';
import type { Store } from '../../store/index.ts';
import type { Runs } from '../act/runs.ts';
import { refusal } from './refusals.ts';
import { deleteLock, findLock, insertLock, renewLock, takeLock, wantLock } from './lock-records.ts';

const leaseMs = 10_000;
const renewMs = 2_000;
const askAgainMs = 100;
/** Less than somebody on another gateway notices. */
const restMs = 100;

/**
 * One writer for each upload, on however many gateways (decision 0036). Who comes last gets it: that is somebody who has noticed that the
 * line of the one before was cut.
 */
export function createLocker(parts: { store: Store; runs: Runs; clock: Clock; log: Log }): Locker {
  const { store, runs, clock, log } = parts;
  const { db } = store;
  /** Those of this gateway, which can be asked without waiting for the next renewal. */
  const held = new Map<string, RequestRelease>();
  /** Those it has let go of a moment ago, with their holders: one request takes its lock several times, and the store is far away. */
  const resting = new Map<string, { holder: string; timer: NodeJS.Timeout }>();

  function takeResting(id: string): string | undefined {
    const rest = resting.get(id);
    if (rest === undefined) return undefined;
    clearTimeout(rest.timer);
    resting.delete(id);
    return rest.holder;
  }

  function rest(id: string, holder: string): void {
    const timer = setTimeout(() => {
      resting.delete(id);
      // What is left over of this gateway is taken by the next one here, and elsewhere when its time is over.
      deleteLock(db, id, holder).catch((error: unknown) =>
        log.warn({ err: error }, 'the lock of an upload is left over'),
      );
    }, restMs);
    resting.set(id, { holder, timer: timer.unref() });
  }

  function newLock(id: string): Lock {
    const own = { holder: newShortId(), run: runs.own };
    let renewing: Loop | undefined;

    function takeRested(): boolean {
      const holder = takeResting(id);
      if (holder !== undefined) own.holder = holder;
      return holder !== undefined;
    }

    async function tryToTake(): Promise<boolean> {
      const expiresAt = clock.now() + leaseMs;
      if (await insertLock(db, id, own, expiresAt)) return true;
      const present = await findLock(db, id);
      if (present === undefined) return false;
      const isOwnLeftOver = present.run === runs.own && !held.has(id) && !resting.has(id);
      const isLost = present.expires_at < clock.now() || runs.isGone(present.run) || isOwnLeftOver;
      if (isLost) return takeLock(db, present, own, expiresAt);
      const askRelease = held.get(id);
      if (askRelease) void askRelease();
      else await wantLock(db, id, present.holder);
      return false;
    }

    async function renew(requestRelease: RequestRelease): Promise<void> {
      const state = await renewLock(db, id, own.holder, clock.now() + leaseMs);
      if (state === undefined || state.isWanted) await requestRelease();
    }

    return {
      async lock(signal, requestRelease) {
        while (!takeRested() && !(await tryToTake())) {
          if (signal.aborted) throw refusal(ERRORS.ERR_LOCK_TIMEOUT);
          await delay(askAgainMs);
        }
        held.set(id, requestRelease);
        const complaint = 'the lock of an upload could not be renewed';
        renewing = every(renewMs, () => renew(requestRelease), { log, complaint });
      },
      async unlock() {
        void renewing?.stop();
        held.delete(id);
        rest(id, own.holder);
      },
    };
  }

  return { newLock };
}
