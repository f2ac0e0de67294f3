import type { AuditEntry } from '../lib/index.ts';
import type { Owner } from '../owners/index.ts';
import type { Store, Transaction } from '../store/index.ts';
import * as records from './records.ts';
import type { Step } from './steps.ts';

/**
 * Somebody's place in the cluster: their namespace and what makes it theirs. `leaving`: its owner is gone, and it goes after the time
 * of grace.
 */
export type Place = {
  owner: Pick<Owner, 'kind' | 'id' | 'name'>;
  namespace: string;
  state: 'making' | 'ready' | 'failed' | 'paused' | 'leaving';
  /** Epoch milliseconds. */
  since: number;
  steps: readonly Step[];
  /** What administrators took over: the object, and why as they wrote it. */
  overrides: readonly { object: string; reason: string }[];
};

/** What is known of the places, by everybody who has the store. */
export type Places = {
  /** As it was seen last, by whichever replica does it. */
  find(ownerId: string): Promise<Place | undefined>;
  /** By name. */
  all(): Promise<Place[]>;
  /** Asks for a look at one owner, or at everybody, by whichever replica does it: it hears of it by the change feed. */
  ask(ownerId?: string, by?: Asker): Promise<void>;
};

/** Who asks for a look, and whom it is about in the words of the ledger. */
export type Asker = { actor: { name: string; address?: string }; subject: string };

/** Key of a wish that is about all of them. */
export const everybody = '*';

export function createPlaces({
  store,
  record,
}: {
  store: Store;
  record(transaction: Transaction, entry: AuditEntry): Promise<void>;
}): Places {
  return {
    find: (ownerId) => records.findPlace(store.db, ownerId),
    all: () => records.allPlaces(store.db),
    ask: (ownerId = everybody, by) =>
      store.transaction(async (transaction) => {
        transaction.announce({ topic: 'place-wishes', key: ownerId });
        if (by === undefined) return;
        const { name: actor, address } = by.actor;
        const entry = { action: 'place.asked', actor, subject: by.subject, outcome: 'done' } as const;
        await record(transaction, { ...entry, ...(address !== undefined && { address }) });
      }),
  };
}
