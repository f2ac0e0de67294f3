/** What says how long a service may be left alone, and since when it is. Times in milliseconds. */
export type Left = {
  /** 0: for ever. */
  idleSeconds: number;
  readySince: number;
  lastUsedAt: number | undefined;
  keptUntil: number | undefined;
};

/** The smallest of those that are set; 0, which is for ever, when none is. */
export function smallestIdle(...limits: readonly (number | undefined)[]): number {
  const set = limits.filter((limit): limit is number => limit !== undefined && limit > 0);
  return set.length === 0 ? 0 : Math.min(...set);
}

/** One that was started again, because the gateway was, is looked for by its people. */
const graceMs = 300_000;

/**
 * When a service that answers is to sleep if nobody uses it before; undefined for never. Counted from its last use, of which coming up is
 * one; after a restart of the gateway that goes on, but nothing sleeps as soon as it is up.
 */
export function sleepsAt({ idleSeconds, readySince, lastUsedAt, keptUntil }: Left): number | undefined {
  if (idleSeconds === 0) return undefined;
  const idleMs = idleSeconds * 1000;
  const left = lastUsedAt ?? readySince;
  return Math.max(left + idleMs, readySince + Math.min(idleMs, graceMs), keptUntil ?? 0);
}
