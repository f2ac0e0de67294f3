import { type AuditEntry, type Clock, knotError, newSecret } from '../lib/index.ts';
import type { Store, Transaction } from '../store/index.ts';
import { type ClientFacts, type StoredClient, toMetadata } from './metadata.ts';
import { createRecords } from './records.ts';

export type ClientOrigin = 'config' | 'integration' | 'cli' | 'admin';

export type ClientListing = {
  clientId: string;
  name: string;
  origin: ClientOrigin;
  redirectUris: string[];
  postLogoutRedirectUris: string[];
  isPublic: boolean;
  firstParty: boolean;
  allowedGroups: string[];
  createdAt: number;
};

export type NewClient = {
  /** Shown on the consent page; also the client id when it is fit to be one. */
  name: string;
  redirectUris: string[];
  postLogoutRedirectUris?: string[];
  /** Without a secret; PKCE is required of it. */
  isPublic: boolean;
  firstParty?: boolean;
  allowedGroups?: string[];
};

export type Clients = {
  /**
   * Registers a client; in force in every process within a second. The secret is shown only now.
   * @throws KNOT_OIDC_CLIENT_NAME, KNOT_OIDC_CLIENT_EXISTS, KNOT_OIDC_REDIRECT_URI
   */
  add(client: NewClient, by?: { actor: string; origin: 'cli' | 'admin'; address?: string }): Promise<AddedClient>;
  list(): Promise<ClientListing[]>;
  /**
   * Removes a client with everything that was given out to it.
   * @throws KNOT_OIDC_CLIENT_UNKNOWN; KNOT_OIDC_CLIENT_FIXED for one that configuration or an integration brings
   */
  remove(clientId: string, by?: { actor: string; address?: string }): Promise<void>;
  /** Makes the stored clients of an origin equal to the given ones. */
  reconcile(origin: 'config' | 'integration', clients: readonly ClientFacts[]): Promise<void>;
};

export type AddedClient = { clientId: string; clientSecret?: string };

export type ClientsOptions = {
  store: Store;
  clock: Clock;
  /** Writes the audit entry inside the same transaction. */
  record(transaction: Transaction, entry: AuditEntry): Promise<void>;
};

/** The registered clients. Works on the store alone, so that the command line can use it while the gateway runs. */
export function createClients({ store, clock, record }: ClientsOptions): Clients {
  const announceClient = (transaction: Transaction, clientId: string) =>
    transaction.announce({ topic: 'clients', key: clientId });

  async function write(transaction: Transaction, origin: ClientOrigin, metadata: StoredClient): Promise<void> {
    const values = { name: metadata.client_name!, origin, metadata: JSON.stringify(metadata) };
    await transaction.db
      .insertInto('oidc_clients')
      .values({ client_id: metadata.client_id, created_at: clock.now(), ...values })
      .onConflict((conflict) => conflict.column('client_id').doUpdateSet(values))
      .execute();
    announceClient(transaction, metadata.client_id);
  }

  return {
    async add(client, { actor, origin, address } = { actor: 'cli', origin: 'cli' }) {
      const clientId = clientIdFrom(client.name);
      const secret = client.isPublic ? undefined : newSecret();
      const metadata = toMetadata({ ...client, clientId, secret });
      await store.transaction(async (transaction) => {
        const existing = await transaction.db
          .selectFrom('oidc_clients')
          .select('client_id')
          .where('client_id', '=', clientId)
          .executeTakeFirst();
        if (existing) {
          throw knotError('KNOT_OIDC_CLIENT_EXISTS', 409, `There is a client ${clientId} already.`, {
            remedy: 'Choose another name, or remove the old client first.',
          });
        }
        await write(transaction, origin, metadata);
        await record(transaction, {
          action: 'client.added',
          actor,
          subject: `client:${clientId}`,
          outcome: 'done',
          ...(address === undefined ? {} : { address }),
          detail: { origin, isPublic: client.isPublic },
        });
      });
      return secret === undefined ? { clientId } : { clientId, clientSecret: secret };
    },

    async list() {
      const rows = await store.db.selectFrom('oidc_clients').selectAll().orderBy('client_id').execute();
      return rows.map((row) => {
        const metadata = JSON.parse(row.metadata) as StoredClient;
        return {
          clientId: row.client_id,
          name: row.name,
          origin: row.origin as ClientOrigin,
          redirectUris: [...(metadata.redirect_uris ?? [])],
          postLogoutRedirectUris: [...(metadata.post_logout_redirect_uris ?? [])],
          isPublic: metadata.token_endpoint_auth_method === 'none',
          firstParty: metadata['knot:first_party'],
          allowedGroups: metadata['knot:allowed_groups'],
          createdAt: row.created_at,
        };
      });
    },

    async remove(clientId, { actor, address } = { actor: 'cli' }) {
      await store.transaction(async (transaction) => {
        const row = await transaction.db
          .selectFrom('oidc_clients')
          .select('origin')
          .where('client_id', '=', clientId)
          .executeTakeFirst();
        if (!row) throw knotError('KNOT_OIDC_CLIENT_UNKNOWN', 404, `There is no client ${clientId}.`);
        if (row.origin === 'config' || row.origin === 'integration') {
          throw knotError('KNOT_OIDC_CLIENT_FIXED', 409, `The client ${clientId} is part of the configuration.`, {
            remedy: 'Remove it from knot.yaml, or switch the integration off, and restart.',
          });
        }
        await transaction.db.deleteFrom('oidc_clients').where('client_id', '=', clientId).execute();
        announceClient(transaction, clientId);
        await record(transaction, {
          action: 'client.removed',
          actor,
          subject: `client:${clientId}`,
          outcome: 'done',
          ...(address === undefined ? {} : { address }),
        });
      });
      await createRecords({ store, clock }).removeByClient(clientId);
    },

    async reconcile(origin, clients) {
      const wanted = new Map(clients.map((client) => [client.clientId, toMetadata(client)]));
      const rows = await store.db.selectFrom('oidc_clients').selectAll().execute();
      const stored = new Map(rows.map((row) => [row.client_id, row]));
      const changed = [...wanted.values()].filter((metadata) => {
        const row = stored.get(metadata.client_id);
        return row?.metadata !== JSON.stringify(metadata) || row.origin !== origin;
      });
      const gone = rows.filter((row) => row.origin === origin && !wanted.has(row.client_id));
      if (changed.length === 0 && gone.length === 0) return;
      await store.transaction(async (transaction) => {
        for (const metadata of changed) await write(transaction, origin, metadata);
        for (const { client_id } of gone) {
          await transaction.db.deleteFrom('oidc_clients').where('client_id', '=', client_id).execute();
          announceClient(transaction, client_id);
        }
      });
      for (const { client_id } of gone) await createRecords({ store, clock }).removeByClient(client_id);
    },
  };
}

/** `My App` → `my-app`. Kept to characters that need no encoding in Basic credentials (RFC 6749 section 2.3.1). */
function clientIdFrom(name: string): string {
  const clientId = /^[A-Za-z0-9._-]+$/.test(name)
    ? name
    : name
        .toLowerCase()
        .replaceAll(/[^a-z0-9]+/g, '-')
        .replaceAll(/^-+|-+$/g, '');
  if (!/^[A-Za-z0-9._-]{1,80}$/.test(clientId) || name.length > 80) {
    throw knotError(
      'KNOT_OIDC_CLIENT_NAME',
      400,
      'A client needs a name of 1 to 80 characters with letters or digits.',
    );
  }
  return clientId;
}
