import { setImmediate as turn } from 'node:timers/promises';
import { sql } from 'kysely';
import type { Clock } from '../lib/index.ts';
import type { Row, Store, Transaction } from '../store/index.ts';

export type RecordRow = Row<'oidc_records'>;

export type NewRecord = {
  model: string;
  id: string;
  payload: object;
  grantId?: string | undefined;
  uid?: string | undefined;
  userCode?: string | undefined;
  accountId?: string | undefined;
  /** Milliseconds since the epoch; undefined: until it is deleted. */
  expiresAt?: number | undefined;
};

/** Links a session of the provider to the Knot session it was made from: `id` is the one's uid, `uid` the other's central id. */
const sessionLink = 'SessionLink';
/** What a person agreed to share with a client: `id` is `<account>:<client>`, `uid` the client. */
const consent = 'Consent';
const sweptAtOnce = 500;
/** Models of `oidc-provider` that are written for who is not known yet. */
const madeByStrangers = ['Interaction', 'Session', 'DeviceCode', 'PushedAuthorizationRequest'] as const;

/** `at`: when, milliseconds. */
export type Consent = { scope: string; claims: string[]; at?: number };

/** The SQL of `oidc_records`. What has expired by the clock is never returned, swept or not. */
export function createRecords({ store, clock }: { store: Store; clock: Clock }) {
  const { db } = store;

  async function findBy(
    column: 'id' | 'uid' | 'user_code',
    model: string,
    value: string,
    on: Store['db'] = db,
  ): Promise<RecordRow | undefined> {
    const row = await on
      .selectFrom('oidc_records')
      .selectAll()
      .where('model', '=', model)
      .where(column, '=', value)
      .executeTakeFirst();
    return row && (row.expires_at === null || row.expires_at > clock.now()) ? row : undefined;
  }

  async function upsert(record: NewRecord, on: Store['db'] = db): Promise<void> {
    const values = {
      payload: JSON.stringify(record.payload),
      grant_id: record.grantId ?? null,
      uid: record.uid ?? null,
      user_code: record.userCode ?? null,
      account_id: record.accountId ?? null,
      expires_at: record.expiresAt ?? null,
    };
    await on
      .insertInto('oidc_records')
      .values({ model: record.model, id: record.id, ...values, consumed_at: null })
      .onConflict((conflict) => conflict.columns(['model', 'id']).doUpdateSet(values))
      .execute();
  }

  async function remove(model: string, id: string): Promise<void> {
    await db.deleteFrom('oidc_records').where('model', '=', model).where('id', '=', id).execute();
  }

  /** The grant and every code and token made from it. */
  async function revokeGrant(grantId: string, on: Store['db'] = db): Promise<void> {
    await on
      .deleteFrom('oidc_records')
      .where((is) => is.or([is('grant_id', '=', grantId), is.and([is('model', '=', 'Grant'), is('id', '=', grantId)])]))
      .execute();
  }

  return {
    find: (model: string, id: string) => findBy('id', model, id),
    findByUid: (model: string, uid: string) => findBy('uid', model, uid),
    findByUserCode: (model: string, userCode: string) => findBy('user_code', model, userCode),
    upsert: (record: NewRecord) => upsert(record),
    /** Writes what is derived from a session, unless `hold` says that this has ended: it is held meanwhile. */
    async upsertHeld(
      record: NewRecord,
      sessionUid: string,
      hold: (transaction: Transaction, session: { centralId: string; userId: string }) => Promise<boolean>,
    ): Promise<boolean> {
      return await store.transaction(async (transaction) => {
        const link = await findBy('id', sessionLink, sessionUid, transaction.db);
        if (!link || !(await hold(transaction, { centralId: link.uid!, userId: link.account_id! }))) return false;
        await upsert(record, transaction.db);
        return true;
      });
    },
    remove,
    revokeGrant,

    /** Compare-and-set: of any number of uses at once, on any replica, exactly one gets true. */
    async consume(model: string, id: string): Promise<boolean> {
      const { numUpdatedRows } = await db
        .updateTable('oidc_records')
        .set({ consumed_at: clock.now() })
        .where('model', '=', model)
        .where('id', '=', id)
        .where('consumed_at', 'is', null)
        .executeTakeFirst();
      return numUpdatedRows === 1n;
    },

    async removeByGrant(model: string, grantId: string): Promise<void> {
      await db.deleteFrom('oidc_records').where('model', '=', model).where('grant_id', '=', grantId).execute();
    },

    /** Everything that was ever given out for an account. */
    async removeByAccount(accountId: string): Promise<void> {
      await db.deleteFrom('oidc_records').where('account_id', '=', accountId).execute();
    },

    /** Everything that was given out to a client; there is no index, because clients are removed rarely. */
    async removeByClient(clientId: string, on: Store['db']): Promise<void> {
      await on.deleteFrom('oidc_records').where('model', '=', consent).where('uid', '=', clientId).execute();
      const grants = await on
        .selectFrom('oidc_records')
        .select(['id', 'payload'])
        .where('model', '=', 'Grant')
        .execute();
      for (const { id, payload } of grants) {
        if ((JSON.parse(payload) as { clientId?: string }).clientId === clientId) await revokeGrant(id, on);
      }
    },

    /** Writes the link, unless `isHeld` says that the Knot session has ended: it is held while the link is written. */
    async linkSession(
      uid: string,
      { centralId, accountId, expiresAt }: { centralId: string; accountId: string; expiresAt: number },
      isHeld: (transaction: Transaction) => Promise<boolean>,
    ): Promise<boolean> {
      return store.transaction(async (transaction) => {
        if (!(await isHeld(transaction))) return false;
        const link = { model: sessionLink, id: uid, payload: {}, uid: centralId, accountId, expiresAt };
        await upsert(link, transaction.db);
        return true;
      });
    },
    /** The Knot session and the account a provider session belongs to. */
    async linkOf(uid: string): Promise<{ centralId: string; accountId: string } | undefined> {
      const link = await findBy('id', sessionLink, uid);
      return link && { centralId: link.uid!, accountId: link.account_id! };
    },
    async sessionsOf(centralId: string): Promise<string[]> {
      const links = db.selectFrom('oidc_records').select('id').where('model', '=', sessionLink);
      return (await links.where('uid', '=', centralId).execute()).map((row) => row.id);
    },
    /** Central ids that any provider session belongs to, the next ones in their order; at most `limit`. */
    async linkedCentralIds(after: string, limit: number): Promise<string[]> {
      const links = db.selectFrom('oidc_records').select('uid').distinct().where('model', '=', sessionLink);
      const next = links.where('uid', '>', after).orderBy('uid').limit(limit);
      return (await next.execute()).flatMap((row) => row.uid ?? []);
    },
    async sessionsOfAccount(accountId: string): Promise<string[]> {
      const links = db.selectFrom('oidc_records').select('id').where('model', '=', sessionLink);
      return (await links.where('account_id', '=', accountId).execute()).map((row) => row.id);
    },
    /** Ends the link of a session; `also` runs in the same transaction, for whoever of several at once ended it. */
    async unlinkSession(uid: string, also?: (transaction: Transaction) => Promise<void>): Promise<void> {
      await store.transaction(async (transaction) => {
        const { numDeletedRows } = await transaction.db
          .deleteFrom('oidc_records')
          .where('model', '=', sessionLink)
          .where('id', '=', uid)
          .executeTakeFirst();
        if (numDeletedRows === 1n) await also?.(transaction);
      });
    },

    async findConsent(accountId: string, clientId: string): Promise<Consent | undefined> {
      const row = await findBy('id', consent, `${accountId}:${clientId}`);
      return row && (JSON.parse(row.payload) as Consent);
    },
    async saveConsent(accountId: string, clientId: string, given: Consent): Promise<void> {
      const payload = { ...given, at: clock.now() };
      await upsert({ model: consent, id: `${accountId}:${clientId}`, payload, uid: clientId, accountId });
    },
    /** Whether there was one. */
    async removeConsent(accountId: string, clientId: string, on: Store['db']): Promise<boolean> {
      const { numDeletedRows } = await on
        .deleteFrom('oidc_records')
        .where('model', '=', consent)
        .where('id', '=', `${accountId}:${clientId}`)
        .executeTakeFirst();
      return numDeletedRows === 1n;
    },

    /** Deletes of a model all but those that expire last. */
    async removeBeyond(model: string, most: number): Promise<void> {
      const last = db.selectFrom('oidc_records').select('id').where('model', '=', model);
      await db
        .deleteFrom('oidc_records')
        .where('model', '=', model)
        .where('id', 'not in', last.orderBy('expires_at', 'desc').orderBy('id').limit(most))
        .execute();
    },

    /**
     * Of what strangers can cause to be kept (requests and browsers before anybody has signed in), deletes all but the newest `most`
     * of each kind: those that expire first go, a part at a time.
     */
    async boundAnonymous(most: number): Promise<void> {
      for (const model of madeByStrangers) {
        const anonymous = db.selectFrom('oidc_records').where('model', '=', model).where('account_id', 'is', null);
        const firstTooMany = anonymous.select('expires_at').orderBy('expires_at', 'desc').offset(most).limit(1);
        const { expires_at: until } = (await firstTooMany.executeTakeFirst()) ?? {};
        if (until === undefined || until === null) continue;
        for (let deleted = sweptAtOnce; deleted >= sweptAtOnce;) {
          const { numAffectedRows } = await sql`delete from oidc_records where (model, id) in
            (select model, id from oidc_records
             where model = ${model} and account_id is null and expires_at <= ${until} limit ${sweptAtOnce})`.execute(
            db,
          );
          deleted = Number(numAffectedRows ?? 0);
          await turn();
        }
      }
    },

    /** Deletes what has expired, a part at a time: requests are served in between. */
    async sweep(): Promise<void> {
      for (let deleted = sweptAtOnce; deleted >= sweptAtOnce;) {
        const { numAffectedRows } = await sql`delete from oidc_records where (model, id) in
          (select model, id from oidc_records where expires_at <= ${clock.now()} limit ${sweptAtOnce})`.execute(db);
        deleted = Number(numAffectedRows ?? 0);
        await turn();
      }
    },
  };
}

export type Records = ReturnType<typeof createRecords>;
