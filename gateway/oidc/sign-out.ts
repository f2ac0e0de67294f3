import type { KoaContextWithOIDC } from 'oidc-provider';
import { isFirstParty } from './account.ts';
import { sessionCookie } from './cookies.ts';
import { signOutPage } from './pages.ts';
import { renderHtml } from './render.ts';

/**
 * RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0). A first-party client that shows an ID token of this very
 * session is believed and ends it at once; everybody else gets a page to confirm. An ID token that is left over from an
 * earlier sign-in, or was given out on another device, proves nothing about this one: `sid` decides (section 2 and 4).
 */
export async function signOut(
  context: KoaContextWithOIDC,
  form: string,
  endCentralOf: (uid: string) => Promise<void>,
): Promise<void> {
  const { client, session, entities, provider } = context.oidc;
  const { payload } = (entities.IdTokenHint ?? {}) as { payload?: { sub?: string; sid?: string } };
  const isOfThisSession =
    payload?.sid !== undefined &&
    payload.sub === session?.accountId &&
    payload.sid === session?.sidFor(client?.clientId ?? '');
  if (!session || !client || !isFirstParty(client) || !isOfThisSession) {
    renderHtml(context, signOutPage({ clientName: client?.clientName ?? client?.clientId, form }));
    return;
  }
  const { postLogoutRedirectUri, state } = session.state as { postLogoutRedirectUri?: string; state?: string };
  await endCentralOf(session.uid);
  await session.destroy();
  context.cookies.set(provider.cookieName('session'), null, sessionCookie);
  const target = new URL(postLogoutRedirectUri ?? context.oidc.urlFor('end_session_success'));
  if (postLogoutRedirectUri !== undefined && state !== undefined) target.searchParams.set('state', state);
  context.status = 303;
  context.redirect(target.href);
}
