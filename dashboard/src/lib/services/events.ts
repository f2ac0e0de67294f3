/** The life of a service as its page tells it. */
import type { ServiceEvents } from '#lib/contract.ts';

type Event = ServiceEvents['events'][number];

/** Steps newest first, each with the moment the next one took its place; the latest lasts. */
export function stepsOf(events: readonly Event[]): (Event & { endedAt?: number })[] {
  return events.map((event, index) => {
    const next = events[index - 1];
    return next === undefined ? event : { ...event, endedAt: next.at };
  });
}
