import { type Clock, type Log, within } from '../lib/index.ts';

export type Readiness = {
  /** Whether requests should be sent here: the store answers, policies are loaded, and it is not shutting down. */
  isReady(): Promise<boolean>;
  /** From now on it is not ready, so that load balancers turn away before connections are closed. */
  drain(): void;
};

const keptMs = 1000;
const patienceMs = 2000;

/** The answer is kept for a second: the question is open to everyone and must not become load on the store. */
export function createReadiness(options: {
  ping: () => Promise<unknown>;
  isPolicyLoaded: () => boolean;
  clock: Clock;
  log: Log;
}): Readiness {
  const { ping, isPolicyLoaded, clock, log } = options;
  let isDraining = false;
  let kept: { at: number; answer: Promise<boolean> } | undefined;

  async function ask(): Promise<boolean> {
    try {
      await within(patienceMs, ping(), 'the store');
      return true;
    } catch (error) {
      log.warn({ err: error }, 'not ready: the store does not answer, or is not where it was');
      return false;
    }
  }

  return {
    async isReady() {
      if (isDraining || !isPolicyLoaded()) return false;
      const now = clock.now();
      if (kept === undefined || now - kept.at >= keptMs || now < kept.at) kept = { at: now, answer: ask() };
      // It may have begun to drain while the store was asked.
      return (await kept.answer) && !isDraining;
    },
    drain() {
      isDraining = true;
    },
  };
}
