import type { IncomingMessage, ServerResponse } from 'node:http';
import type { InteractionResults, Provider } from 'oidc-provider';
import type { Identify, Identity, Principal } from '../lib/index.ts';
import { isFirstParty } from './account.ts';
import { authTime, howSignedIn } from './binding.ts';
import { interactionCookie } from './cookies.ts';
import { consentPage, expiredPage } from './pages.ts';
import type { Records } from './records.ts';

type Interaction = InstanceType<Provider['Interaction']>;

/** What a browser gets: a redirect (303) or a page. */
export type Answer = { location: string } | { status: number; page: string };

export type Interactions = {
  /**
   * `GET /oidc/interaction/:uid`
   * @param isSelected whether the person comes from the page that asks who goes on (`?selected=1`)
   */
  show(uid: string, request: IncomingMessage, response: ServerResponse, isSelected: boolean): Promise<Answer>;
  /** `POST /oidc/interaction/:uid`; the caller has checked that the request comes from our own page. */
  decide(uid: string, isAllowed: boolean, request: IncomingMessage, response: ServerResponse): Promise<Answer>;
};

export const interactionPath = (uid: string): string => `/oidc/interaction/${uid}`;

/** The pages between an authorization request and its answer: sign in (again), and consent. */
export function createInteractions(options: {
  provider(): Provider;
  identify: Identify;
  records: Records;
  onDenied(principal: Principal, clientId: string): Promise<void>;
}): Interactions {
  const { provider, identify, records, onDenied } = options;

  /** The interaction of this browser: the path-scoped, signed cookie must name the same one as the address. */
  async function find(
    uid: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<Interaction | undefined> {
    const { cookies } = provider().createContext(request, response);
    if (cookies.get(provider().cookieName('interaction'), interactionCookie) !== uid) return undefined;
    return await provider().Interaction.find(uid);
  }

  async function finish(interaction: Interaction, result: InteractionResults): Promise<Answer> {
    interaction.result = 'error' in result ? result : { ...interaction.lastSubmission, ...result };
    await interaction.save(interaction.remainingTTL);
    return { location: interaction.returnTo };
  }

  const refuse = (interaction: Interaction, error: string, description: string) =>
    finish(interaction, { error, error_description: description });

  async function finishLogin(interaction: Interaction, identity: Identity): Promise<Answer> {
    // The provider's session may have been replaced by the new sign-in; the resumed request is bound anew (binding.ts).
    interaction.session = undefined;
    return await finish(interaction, {
      login: { accountId: identity.principal.id, ts: authTime(identity), ...howSignedIn },
      ...(interaction.prompt.name === 'select_account' && { select_account: {} }),
    });
  }

  /** Signing in for this very request is a choice; otherwise the page of `login` asks, and its address back proves the answer. */
  async function select(interaction: Interaction, identity: Identity, isSelected: boolean): Promise<Answer> {
    if (isFresh(interaction, identity)) return await finishLogin(interaction, identity);
    if (isSelected) {
      // No sign-in: the resumed request is bound to whoever is signed in (binding.ts), and may still ask for a fresh one.
      interaction.session = undefined;
      return await finish(interaction, { select_account: {} });
    }
    const next = `${interactionPath(interaction.uid)}?selected=1`;
    return { location: `/login/account?next=${encodeURIComponent(next)}` };
  }

  async function login(interaction: Interaction, identity: Identity): Promise<Answer> {
    const reasons = new Set(interaction.prompt.reasons);
    if (reasons.has('id_token_hint') || reasons.has('claims_id_token_sub_value')) {
      return await refuse(interaction, 'login_required', 'another person is signed in');
    }
    if (reasons.has('essential_acr') || reasons.has('essential_acrs')) {
      return await refuse(interaction, 'unmet_authentication_requirements', 'the requested acr is not offered');
    }
    const isFreshNeeded = reasons.has('login_prompt') || reasons.has('max_age');
    if (isFreshNeeded && !isFresh(interaction, identity)) {
      return { location: `/login?reauthenticate=1&next=${encodeURIComponent(interactionPath(interaction.uid))}` };
    }
    if (interaction.lastSubmission?.login)
      return await refuse(interaction, 'login_required', 'the sign-in did not suffice');
    return await finishLogin(interaction, identity);
  }

  async function allow(interaction: Interaction, principal: Principal, clientId: string): Promise<Answer> {
    const { Grant } = provider();
    const { missingOIDCScope, missingOIDCClaims } = missing(interaction);
    const existing = interaction.grantId === undefined ? undefined : await Grant.find(interaction.grantId);
    const grant = existing ?? new Grant({ accountId: principal.id, clientId });
    if (missingOIDCScope.length > 0) grant.addOIDCScope(missingOIDCScope);
    if (missingOIDCClaims.length > 0) grant.addOIDCClaims(missingOIDCClaims);
    const grantId = await grant.save();
    await records.saveConsent(principal.id, clientId, { scope: grant.getOIDCScope(), claims: grant.getOIDCClaims() });
    return await finish(interaction, { consent: { grantId } });
  }

  async function answer(
    uid: string,
    request: IncomingMessage,
    response: ServerResponse,
    decision: 'ask' | 'selected' | 'allow' | 'deny',
  ): Promise<Answer> {
    const interaction = await find(uid, request, response);
    if (!interaction) return { status: 400, page: expiredPage() };
    const identity = await identify(request.headers.cookie, '');
    if (!identity) return { location: signInPath(interaction) };
    if (interaction.prompt.name === 'select_account') {
      return await select(interaction, identity, decision === 'selected');
    }
    if (interaction.prompt.name === 'login') return await login(interaction, identity);
    const { principal } = identity;
    // Somebody else signed in meanwhile: start over for them, and ask them.
    if (interaction.session?.accountId !== principal.id) return await finishLogin(interaction, identity);
    const client = await provider().Client.find(String(interaction.params['client_id']));
    if (!client) return { status: 400, page: expiredPage() };
    if (isFirstParty(client) || decision === 'allow') return await allow(interaction, principal, client.clientId);
    if (decision === 'deny') {
      await onDenied(principal, client.clientId);
      return await refuse(interaction, 'access_denied', 'the person did not allow it');
    }
    return {
      status: 200,
      page: consentPage({
        clientName: client.clientName ?? client.clientId,
        clientHost: hostOf(String(interaction.params['redirect_uri'])),
        username: principal.username,
        scopes: String(interaction.params['scope']).split(' '),
        claims: missing(interaction).missingOIDCClaims,
        action: interactionPath(uid),
      }),
    };
  }

  return {
    show: (uid, request, response, isSelected) => answer(uid, request, response, isSelected ? 'selected' : 'ask'),
    decide: (uid, isAllowed, request, response) => answer(uid, request, response, isAllowed ? 'allow' : 'deny'),
  };
}

const isFresh = (interaction: Interaction, identity: Identity): boolean => authTime(identity) >= interaction.iat;

/** No username or e-mail address is longer. */
const longestHint = 254;

/** The sign-in page with the name the client knows already (OpenID Connect Core 1.0 section 3.1.2.1, `login_hint`). */
function signInPath(interaction: Interaction): string {
  const query = new URLSearchParams({ next: interactionPath(interaction.uid) });
  const hint = interaction.params['login_hint'];
  if (typeof hint === 'string' && hint.length <= longestHint) query.set('login_hint', hint);
  return `/login?${query.toString()}`;
}

function missing(interaction: Interaction): { missingOIDCScope: string[]; missingOIDCClaims: string[] } {
  const { missingOIDCScope = [], missingOIDCClaims = [] } = interaction.prompt.details as {
    missingOIDCScope?: string[];
    missingOIDCClaims?: string[];
  };
  return { missingOIDCScope, missingOIDCClaims };
}

function hostOf(uri: string): string {
  return URL.canParse(uri) ? new URL(uri).host || uri : uri;
}
