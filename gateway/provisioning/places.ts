import type { AuditEntry } from '../lib/index.ts';
import type { Store, Transaction } from '../store/index.ts';
import type { Place } from './place.ts';
import * as records from './records.ts';

/** What is known of the places, by everybody who has the store. */
export type Places = {
  /** As it was seen last, by whichever replica does it. */
  find(ownerId: string): Promise<Place | undefined>;
  /** By name. */
  all(): Promise<Place[]>;
  /** Whose a namespace is, and which one of that name; undefined of one that is nobody's, or of whom nothing runs. */
  ownerIn(namespace: string): Promise<{ owner: Place['owner']; namespaceUid: string } | undefined>;
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
    async ownerIn(namespace) {
      const place = await records.findPlaceIn(store.db, namespace);
      if (place?.namespaceUid === undefined || place.state === 'paused' || place.state === 'leaving') return undefined;
      return { owner: place.owner, namespaceUid: place.namespaceUid };
    },
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
