import { setImmediate as turn } from 'node:timers/promises';

/**
 * For work that follows the size of something: to be awaited between two steps. When the steps since the last turn of the event loop
 * have taken `sliceMs`, whatever else waits goes first.
 */
export function createSlices(sliceMs = 8): () => Promise<void> {
  let startedAt = performance.now();
  return async () => {
    if (performance.now() - startedAt < sliceMs) return;
    await turn();
    startedAt = performance.now();
  };
}

/** How many are begun before the time is looked at. */
const begunAtOnce = 8;

/**
 * Begins `work` for each item, a few at a time and with turns of the event loop in between; resolves when all have begun. Most
 * answer from caches, at once; one that has to be waited for holds up no other. `work` must not reject.
 */
export async function beginEach<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<Promise<R>[]> {
  const begun: Promise<R>[] = [];
  const between = createSlices();
  for (let from = 0; from < items.length; from += begunAtOnce) {
    const some = items.slice(from, from + begunAtOnce).map(work);
    begun.push(...some);
    await Promise.race([Promise.all(some), turn()]);
    await between();
  }
  return begun;
}
