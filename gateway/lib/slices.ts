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
