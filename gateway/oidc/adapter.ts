import type { Adapter, AdapterFactory, AdapterPayload, KoaContextWithOIDC } from 'oidc-provider';
import type { Clock } from '../lib/index.ts';
import type { Transaction } from '../store/index.ts';
import type { ClientDirectory } from './directory.ts';
import type { ProviderLibrary } from './library.ts';
import type { NewRecord, RecordRow, Records } from './records.ts';

/** What somebody who is signed in gives to a client; a device has its code before, and then from nobody. */
const givenCodes: ReadonlySet<string> = new Set(['AuthorizationCode', 'DeviceCode']);

/** A used code is remembered this long after it expired, so that a late replay still revokes what was made from it. */
const usedCodeRetentionMs = 3600 * 1000;

/**
 * For this long a refresh token that was rotated is still taken: pages of one client in several tabs, and programs whose answer
 * was lost, refresh twice with the same one (RFC 9700 section 4.14.2 leaves the time to us). Later uses are a replay.
 */
const refreshGraceMs = 10_000;

/**
 * The storage of `oidc-provider`: clients come from the client directory, every other model lives in `oidc_records`.
 * https://github.com/panva/node-oidc-provider/blob/main/example/my_adapter.js
 */
export function createAdapter(options: {
  records: Records;
  directory: ClientDirectory;
  clock: Clock;
  library: ProviderLibrary;
  /** Whether a Knot session still lives, held until the transaction ends (`hold` of sessions). */
  hold(transaction: Transaction, session: { centralId: string; userId: string }): Promise<boolean>;
}): AdapterFactory {
  const { records, directory, clock, library, hold } = options;
  const { errors, Provider } = library;

  function read(row: RecordRow | undefined): AdapterPayload | undefined {
    if (!row) return undefined;
    const payload = JSON.parse(row.payload) as AdapterPayload;
    if (row.consumed_at === null || isInGrace(row)) return payload;
    return { ...payload, consumed: Math.floor(row.consumed_at / 1000) };
  }

  const isInGrace = (row: RecordRow): boolean =>
    row.model === 'RefreshToken' && row.consumed_at !== null && clock.now() < row.consumed_at + refreshGraceMs;

  /**
   * Whether the present request revokes an access token. The library ends everything of the grant with it; only a refresh token
   * may take the others along (RFC 7009 section 2.1).
   */
  function revokesAccessToken(): boolean {
    const { oidc } = (Provider.ctx ?? {}) as Partial<KoaContextWithOIDC>;
    return oidc?.route === 'revocation' && oidc.entities.AccessToken !== undefined;
  }

  /** A signed-in session counts only while its link to the Knot session stands, whoever saved it last. */
  async function liveSession(session: AdapterPayload | undefined): Promise<AdapterPayload | undefined> {
    if (session?.accountId === undefined) return session;
    return (await records.linkOf(session.uid!)) === undefined ? undefined : session;
  }

  const adapterOf = (model: string): Adapter => ({
    async upsert(id, payload, expiresInSeconds) {
      const retentionMs = model === 'AuthorizationCode' ? usedCodeRetentionMs : 0;
      const record: NewRecord = {
        model,
        id,
        payload,
        // An interaction only mentions the grant it may extend; revoking that must not break a sign-in under way.
        grantId: model === 'Interaction' ? undefined : payload.grantId,
        uid: payload.uid,
        userCode: payload.userCode,
        accountId: payload.accountId,
        expiresAt: expiresInSeconds ? clock.now() + expiresInSeconds * 1000 + retentionMs : undefined,
      };
      // A code is a right that is derived from a session, and with offline access one that outlives it: none is given while the
      // session ends (`onLoss`), because what ends connections would not find it.
      const isDerived = givenCodes.has(model) && payload.sessionUid !== undefined;
      if (!isDerived) return await records.upsert(record);
      const isHeld = await records.upsertHeld(record, payload.sessionUid!, hold);
      if (!isHeld) throw new errors.LoginRequired('the sign-in has ended');
    },
    async find(id) {
      const payload = read(await records.find(model, id));
      return model === 'Session' ? await liveSession(payload) : payload;
    },
    async findByUid(uid) {
      const payload = read(await records.findByUid(model, uid));
      return model === 'Session' ? await liveSession(payload) : payload;
    },
    async findByUserCode(userCode) {
      return read(await records.findByUserCode(model, userCode));
    },
    async consume(id) {
      if (await records.consume(model, id)) return;
      const row = await records.find(model, id);
      if (row && isInGrace(row)) return;
      if (row?.grant_id) await records.revokeGrant(row.grant_id);
      throw new errors.InvalidGrant('used more than once');
    },
    async destroy(id) {
      await records.remove(model, id);
    },
    async revokeByGrantId(grantId) {
      if (!revokesAccessToken()) await records.removeByGrant(model, grantId);
    },
  });

  const unsupported = async () => {
    throw new errors.InvalidRequest('clients are managed by Knot');
  };
  const clientAdapter: Adapter = {
    find: async (id) => await directory.find(id),
    findByUid: async () => undefined,
    findByUserCode: async () => undefined,
    upsert: unsupported,
    consume: unsupported,
    destroy: unsupported,
    revokeByGrantId: unsupported,
  };

  return (model) => (model === 'Client' ? clientAdapter : adapterOf(model));
}
