import type { Adapter, AdapterFactory, AdapterPayload, errors as ProviderErrors } from 'oidc-provider';
import type { Clock } from '../lib/index.ts';
import type { ClientDirectory } from './directory.ts';
import type { RecordRow, Records } from './records.ts';

/** A used code is remembered this long after it expired, so that a late replay still revokes what was made from it. */
const usedCodeRetentionMs = 3600 * 1000;

/**
 * The storage of `oidc-provider`: clients come from the client directory, every other model lives in `oidc_records`.
 * https://github.com/panva/node-oidc-provider/blob/main/example/my_adapter.js
 */
export function createAdapter(options: {
  records: Records;
  directory: ClientDirectory;
  clock: Clock;
  errors: typeof ProviderErrors;
}): AdapterFactory {
  const { records, directory, clock, errors } = options;

  function read(row: RecordRow | undefined): AdapterPayload | undefined {
    if (!row) return undefined;
    const payload = JSON.parse(row.payload) as AdapterPayload;
    return row.consumed_at === null ? payload : { ...payload, consumed: Math.floor(row.consumed_at / 1000) };
  }

  /** A signed-in session counts only while its link to the Knot session stands, whoever saved it last. */
  async function liveSession(session: AdapterPayload | undefined): Promise<AdapterPayload | undefined> {
    if (session?.accountId === undefined) return session;
    return (await records.linkOf(session.uid!)) === undefined ? undefined : session;
  }

  const adapterOf = (model: string): Adapter => ({
    async upsert(id, payload, expiresInSeconds) {
      const retentionMs = model === 'AuthorizationCode' ? usedCodeRetentionMs : 0;
      await records.upsert({
        model,
        id,
        payload,
        // An interaction only mentions the grant it may extend; revoking that must not break a sign-in under way.
        grantId: model === 'Interaction' ? undefined : payload.grantId,
        uid: payload.uid,
        userCode: payload.userCode,
        accountId: payload.accountId,
        expiresAt: expiresInSeconds ? clock.now() + expiresInSeconds * 1000 + retentionMs : undefined,
      });
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
      const grantId = (await records.find(model, id))?.grant_id;
      if (grantId) await records.revokeGrant(grantId);
      throw new errors.InvalidGrant('used more than once');
    },
    async destroy(id) {
      await records.remove(model, id);
    },
    async revokeByGrantId(grantId) {
      await records.removeByGrant(model, grantId);
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
