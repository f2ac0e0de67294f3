import type { Clock } from '../../lib/index.ts';
import { createLostRoom, diskUsage } from './lost-room.ts';

/**
 * How much services keep in their homes, counted whenever the disk has lost room for an eighth of what one may keep, and every ten
 * minutes. One that writes at full speed is found an eighth over its bound, or at the next sample.
 */
export function createHomes(options: {
  root: string;
  homeOf(id: string): string;
  mostBytes: number;
  clock: Clock;
  bytesIn?: ((folder: string) => Promise<number>) | undefined;
}) {
  const { root, homeOf, mostBytes, clock, bytesIn = diskUsage } = options;
  const lost = createLostRoom({ root, bytes: mostBytes / 8, clock });
  let isLooking = false;

  return {
    /** Those of these services that keep more than they may; nothing while nobody needs to look, or somebody looks already. */
    async over(ids: readonly string[]): Promise<string[]> {
      if (isLooking || ids.length === 0) return [];
      isLooking = true;
      try {
        if (!(await lost.isDue())) return [];
        const found: string[] = [];
        for (const id of ids) if ((await bytesIn(homeOf(id))) > mostBytes) found.push(id);
        return found;
      } finally {
        isLooking = false;
      }
    },
  };
}
