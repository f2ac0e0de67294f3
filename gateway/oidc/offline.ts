import type { KoaContextWithOIDC } from 'oidc-provider';
import { decodeJwt } from 'jose';

/** A parameter that nobody sends: the library calls its check on every authorization and pushed request, after its own of the scope. */
export const askedScope = 'knot_asked_scope';

const offlineAccess = 'offline_access';

/**
 * Puts `offline_access` back where the client asked for it. The library drops it unless the request says `prompt=consent`, which
 * kubelogin, Harbor and most others never do. OpenID Connect Core 1.0 section 11 wants consent "unless other conditions" permit
 * it; ours are met further on: a first-party client needs no page, a remembered consent counts for what it covers, and
 * everybody else is asked (account.ts).
 */
export function restoreOfflineAccess(context: KoaContextWithOIDC): void {
  const { params, client } = context.oidc;
  if (!params || !client?.grantTypeAllowed('refresh_token')) return;
  const asked = scopeAsked(context)?.split(' ') ?? [];
  const kept = typeof params['scope'] === 'string' ? params['scope'].split(' ') : [];
  if (!asked.includes(offlineAccess) || kept.includes(offlineAccess)) return;
  params['scope'] = [...kept, offlineAccess].join(' ');
}

/** The scope as the client sent it: in the pushed request, the posted form or the address. */
function scopeAsked(context: KoaContextWithOIDC): string | undefined {
  const pushed = context.oidc.entities.PushedAuthorizationRequest;
  if (pushed?.request !== undefined) return textOf(decodeJwt(pushed.request)['scope']);
  return textOf(context.method === 'POST' ? context.oidc.body?.['scope'] : context.query['scope']);
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
