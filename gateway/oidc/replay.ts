import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { Records } from './records.ts';

type Middleware = Parameters<Provider['use']>[0];
type GrantError = { error?: string | undefined; error_description?: string | undefined };

/**
 * A failed use burns an authorization code, and a second use also revokes what the first one gave (RFC 6749 section 4.1.2,
 * RFC 9700 section 2.1.1). The library revokes only on a replay by the same client within the code's minute and leaves a
 * code usable after a wrong verifier; here any authenticated client, a wrong verifier and a late replay count as well.
 */
export function burnCodes(provider: Provider, records: Records): Middleware {
  const failed = new WeakMap<object, GrantError>();
  provider.on('grant.error', (context, error) => {
    // Who did not authenticate may not burn a code.
    if ((error as GrantError).error !== 'invalid_client') failed.set(context, error);
  });
  return async (context, next) => {
    await next();
    const failure = failed.get(context);
    if (!failure) return;
    const { oidc } = context as KoaContextWithOIDC;
    const code = oidc.params?.['code'];
    if (oidc.params?.['grant_type'] !== 'authorization_code' || typeof code !== 'string' || !oidc.client) return;
    // A verifier of the wrong shape is a wrong verifier (RFC 7636 section 4.6).
    if (failure.error_description?.startsWith('code_verifier') && isOAuthError(context.body)) {
      context.body = { error: 'invalid_grant', error_description: failure.error_description };
    }
    const record = await records.find('AuthorizationCode', code);
    if (!record) return;
    if (record.consumed_at === null) await records.remove('AuthorizationCode', code);
    else if (record.grant_id) await records.revokeGrant(record.grant_id);
  };
}

function isOAuthError(body: unknown): boolean {
  return typeof body === 'object' && body !== null && 'error' in body;
}
