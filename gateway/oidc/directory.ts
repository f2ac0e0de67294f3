import { LRUCache } from 'lru-cache';
import type { ClientMetadata } from 'oidc-provider';
import type { Store } from '../store/index.ts';
import type { StoredClient } from './metadata.ts';

export type ClientDirectory = {
  find(clientId: string): Promise<ClientMetadata | undefined>;
  close(): void;
};

/** Reads clients from the store through a small cache; any process's change of a client is forgotten here, and of no other one. */
export function createClientDirectory(store: Store): ClientDirectory {
  const cache = new LRUCache<string, StoredClient>({ max: 200 });
  /** Counted, because what is being read while a change is told may be from before it. */
  let changes = 0;
  const stops = [
    store.onChange('clients', (clientId) => {
      changes += 1;
      cache.delete(clientId);
    }),
    store.onGap(() => {
      changes += 1;
      cache.clear();
    }),
  ];
  return {
    async find(clientId) {
      const cached = cache.get(clientId);
      if (cached) return cached;
      const changesBefore = changes;
      const row = await store.db
        .selectFrom('oidc_clients')
        .select('metadata')
        .where('client_id', '=', clientId)
        .executeTakeFirst();
      if (!row) return undefined;
      const client = JSON.parse(row.metadata) as StoredClient;
      if (changes === changesBefore) cache.set(clientId, client);
      return client;
    },
    close() {
      for (const stop of stops) stop();
    },
  };
}
