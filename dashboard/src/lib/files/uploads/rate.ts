/** How fast it goes, over the last seconds: what was a minute ago says nothing of the time that is left. */
const windowMilliseconds = 8000;
/** Before that, a number would only be noise. */
const leastMilliseconds = 1000;

export type Rate = {
  /** The bytes that are there in all, at a moment (milliseconds). Fewer than before: something was sent anew. */
  note(bytes: number, now: number): void;
  /** Bytes a second; undefined while nobody can say. */
  perSecond(now: number): number | undefined;
  reset(): void;
};

export function createRate(): Rate {
  let samples: { bytes: number; at: number }[] = [];
  return {
    note(bytes, now) {
      const last = samples.at(-1);
      if (last && bytes < last.bytes) samples = [];
      samples.push({ bytes, at: now });
      // The oldest one is the last that lies before the window.
      while (samples.length > 2 && samples[1]!.at < now - windowMilliseconds) samples.shift();
    },
    perSecond(now) {
      const [first] = samples;
      const last = samples.at(-1);
      if (!first || !last || now - first.at < leastMilliseconds) return undefined;
      return Math.max(0, ((last.bytes - first.bytes) / (now - first.at)) * 1000);
    },
    reset() {
      samples = [];
    },
  };
}
