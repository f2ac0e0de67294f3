import { type AuditEntry, type Clock, knotError } from '../lib/index.ts';
import type { Row, Store, Transaction } from '../store/index.ts';
import type { StoredClient } from './metadata.ts';
import { createRecords, type Records } from './records.ts';

/** An application that a person let go on without them: by offline access, or by an agreement that is remembered. */
export type Connection = {
  clientId: string;
  /** Title of the client. */
  name: string;
  firstParty: boolean;
  /** What it may read. */
  scopes: string[];
  /** Whether it can go on while the person is away. */
  isOffline: boolean;
  /** When the oldest of its grants was given, milliseconds. */
  since: number;
  /** When it ends by itself, milliseconds; null for an agreement that is only remembered. */
  expiresAt: number | null;
};

export type EndedBy = { actor: string; address?: string | undefined; reason: string };

export type Connections = {
  list(accountId: string): Promise<Connection[]>;
  /**
   * Ends everything a client was given for a person, in every sign-in, and forgets what was agreed.
   * @throws KNOT_OIDC_CONNECTION_UNKNOWN
   */
  end(accountId: string, clientId: string, by: EndedBy): Promise<void>;
  /** Ends what outlives the sign-in, of every client. Agreements stay remembered: they give nothing by themselves. */
  endAll(accountId: string, by: EndedBy): Promise<number>;
  /** The same as a part of a transaction that takes away what the connections stood on. */
  endAllWithin(transaction: Transaction, accountId: string, by: EndedBy): Promise<number>;
};

type Grant = { id: string; clientId: string; scopes: string[]; since: number; expiresAt: number };

const offlineAccess = 'offline_access';

/** Connected applications. Works on the store alone, so that the command line can use it while the gateway runs. */
export function createConnections(options: {
  store: Store;
  clock: Clock;
  record(transaction: Transaction, entry: AuditEntry): Promise<void>;
}): Connections {
  const { store, clock, record } = options;

  /** The grants of a person that live. */
  async function grantsOf(db: Store['db'], accountId: string): Promise<Grant[]> {
    const rows = await rowsOf(db, 'Grant', accountId);
    return rows.map(({ id, payload }) => {
      const { clientId, openid, iat, exp } = JSON.parse(payload) as {
        clientId: string;
        openid?: { scope?: string };
        iat: number;
        exp: number;
      };
      const scopes = openid?.scope?.split(' ') ?? [];
      return { id, clientId, scopes, since: iat * 1000, expiresAt: exp * 1000 };
    });
  }

  async function rowsOf(db: Store['db'], model: string, accountId: string): Promise<Row<'oidc_records'>[]> {
    const rows = db.selectFrom('oidc_records').selectAll().where('model', '=', model);
    return await rows
      .where('account_id', '=', accountId)
      .where((is) => is.or([is('expires_at', 'is', null), is('expires_at', '>', clock.now())]))
      .execute();
  }

  /** Grants a refresh token stands on that outlives the sign-in, with the last moment one of them can be used. */
  async function offlineUntil(accountId: string): Promise<Map<string, number>> {
    const until = new Map<string, number>();
    for (const { grant_id, payload, consumed_at, expires_at } of await rowsOf(store.db, 'RefreshToken', accountId)) {
      const { expiresWithSession } = JSON.parse(payload) as { expiresWithSession?: boolean };
      if (grant_id === null || consumed_at !== null || expiresWithSession === true) continue;
      until.set(grant_id, Math.max(until.get(grant_id) ?? 0, expires_at ?? 0));
    }
    return until;
  }

  async function endGrants(
    transaction: Transaction,
    records: Records,
    accountId: string,
    grants: readonly Grant[],
    by: EndedBy,
  ) {
    for (const { id } of grants) await records.revokeGrant(id, transaction.db);
    const clientIds = [...new Set(grants.map(({ clientId }) => clientId))];
    for (const clientId of clientIds) await recordEnd(transaction, accountId, clientId, by);
    return clientIds.length;
  }

  async function recordEnd(transaction: Transaction, accountId: string, clientId: string, by: EndedBy): Promise<void> {
    const user = await transaction.db
      .selectFrom('users')
      .select('username')
      .where('id', '=', accountId)
      .executeTakeFirst();
    await record(transaction, {
      action: 'connection.ended',
      actor: by.actor,
      subject: `user:${user?.username ?? accountId}`,
      outcome: 'done',
      ...(by.address === undefined ? {} : { address: by.address }),
      detail: { client: clientId, reason: by.reason },
    });
  }

  const records = createRecords({ store, clock });

  async function endAllWithin(transaction: Transaction, accountId: string, by: EndedBy): Promise<number> {
    const grants = await grantsOf(transaction.db, accountId);
    // By the grant, not by its tokens: a code that is not exchanged yet is worth as much as a refresh token.
    const offline = grants.filter(({ scopes }) => scopes.includes(offlineAccess));
    return await endGrants(transaction, records, accountId, offline, by);
  }

  return {
    async list(accountId) {
      const [grants, until, agreed] = [
        await grantsOf(store.db, accountId),
        await offlineUntil(accountId),
        await rowsOf(store.db, 'Consent', accountId),
      ];
      const clients = await store.db.selectFrom('oidc_clients').selectAll().execute();
      return clients
        .map((client): Connection | undefined => {
          const own = grants.filter(({ id, clientId }) => clientId === client.client_id && until.has(id));
          const consent = agreed.find(({ uid }) => uid === client.client_id);
          if (own.length === 0 && !consent) return undefined;
          const { scope, at } = consent ? (JSON.parse(consent.payload) as { scope: string; at?: number }) : {};
          const metadata = JSON.parse(client.metadata) as StoredClient;
          const scopes = new Set([...own.flatMap(({ scopes: granted }) => granted), ...(scope?.split(' ') ?? [])]);
          return {
            clientId: client.client_id,
            name: client.name,
            firstParty: metadata['knot:first_party'],
            scopes: [...scopes].filter((name) => name !== 'openid' && (name !== offlineAccess || own.length > 0)),
            isOffline: own.length > 0,
            since: Math.min(...own.map(({ since }) => since), at ?? Infinity, clock.now()),
            expiresAt:
              own.length === 0
                ? null
                : Math.max(...own.map((grant) => Math.min(grant.expiresAt, until.get(grant.id)!))),
          };
        })
        .filter((connection) => connection !== undefined)
        .sort((one, other) => one.name.localeCompare(other.name));
    },

    async end(accountId, clientId, by) {
      await store.transaction(async (transaction) => {
        const grants = (await grantsOf(transaction.db, accountId)).filter((grant) => grant.clientId === clientId);
        const isForgotten = await records.removeConsent(accountId, clientId, transaction.db);
        if (grants.length === 0 && !isForgotten) {
          throw knotError('KNOT_OIDC_CONNECTION_UNKNOWN', 404, `The application ${clientId} is not connected.`);
        }
        for (const { id } of grants) await records.revokeGrant(id, transaction.db);
        await recordEnd(transaction, accountId, clientId, by);
      });
    },
    endAll: async (accountId, by) => await store.transaction((transaction) => endAllWithin(transaction, accountId, by)),
    endAllWithin,
  };
}
