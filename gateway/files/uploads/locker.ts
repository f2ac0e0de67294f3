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
/** A lease that ends within that is taken anew. */
const safetyMs = 2_000;

/** `until`: epoch milliseconds, when others may take it. */
type Lease = { holder: string; until: number };

/**
 * One writer for each upload, on however many gateways (decision 0036). Who comes last gets it: that is somebody who has noticed that the
 * line of the one before was cut.
 */
export function createLocker(parts: { store: Store; runs: Runs; clock: Clock; log: Log }): Locker {
  const { store, runs, clock, log } = parts;
  const { db } = store;
  /** Those of this gateway, which can be asked without waiting for the next renewal. */
  const held = new Map<string, RequestRelease>();
  /** Those it has let go of a moment ago: one request takes its lock several times, and the store is far away. */
  const resting = new Map<string, Lease & { timer: NodeJS.Timeout }>();

  function takeResting(id: string): Lease | undefined {
    const lease = resting.get(id);
    if (lease === undefined) return undefined;
    clearTimeout(lease.timer);
    resting.delete(id);
    // The event loop may have stood still for long enough that another gateway has it.
    return isSafe(lease) ? lease : undefined;
  }

  const isSafe = ({ until }: Lease): boolean => until - safetyMs > clock.now();

  function rest(id: string, lease: Lease): void {
    const timer = setTimeout(() => {
      resting.delete(id);
      // What is left over of this gateway is taken by the next one here, and elsewhere when its time is over.
      deleteLock(db, id, lease.holder).catch((error: unknown) =>
        log.warn({ err: error }, 'the lock of an upload is left over'),
      );
    }, restMs);
    resting.set(id, { ...lease, timer: timer.unref() });
  }

  function newLock(id: string): Lock {
    const own = { holder: newShortId(), run: runs.own };
    let until = 0;
    /** Somebody on another gateway waits for it, or has it already. */
    let isWanted = false;
    let renewing: Loop | undefined;

    function takeRested(): boolean {
      const lease = takeResting(id);
      if (lease === undefined) return false;
      ({ holder: own.holder, until } = lease);
      return true;
    }

    async function tryToTake(): Promise<boolean> {
      const expiresAt = clock.now() + leaseMs;
      until = expiresAt;
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
      const expiresAt = clock.now() + leaseMs;
      const state = await renewLock(db, id, own.holder, expiresAt);
      if (state !== undefined) until = expiresAt;
      if (state !== undefined && !state.isWanted) return;
      isWanted = true;
      await requestRelease();
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
        const lease = { holder: own.holder, until };
        if (isWanted || !isSafe(lease)) await deleteLock(db, id, own.holder);
        else rest(id, lease);
      },
    };
  }

  return { newLock };
}
