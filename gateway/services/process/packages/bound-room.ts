import { type Clock, every, type Log } from '../../../lib/index.ts';
import type { Problem } from '../../../process/index.ts';
import { createLostRoom, diskUsage } from '../lost-room.ts';

/**
 * Bounds what an installation takes of the disk: its signal is aborted when these folders have grown by more than that since now. They
 * are counted whenever the disk has lost room for an eighth of it, so one is found about that much over. Close it when it is done.
 */
export async function boundRoom(options: {
  folders: readonly [string, ...string[]];
  mostBytes: number;
  lookMs: number;
  clock: Clock;
  log: Log;
}): Promise<{ signal: AbortSignal; close(): Promise<void> }> {
  const { folders, mostBytes, lookMs, clock, log } = options;
  const over = new AbortController();
  const bytes = async (): Promise<number> => {
    let sum = 0;
    for (const folder of folders) sum += await diskUsage(folder);
    return sum;
  };
  const lost = createLostRoom({ root: folders[0], bytes: mostBytes / 8, clock });
  await lost.isDue();
  const before = await bytes();
  const look = async (): Promise<void> => {
    if (!over.signal.aborted && (await lost.isDue()) && (await bytes()) - before > mostBytes) over.abort();
  };
  const loop = every(lookMs, look, { log, complaint: 'what an installation takes could not be counted' });
  return { signal: over.signal, close: () => loop.stop() };
}

export const tooLarge = (mostBytes: number): Problem => ({
  kind: 'other',
  message: `The packages of the template take more of the disk than the ${Number((mostBytes / 1024 ** 3).toFixed(2))} GiB that one installation may.`,
  remedy: 'Whoever wrote the template asks for fewer or smaller packages.',
});
