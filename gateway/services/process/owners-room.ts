import type { Clock } from '../../lib/index.ts';
import type { Service } from '../service.ts';
import { createLostRoom } from './lost-room.ts';

/** What the files of an owner take, trash included, in bytes. */
export type Room = { bytes: number; limit: number };

/** The files of owners, which their services write to past every promise of room. */
export type OwnersRoom = {
  /** On the disk that they lie on. */
  folder: string;
  /** Counted now; undefined where nothing bounds them, or the owner is gone. */
  of(owner: Service['owner']): Promise<Room | undefined>;
};

/** Bytes that the disk loses before anything is counted again. */
const stepBytes = 256 * 1024 ** 2;
/** Of the time, for counting the files of one owner again and again. */
const shareOfTime = 0.1;

type Known = { least: number; nextAt: number };

/**
 * Finds owners whose services add to files that take more than they may. Counted is when an owner's first service is seen, and then
 * whenever the disk has lost some room. Who is over the bound already may run services, for example to tidy up: what counts is that more
 * is there than at the least since then.
 */
export function createOwnersRoom({ room, clock }: { room: OwnersRoom; clock: Clock }) {
  const lost = createLostRoom({ root: room.folder, bytes: stepBytes, clock });
  const known = new Map<string, Known>();
  let isLooking = false;

  async function look(owner: Service['owner']): Promise<Room | undefined> {
    const before = known.get(owner.id);
    const startedAt = clock.now();
    if (before !== undefined && startedAt < before.nextAt) return undefined;
    const found = await room.of(owner);
    if (found === undefined) return void known.delete(owner.id);
    const endedAt = clock.now();
    const least = Math.max(found.limit, Math.min(before?.least ?? found.bytes, found.bytes));
    known.set(owner.id, { least, nextAt: endedAt + (endedAt - startedAt) / shareOfTime });
    return found.bytes > least ? found : undefined;
  }

  return {
    /** Owners whose services are to be ended, and what their files take; nobody while nobody needs to look, or somebody looks already. */
    async over(owners: readonly Service['owner'][]): Promise<ReadonlyMap<string, Room>> {
      const found = new Map<string, Room>();
      const byId = new Map(owners.map((owner) => [owner.id, owner]));
      for (const id of known.keys()) if (!byId.has(id)) known.delete(id);
      if (isLooking || byId.size === 0) return found;
      isLooking = true;
      try {
        const isDue = await lost.isDue();
        for (const [id, owner] of byId) {
          if (!isDue && known.has(id)) continue;
          const over = await look(owner);
          if (over !== undefined) found.set(id, over);
        }
        return found;
      } finally {
        isLooking = false;
      }
    },
  };
}
