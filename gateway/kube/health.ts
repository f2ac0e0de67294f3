import { type Clock, type ComponentHealth, KnotError } from '../lib/index.ts';
import type { CacheHealth } from './cache.ts';
import { isKubeFault } from './faults.ts';

/** Whether the API server answers, whatever it says. */
export type Reach = {
  /** Notes how a request went. */
  note<T>(act: Promise<T>): Promise<T>;
  /** Since when it does not answer (ms since the epoch). */
  silentSince(): number | undefined;
};

export function watchReach(clock: Clock): Reach {
  let since: number | undefined;
  return {
    async note(act) {
      try {
        const done = await act;
        since = undefined;
        return done;
      } catch (error) {
        if (isKubeFault(error, 'KNOT_KUBE_UNREACHABLE')) since ??= clock.now();
        throw error;
      }
    },
    silentSince: () => since,
  };
}

/** Tokens live for minutes. */
const noticeableMs = 30_000;
/** Nobody is troubled with what is over by then. */
const troublesomeMs = 10_000;

/** The cluster as the page of health shows it: no address, nothing of what is in it. */
export function healthOf(
  caches: readonly CacheHealth[],
  { now, silentSince, aheadMs }: { now: number; silentSince: number | undefined; aheadMs: number },
): ComponentHealth {
  const name = 'cluster';
  const oldest = Math.max(0, ...caches.map(({ ageMs }) => ageMs));
  const age = caches.length === 0 ? '' : ` What is known of it is up to ${spanOf(oldest)} old.`;
  if (silentSince !== undefined && now - silentSince >= troublesomeMs) {
    return {
      ...{ name, status: 'failed', message: `The cluster has not answered for ${spanOf(now - silentSince)}.${age}` },
      remedy: 'See that its API server runs and that the gateway reaches it. The log of the gateway holds the cause.',
    };
  }
  const troubled = caches.filter(({ troubledMs = 0 }) => troubledMs >= troublesomeMs);
  if (troubled.length > 0) {
    const error = troubled.find(({ lastFault }) => lastFault)?.lastFault?.error;
    const why = error instanceof KnotError ? ` ${error.message}` : '';
    return {
      ...{ name, status: troubled.some(({ isSynced }) => !isSynced) ? 'failed' : 'warning' },
      message: `What happens to these is not seen: ${troubled.map(({ kind }) => kind).join(', ')}.${why}${age}`,
      remedy:
        'Compare the ClusterRole knot-gateway with the chart. The log of the gateway holds what the cluster said.',
    };
  }
  if (Math.abs(aheadMs) >= noticeableMs) {
    const how = `${spanOf(Math.abs(aheadMs))} ${aheadMs > 0 ? 'ahead of' : 'behind'}`;
    return {
      ...{ name, status: 'warning' },
      message: `The clock of this gateway is ${how} that of the cluster. What is good for a time only (tokens, certificates) may be refused, and times are told wrong.`,
      remedy: 'Let both machines set their clocks by themselves (NTP), and see which of them is wrong.',
    };
  }
  const objects = caches.reduce((sum, cache) => sum + cache.objects, 0);
  const message = `It answers. Objects that are followed: ${objects}.`;
  return { name, status: 'ok', message: caches.length === 0 ? 'It answers.' : message };
}

function spanOf(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  const hours = Math.round(seconds / 3600);
  return hours < 72 ? `${hours} h` : `${Math.round(hours / 24)} days`;
}
