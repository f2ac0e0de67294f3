import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { Records } from './records.ts';

type Middleware = Parameters<Provider['use']>[0];

/**
 * A failed use burns an authorization code, and a second use also revokes what the first one gave (RFC 6749 section 4.1.2,
 * RFC 9700 section 2.1.1). The library revokes only on a replay by the same client within the code's minute and leaves a
 * code usable after a wrong verifier; here any authenticated client, a wrong verifier and a late replay count as well.
 */
export function burnCodes(provider: Provider, records: Records): Middleware {
  const failed = new WeakSet<object>();
  provider.on('grant.error', (context, error) => {
    // Who did not authenticate may not burn a code.
    if ((error as { error?: string }).error !== 'invalid_client') failed.add(context);
  });
  return async (context, next) => {
    await next();
    if (!failed.has(context)) return;
    const { oidc } = context as KoaContextWithOIDC;
    const code = oidc.params?.['code'];
    if (oidc.params?.['grant_type'] !== 'authorization_code' || typeof code !== 'string' || !oidc.client) return;
    const record = await records.find('AuthorizationCode', code);
    if (!record) return;
    if (record.consumed_at === null) await records.remove('AuthorizationCode', code);
    else if (record.grant_id) await records.revokeGrant(record.grant_id);
  };
}
