import type { Log } from '../../lib/index.ts';
import type { Service } from '../service.ts';
import type { createHomes } from './homes.ts';
import type { createOwnersRoom, Room } from './owners-room.ts';

/** Gives up services that keep more than they may: in their homes, or together in the files of their owner. */
export function createFullDisks<Running extends { owner: Service['owner'] }>(parts: {
  homes: ReturnType<typeof createHomes>;
  ownersRoom: ReturnType<typeof createOwnersRoom> | undefined;
  giveUp(id: string, entry: Running, over: 'disk' | 'files', room?: Room): void;
  log: Log;
}) {
  const { homes, ownersRoom, giveUp, log } = parts;

  async function lookAtHomes(running: ReadonlyMap<string, Running>): Promise<void> {
    for (const id of await homes.over([...running.keys()])) {
      const entry = running.get(id);
      if (entry !== undefined) giveUp(id, entry, 'disk');
    }
  }

  async function lookAtFiles(running: ReadonlyMap<string, Running>): Promise<void> {
    const over = await ownersRoom?.over([...running.values()].map(({ owner }) => owner));
    if (over === undefined || over.size === 0) return;
    for (const [id, entry] of running) {
      const room = over.get(entry.owner.id);
      if (room !== undefined) giveUp(id, entry, 'files', room);
    }
  }

  return {
    /** Never rejects. */
    async look(running: ReadonlyMap<string, Running>): Promise<void> {
      const complain = (what: string) => (error: unknown) => log.warn({ err: error }, `${what} could not be counted`);
      await Promise.all([
        lookAtHomes(running).catch(complain('what services keep in their homes')),
        lookAtFiles(running).catch(complain('what the files of owners take')),
      ]);
    },
  };
}
