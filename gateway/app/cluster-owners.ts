import type { Accounts } from '../accounts/index.ts';
import { createKeyedQueue, KnotError, type Log } from '../lib/index.ts';
import type { Store } from '../store/index.ts';

/** A person who may sign in, or a team. */
export type ClusterOwner = { kind: 'user' | 'team'; id: string; name: string };

/** Work that goes on for as long as the gateway has a cluster. */
export type ClusterUpkeep = {
  /** Until then nothing is looked at. */
  start(): void;
  close(): Promise<void>;
};

/** How often each is looked at again: what was changed or removed by hand is put right, and what ends is renewed ahead of that. */
const tenMinutesMs = 10 * 60_000;
/** A namespace that is not there yet. */
const soonMs = 5_000;
const atOnce = 4;

/**
 * Keeps something in the namespace of each person and team, by looking at them on every change and again and again. `look` throws what the
 * cluster says, and may be cut short anywhere; what it returns is when to look again, in milliseconds.
 */
export function keepForOwners(options: {
  accounts: Pick<Accounts, 'listOwners' | 'principal' | 'findTeam'>;
  store: Pick<Store, 'onChange' | 'onGap'>;
  leads(): boolean;
  look(owner: ClusterOwner): Promise<number | void>;
  /** What the log says when a look fails. */
  complaint: string;
  /** Instead of every ten minutes. */
  resyncMs?: number;
  log: Log;
}): ClusterUpkeep {
  const { accounts, store, leads, look, complaint, resyncMs = tenMinutesMs, log } = options;
  let isAtWork = false;

  const queue = createKeyedQueue({
    work: lookAt,
    ...{ log, atOnce, complaint, pauses: { firstMs: soonMs, mostMs: resyncMs } },
    resync: { ms: resyncMs, keys: everybody },
  });
  const ask = (ownerId: string): void => {
    if (isAtWork) queue.add(ownerId);
  };
  const askAll = (): void => {
    everybody().then(
      (ids) => ids.forEach(ask),
      (error: unknown) => log.error({ err: error }, 'owners of namespaces could not be listed'),
    );
  };
  const stops = [store.onChange('users', ask), store.onChange('teams', ask), store.onGap(askAll)];

  async function everybody(): Promise<string[]> {
    return isAtWork && leads() ? (await accounts.listOwners()).map(({ id }) => id) : [];
  }

  async function lookAt(ownerId: string): Promise<number | void> {
    if (!isAtWork || !leads()) return;
    const owner = await ownerOf(ownerId);
    if (owner === undefined) return;
    try {
      return await look(owner);
    } catch (error) {
      const isEarly = error instanceof KnotError && error.code === 'KNOT_KUBE_NOT_FOUND';
      if (!isEarly) throw error;
      return soonMs;
    }
  }

  async function ownerOf(id: string): Promise<ClusterOwner | undefined> {
    const principal = await accounts.principal(id);
    if (principal) return principal.state === 'active' ? { kind: 'user', id, name: principal.username } : undefined;
    const team = await accounts.findTeam(id);
    return team && { kind: 'team', id, name: team.name };
  }

  return {
    start() {
      isAtWork = true;
      askAll();
    },
    async close() {
      for (const stop of stops) stop();
      await queue.stop();
    },
  };
}
