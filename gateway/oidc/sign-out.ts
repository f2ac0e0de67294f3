import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import { html } from '../lib/index.ts';
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
    renderHtml(
      context,
      signOutPage({ clientName: client?.clientName ?? client?.clientId, form: withQuestion(form, context) }),
    );
    return;
  }
  const { postLogoutRedirectUri, state } = session.state as Question;
  await endCentralOf(session.uid);
  await session.destroy();
  context.cookies.set(provider.cookieName('session'), null, sessionCookie);
  const target = new URL(postLogoutRedirectUri ?? context.oidc.urlFor('end_session_success'));
  if (postLogoutRedirectUri !== undefined && state !== undefined) target.searchParams.set('state', state);
  context.status = 303;
  context.redirect(target.href);
}

/** What was asked, as the library keeps it in the session until the answer comes. */
type Question = { clientId?: string; postLogoutRedirectUri?: string; state?: string };

/** The form with the question in its address, so that an answer that comes too late can be followed by the same question. */
function withQuestion(form: string, { oidc }: KoaContextWithOIDC): string {
  const { clientId, postLogoutRedirectUri, state } = (oidc.session?.state ?? {}) as Question;
  const question = { client_id: clientId, post_logout_redirect_uri: postLogoutRedirectUri, state };
  const asked = Object.entries(question).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const query = new URLSearchParams([['asked', 'here'], ...asked]).toString();
  return form.replace(/(?<= action="[^"?]*)(?=")/, () => html`?${query}`.markup);
}

/**
 * Asks again where an answer fits no question any more: a session keeps one, so that of two pages that ask, in two tabs, the later
 * one has taken the place of the earlier; and the session may have ended meanwhile. Whoever pressed "Sign out" must not be left
 * signed in with an error. Only for our own page, which needs a click each time: the form that sends itself would go in circles.
 */
export const askAgain: Parameters<Provider['use']>[0] = async (context, next) => {
  await next();
  const { oidc } = context as KoaContextWithOIDC;
  if (oidc?.route !== 'end_session_confirm' || context.status !== 400) return;
  const asked = new URLSearchParams(context.querystring);
  if (!asked.has('asked')) return;
  asked.delete('asked');
  context.status = 303;
  context.redirect(`${oidc.urlFor('end_session')}?${asked.toString()}`);
};
