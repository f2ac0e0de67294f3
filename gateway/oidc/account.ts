import type { Account, errors as ProviderErrors, KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { Principal } from '../lib/index.ts';
import type { Records } from './records.ts';

/** What the provider reads of a registered client. */
export type ClientView = { clientId: string; [key: string]: unknown };

export const isFirstParty = (client: ClientView): boolean => client['knot:first_party'] === true;

/** Seconds that offline access of this client lasts; undefined where it lasts as long as everybody's. */
export const offlineSecondsOf = (client: ClientView | undefined): number | undefined =>
  client?.['knot:offline_seconds'] as number | undefined;

/** Whether the groups of a person let them use a client at all. */
export function mayUse(client: ClientView, principal: Principal): boolean {
  const allowed = client['knot:allowed_groups'] as string[] | undefined;
  return !allowed?.length || allowed.some((group) => principal.groups.includes(group));
}

export type KnotAccount = Account & { principal: Principal };

/**
 * The account behind a `sub`, computed anew on each authorization, token, refresh and userinfo request. Undefined for who is
 * not active or may no longer use the client: that ends refresh and userinfo at once.
 */
export function createFindAccount(
  principalOf: (userId: string) => Promise<Principal | undefined>,
  emailVerified: 'proven' | 'all' = 'proven',
) {
  return async (context: KoaContextWithOIDC, sub: string, token?: unknown): Promise<KnotAccount | undefined> => {
    const principal = await principalOf(sub);
    if (principal?.state !== 'active') return undefined;
    const client = context.oidc.client;
    // Without a token this is the authorization request itself, which answers with a page instead (see `loadGrant`).
    if (token && client && !mayUse(client, principal)) return undefined;
    return {
      accountId: sub,
      claims: async () => claimsOf(principal, emailVerified === 'all' || principal.isEmailProven === true),
      principal,
    };
  };
}

/** The provider cuts this down to what the granted scopes cover (`claims` in provider.ts). */
function claimsOf(principal: Principal, isEmailVerified: boolean) {
  return {
    sub: principal.id,
    preferred_username: principal.username,
    name: principal.username,
    email: principal.email,
    // Left out while nobody knows: clients refuse `false` (OpenID Connect Core 1.0 section 5.1 says what true promises).
    ...(isEmailVerified && { email_verified: true }),
    groups: [...principal.groups],
  };
}

/**
 * Finds or makes what a person has granted to the client of this request. First-party clients get what they ask for without a
 * page; others get what the person agreed to before. A grant belongs to one sign-in, so that signing out on one device does
 * not end the tokens of another.
 * @throws AccessDenied when the person is in none of the client's allowed groups
 */
export function createLoadGrant(options: {
  records: Records;
  errors: typeof ProviderErrors;
  onRefused(principal: Principal, clientId: string): Promise<void>;
}) {
  const { records, errors, onRefused } = options;
  return async (context: KoaContextWithOIDC) => {
    const { client, account, session, result, provider, prompts, params } = context.oidc;
    if (!client || !account || !session) return undefined;
    const { principal } = account as KnotAccount;
    if (!mayUse(client, principal)) {
      await onRefused(principal, client.clientId);
      const refusal = new errors.AccessDenied('the person is in none of the groups that may use this client');
      // A person reads our page; only a silent request is answered to the client.
      refusal.allow_redirect = prompts.has('none');
      throw refusal;
    }
    const grantId = result?.consent?.grantId ?? session.grantIdFor(client.clientId);
    const existing = grantId === undefined ? undefined : await provider.Grant.find(grantId);
    const isOurs = existing?.accountId === account.accountId && existing.clientId === client.clientId;
    const grant =
      (isOurs ? existing : undefined) ??
      new provider.Grant({ accountId: account.accountId, clientId: client.clientId });
    const before = JSON.stringify([grant.openid, grant.resources]);
    if (isFirstParty(client)) {
      grant.addOIDCScope((params as { scope?: string }).scope ?? 'openid');
      grant.addOIDCClaims([...context.oidc.requestParamClaims]);
    } else if (!isOurs || !covers(grant, context)) {
      // What was allowed in another sign-in counts here as well.
      const consent = await records.findConsent(account.accountId, client.clientId);
      if (consent) {
        grant.addOIDCScope(consent.scope);
        grant.addOIDCClaims(consent.claims);
      } else if (!isOurs) return undefined;
    }
    if (JSON.stringify([grant.openid, grant.resources]) !== before) await grant.save();
    return grant;
  };
}

function covers(grant: InstanceType<Provider['Grant']>, { oidc }: KoaContextWithOIDC): boolean {
  const scopes = new Set(grant.getOIDCScopeEncountered().split(' '));
  const claims = new Set(grant.getOIDCClaimsEncountered());
  return (
    [...oidc.requestParamOIDCScopes].every((scope) => scopes.has(scope)) &&
    [...oidc.requestParamClaims].every((claim) => claims.has(claim))
  );
}
