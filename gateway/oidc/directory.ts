import { LRUCache } from 'lru-cache';
import type { ClientMetadata } from 'oidc-provider';
import type { Store } from '../store/index.ts';
import type { StoredClient } from './metadata.ts';

export type ClientDirectory = {
  find(clientId: string): Promise<ClientMetadata | undefined>;
  close(): void;
};

/** Reads clients from the store through a small cache that any process's change of a client empties. */
export function createClientDirectory(store: Store): ClientDirectory {
  const cache = new LRUCache<string, StoredClient>({ max: 200 });
  const stop = store.onChange('clients', () => cache.clear());
  return {
    async find(clientId) {
      const cached = cache.get(clientId);
      if (cached) return cached;
      const row = await store.db
        .selectFrom('oidc_clients')
        .select('metadata')
        .where('client_id', '=', clientId)
        .executeTakeFirst();
      if (!row) return undefined;
      const client = JSON.parse(row.metadata) as StoredClient;
      cache.set(clientId, client);
      return client;
    },
    close: stop,
  };
}
