import { chownSync, mkdirSync } from 'node:fs';
import { knotError } from '../../lib/index.ts';
import type { Account } from '../../process/index.ts';
import type { Service } from '../service.ts';
import { reachedBy } from '../reach.ts';
import { inside, type Layout } from './layout.ts';

export type Shown = { source: string; target: string; isWritable: boolean };

/** Another service of the same owner on this machine; undefined when there is none of that name. */
export type Neighbour = (owner: Service['owner'], name: string) => Promise<Pick<Service, 'id'> | undefined>;

/**
 * What a service offers to others of its owner (the socket of a database), in a folder of its own, and what it sees of theirs: only
 * what its values name, and only of the same owner, so that nobody else's program comes near. A folder stays the same while its
 * service stops and starts: who has it in sight sees it come back.
 */
export async function offersOf(
  service: Service,
  { layout, account, neighbour }: { layout: Layout; account: Account | undefined; neighbour: Neighbour | undefined },
): Promise<Shown[]> {
  const folderOf = (id: string): string => {
    const folder = layout.offer(id);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (account !== undefined) chownSync(folder, account.uid, account.gid);
    return folder;
  };
  const mounts: Shown[] = [{ source: folderOf(service.id), target: inside.offer, isWritable: true }];
  for (const name of reachedBy(service.template.plan, service.values)) {
    const found = await neighbour?.(service.owner, name);
    if (found === undefined || found.id === service.id) throw noNeighbour(name);
    mounts.push({ source: folderOf(found.id), target: `${inside.services}/${name}`, isWritable: false });
  }
  return mounts;
}

const noNeighbour = (name: string) =>
  knotError('KNOT_SERVICES_NO_NEIGHBOUR', 409, `There is no service "${name}" of the same owner on this machine.`, {
    remedy: 'Start it first, or take it out of the values of this one.',
  });
