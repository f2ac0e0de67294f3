import { type AuditEntry, type Clock, hashSecret, knotError, newSecret } from '../lib/index.ts';
import type { Row, Store, Transaction } from '../store/index.ts';
import { checkClient, checkSecret, clientIdFrom } from './client-input.ts';
import { type ClientFacts, secretOf, type SigningAlgorithm, type StoredClient, toMetadata } from './metadata.ts';
import { createRecords } from './records.ts';

export type ClientOrigin = 'config' | 'integration' | 'cli' | 'admin';

export type ClientListing = {
  clientId: string;
  name: string;
  origin: ClientOrigin;
  redirectUris: string[];
  postLogoutRedirectUris: string[];
  backchannelLogoutUri: string | null;
  isPublic: boolean;
  firstParty: boolean;
  allowedGroups: string[];
  idTokenSignedResponseAlg: SigningAlgorithm;
  /** Until when the secret of before the last rotation is taken as well, milliseconds; null when there is none. */
  previousSecretUntil: number | null;
  createdAt: number;
};

/** What may be changed of a client. */
export type ClientSettings = {
  /** Shown on the consent page. */
  name: string;
  redirectUris: string[];
  postLogoutRedirectUris?: string[] | undefined;
  backchannelLogoutUri?: string | null | undefined;
  firstParty?: boolean | undefined;
  /** Groups that may use it; none: everyone. */
  allowedGroups?: string[] | undefined;
  idTokenSignedResponseAlg?: SigningAlgorithm | undefined;
};

export type NewClient = ClientSettings & {
  /** Made from the name when none is given. */
  clientId?: string | undefined;
  /** Without a secret; PKCE is required of it. */
  isPublic: boolean;
  /** Made when none is given. */
  secret?: string | undefined;
};

export type ClientActor = { actor: string; origin: 'cli' | 'admin'; address?: string | undefined };

/** In force in every process within a second. Each act is audited. */
export type Clients = {
  /**
   * Registers a client. The secret is shown only now.
   * @throws KNOT_OIDC_CLIENT_INPUT and the codes of single problems (client-input.ts), KNOT_OIDC_CLIENT_EXISTS
   */
  add(client: NewClient, by?: ClientActor): Promise<AddedClient>;
  list(): Promise<ClientListing[]>;
  /** @throws KNOT_OIDC_CLIENT_UNKNOWN */
  get(clientId: string): Promise<ClientListing>;
  /**
   * Changes what is named; the rest stays, and so does what was given out.
   * @throws as `add`; KNOT_OIDC_CLIENT_UNKNOWN; KNOT_OIDC_CLIENT_FIXED for one that configuration or an integration brings
   */
  set(clientId: string, changes: Partial<ClientSettings>, by?: ClientActor): Promise<ClientListing>;
  /**
   * Gives a client another secret, shown only now; the present one is taken as well for `overlapSeconds`.
   * @throws KNOT_OIDC_CLIENT_UNKNOWN, KNOT_OIDC_CLIENT_FIXED, KNOT_OIDC_CLIENT_PUBLIC, KNOT_OIDC_CLIENT_SECRET
   */
  rotateSecret(
    clientId: string,
    options: { secret?: string | undefined; overlapSeconds: number },
    by?: ClientActor,
  ): Promise<RotatedSecret>;
  /**
   * Removes a client with everything that was given out to it.
   * @throws KNOT_OIDC_CLIENT_UNKNOWN; KNOT_OIDC_CLIENT_FIXED for one that configuration or an integration brings
   */
  remove(clientId: string, by?: Omit<ClientActor, 'origin'>): Promise<void>;
  /** Makes the stored clients of an origin equal to the given ones. */
  reconcile(origin: 'config' | 'integration', clients: readonly ClientFacts[]): Promise<void>;
};

export type AddedClient = { clientId: string; clientSecret?: string };
export type RotatedSecret = { clientId: string; clientSecret: string; previousSecretUntil: number | null };

export type ClientsOptions = {
  store: Store;
  clock: Clock;
  /** Writes the audit entry inside the same transaction. */
  record(transaction: Transaction, entry: AuditEntry): Promise<void>;
};

const onCommandLine: ClientActor = { actor: 'cli', origin: 'cli' };

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

  async function find(db: Store['db'], clientId: string): Promise<Row<'oidc_clients'>> {
    const row = await db.selectFrom('oidc_clients').selectAll().where('client_id', '=', clientId).executeTakeFirst();
    if (!row) throw knotError('KNOT_OIDC_CLIENT_UNKNOWN', 404, `There is no client ${clientId}.`);
    return row;
  }

  /** One that may be changed by hand. */
  async function findOwn(db: Store['db'], clientId: string): Promise<Row<'oidc_clients'>> {
    const row = await find(db, clientId);
    if (row.origin === 'config' || row.origin === 'integration') {
      throw knotError('KNOT_OIDC_CLIENT_FIXED', 409, `The client ${clientId} is part of the configuration.`, {
        remedy: 'Change or remove it in knot.yaml, or switch the integration off, and restart.',
      });
    }
    return row;
  }

  function note(
    transaction: Transaction,
    action: string,
    clientId: string,
    { actor, address }: Omit<ClientActor, 'origin'>,
    detail?: AuditEntry['detail'],
  ): Promise<void> {
    return record(transaction, {
      action,
      actor,
      subject: `client:${clientId}`,
      outcome: 'done',
      ...(address === undefined ? {} : { address }),
      ...(detail === undefined ? {} : { detail }),
    });
  }

  function listing(row: Row<'oidc_clients'>): ClientListing {
    const metadata = JSON.parse(row.metadata) as StoredClient;
    const until = metadata['knot:previous_secret_until'] ?? null;
    return {
      clientId: row.client_id,
      name: row.name,
      origin: row.origin as ClientOrigin,
      redirectUris: [...(metadata.redirect_uris ?? [])],
      postLogoutRedirectUris: [...(metadata.post_logout_redirect_uris ?? [])],
      backchannelLogoutUri: metadata.backchannel_logout_uri ?? null,
      isPublic: metadata.token_endpoint_auth_method === 'none',
      firstParty: metadata['knot:first_party'],
      allowedGroups: metadata['knot:allowed_groups'],
      idTokenSignedResponseAlg: (metadata.id_token_signed_response_alg ?? 'RS256') as SigningAlgorithm,
      previousSecretUntil: until !== null && until > clock.now() ? until : null,
      createdAt: row.created_at,
    };
  }

  return {
    async add({ secret: given, ...client }, by = onCommandLine) {
      const clientId = client.clientId ?? clientIdFrom(client.name);
      const secret = client.isPublic ? undefined : (given ?? newSecret());
      const facts = { ...client, backchannelLogoutUri: client.backchannelLogoutUri ?? undefined, clientId, secret };
      checkClient(facts);
      await store.transaction(async (transaction) => {
        const taken = transaction.db.selectFrom('oidc_clients').select('client_id').where('client_id', '=', clientId);
        if (await taken.executeTakeFirst()) {
          throw knotError('KNOT_OIDC_CLIENT_EXISTS', 409, `There is a client ${clientId} already.`, {
            remedy: 'Choose another name, or remove the old client first.',
            details: { problems: [{ field: 'clientId', message: 'is taken' }] },
          });
        }
        await write(transaction, by.origin, toMetadata(facts));
        await note(transaction, 'client.added', clientId, by, { origin: by.origin, isPublic: client.isPublic });
      });
      return secret === undefined ? { clientId } : { clientId, clientSecret: secret };
    },

    async list() {
      return (await store.db.selectFrom('oidc_clients').selectAll().orderBy('client_id').execute()).map(listing);
    },

    get: async (clientId) => listing(await find(store.db, clientId)),

    async set(clientId, changes, by = onCommandLine) {
      return await store.transaction(async (transaction) => {
        const row = await findOwn(transaction.db, clientId);
        const stored = JSON.parse(row.metadata) as StoredClient;
        const now = listing(row);
        const wanted = { ...now, ...changes };
        const facts: ClientFacts = { ...wanted, backchannelLogoutUri: wanted.backchannelLogoutUri ?? undefined };
        // Its secret is not known any more, and stays.
        checkClient({ ...facts, secret: now.isPublic ? undefined : newSecret() });
        const metadata = { ...toMetadata({ ...facts, secret: now.isPublic ? undefined : '' }), ...secretOf(stored) };
        const changed = Object.keys(changes).filter(
          (key) =>
            JSON.stringify(now[key as keyof ClientListing]) !== JSON.stringify(wanted[key as keyof typeof wanted]),
        );
        if (changed.length === 0) return now;
        await write(transaction, row.origin as ClientOrigin, metadata);
        await note(transaction, 'client.changed', clientId, by, { changed: changed.join(', ') });
        return listing({ ...row, name: metadata.client_name!, metadata: JSON.stringify(metadata) });
      });
    },

    async rotateSecret(clientId, { secret: given, overlapSeconds }, by = onCommandLine) {
      const secret = given ?? newSecret();
      checkSecret(secret);
      const previousSecretUntil = overlapSeconds > 0 ? clock.now() + overlapSeconds * 1000 : null;
      await store.transaction(async (transaction) => {
        const row = await findOwn(transaction.db, clientId);
        const stored = JSON.parse(row.metadata) as StoredClient;
        if (stored.client_secret === undefined) {
          throw knotError('KNOT_OIDC_CLIENT_PUBLIC', 409, `The client ${clientId} is public and has no secret.`);
        }
        const { client_secret: previous, ...rest } = stored;
        await write(transaction, row.origin as ClientOrigin, {
          ...rest,
          client_secret: hashSecret(secret),
          'knot:previous_secret': previousSecretUntil === null ? undefined : previous,
          'knot:previous_secret_until': previousSecretUntil ?? undefined,
        });
        await note(transaction, 'client.secret-rotated', clientId, by, { overlapSeconds });
      });
      return { clientId, clientSecret: secret, previousSecretUntil };
    },

    async remove(clientId, by = { actor: 'cli' }) {
      await store.transaction(async (transaction) => {
        await findOwn(transaction.db, clientId);
        await transaction.db.deleteFrom('oidc_clients').where('client_id', '=', clientId).execute();
        await createRecords({ store, clock }).removeByClient(clientId, transaction.db);
        announceClient(transaction, clientId);
        await note(transaction, 'client.removed', clientId, by);
      });
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
          await createRecords({ store, clock }).removeByClient(client_id, transaction.db);
          announceClient(transaction, client_id);
        }
      });
    },
  };
}
