import { setTimeout } from 'node:timers/promises';

/** How long things of the connection take. Milliseconds. Tests take shorter ones. */
export type Pace = {
  /** The first pause after something failed is up to this long, each further one up to twice that of the one before. */
  firstPauseMs: number;
  mostPauseMs: number;
  /** A watch asks the API server to end it after a time between these. */
  watchMs: readonly [least: number, most: number];
  /** A watch that nothing was heard of for that long is dead. The API server tells each watch once a minute that it is there. */
  silenceMs: number;
  /** A watch that lived that long was a good one, though nothing happened. */
  goodMs: number;
};

export const usualPace: Pace = {
  firstPauseMs: 500,
  mostPauseMs: 30_000,
  watchMs: [240_000, 480_000],
  silenceMs: 150_000,
  goodMs: 5000,
};

/** How long to wait after so many failures in a row: by chance between nothing and a bound that doubles (full jitter). */
export const pauseAfter = (failures: number, pace: Pick<Pace, 'firstPauseMs' | 'mostPauseMs'>): number =>
  Math.random() * Math.min(pace.mostPauseMs, pace.firstPauseMs * 2 ** (Math.max(1, failures) - 1));

/** Resolves after a while, or at once when `signal` is aborted. What only follows (`isBackground`) keeps no process alive. */
export async function pause(ms: number, signal: AbortSignal | undefined, { isBackground = false } = {}): Promise<void> {
  await setTimeout(ms, undefined, { ref: !isBackground, ...(signal && { signal }) }).catch(() => undefined);
}
