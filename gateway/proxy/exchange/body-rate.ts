/**
 * The least rate at which a request body must arrive: averaged over one window, after a grace of one more. Against clients that
 * send a byte now and then to hold a request open for as long as they like (slow POST).
 */
export type BodyRate = {
  /** `bytes` is what arrived so far. `isHeldUp`: what arrived waits for the upstream, so the client is not to blame. */
  isTooSlow(now: number, bytes: number, isHeldUp: boolean): boolean;
};

export function createBodyRate(
  startedAt: number,
  { bodyBytesPerSecond, bodyRateMs }: { bodyBytesPerSecond: number; bodyRateMs: number },
): BodyRate {
  const leastBytes = (bodyBytesPerSecond * bodyRateMs) / 1000;
  let windowAt = startedAt + bodyRateMs;
  let windowBytes: number | undefined;

  return {
    isTooSlow(now, bytes, isHeldUp) {
      if (isHeldUp) {
        windowAt = now;
        windowBytes = bytes;
        return false;
      }
      if (now < windowAt) return false;
      windowBytes ??= bytes;
      if (now < windowAt + bodyRateMs) return false;
      const arrived = bytes - windowBytes;
      windowAt = now;
      windowBytes = bytes;
      return arrived < leastBytes;
    },
  };
}
