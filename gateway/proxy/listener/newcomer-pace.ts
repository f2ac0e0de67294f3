import { performance } from 'node:perf_hooks';

/** When the next handshake of those that wait may begin. */
export type NewcomerPace = {
  /** A request came on a connection that was served before. On the hot path. */
  noteUse(): void;
  /** Whether one may begin now. Without anybody in use, always. */
  mayBegin(waiting: number): boolean;
  /** One has begun. */
  begun(): void;
};

/** Milliseconds; the defaults read the event loop of this process. */
export type LoopTimes = { now(): number; idle(): number };

const loopTimes: LoopTimes = {
  now: () => performance.now(),
  idle: () => performance.eventLoopUtilization().idle,
};

/** How long a connection counts as in use after a request. */
const inUseMs = 250;
/**
 * So long the event loop must have had nothing to do since the last one began. A newcomer costs it two to three milliseconds (handshake and
 * first request), so that newcomers take about half of it and a request of somebody else meets one of them in a turn, not thirty.
 */
const restMs = 3;
/** From so many on who wait, rests are shorter: nobody should wait for ever either. */
const manyWaiting = 1_000;
/** A loop that never rests, because those in use keep it busy, lets one begin after this time. */
const longestMs = 10;

/** Lets newcomers in as fast as the event loop can take them, and only in what time is left while others are at work. */
export function createNewcomerPace({ now, idle }: LoopTimes = loopTimes): NewcomerPace {
  let isUsed = false;
  let usedAt = -Infinity;
  let begunAt = -Infinity;
  let idleAtBegin = 0;
  return {
    noteUse() {
      isUsed = true;
    },
    mayBegin(waiting) {
      const present = now();
      if (isUsed) usedAt = present;
      isUsed = false;
      if (present - usedAt > inUseMs) return true;
      const share = Math.min(1, manyWaiting / waiting);
      return present - begunAt >= longestMs * share || idle() - idleAtBegin >= restMs * share;
    },
    begun() {
      begunAt = now();
      idleAtBegin = idle();
    },
  };
}
