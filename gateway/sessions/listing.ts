import type { Row, Store } from '../store/index.ts';
import type { Lifetime } from './lifetime.ts';
import { listCentral, listHosts } from './records.ts';

export type SessionListing = {
  id: string;
  /** Short, readable: `Chromium on Linux`. */
  device: string;
  address: string;
  startedAt: number;
  lastSeenAt: number;
  expiresAt: number;
  /** Service hosts with a session bound to this one. */
  hosts: string[];
};

/** Where people are signed in, as they and administrators see it: the living sign-ins of one person or of all, with their hosts. */
export function createListing({
  store,
  lifetimeOf,
  pendingLastSeen,
}: {
  store: Store;
  lifetimeOf: (central: Row<'sessions'>) => Lifetime;
  /** A last use that is not written yet; 0 when there is none. */
  pendingLastSeen: (centralId: string) => number;
}) {
  return async (userId?: string): Promise<(SessionListing & { userId: string })[]> => {
    const centrals = await listCentral(store.db, userId);
    const hostsOf = Map.groupBy(await listHosts(store.db, userId), ({ central_id }) => central_id);
    return centrals
      .filter((central) => lifetimeOf(central) === 'alive')
      .map((central) => ({
        id: central.id,
        userId: central.user_id,
        device: central.device,
        address: central.address,
        startedAt: central.started_at,
        lastSeenAt: Math.max(central.last_seen_at, pendingLastSeen(central.id)),
        expiresAt: central.expires_at,
        hosts: (hostsOf.get(central.id) ?? []).map(({ host }) => host),
      }));
  };
}
