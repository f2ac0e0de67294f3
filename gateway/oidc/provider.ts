import type { AdapterFactory, Configuration, KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { Log, Principal } from '../lib/index.ts';
import type { SigningKeys } from '../keys/index.ts';
import { createFindAccount, createLoadGrant, isFirstParty, mayUse, offlineSecondsOf } from './account.ts';
import type { SessionBinding } from './binding.ts';
import { passwordContext } from './context-class.ts';
import { cookieNames, interactionCookie, sessionCookie } from './cookies.ts';
import { commandLineClient, type createDeviceFlow, deviceCodeSeconds } from './device.ts';
import { interactionPath } from './interactions.ts';
import type { ProviderLibrary } from './library.ts';
import { type ClientSecrets, isSecretOf } from './client-secret.ts';
import { extraMetadata } from './metadata.ts';
import { askedScope, restoreOfflineAccess } from './offline.ts';
import type { LogoutNotice } from './notices.ts';
import { type Outbound, queueLogouts } from './outbound.ts';
import { signedOutPage } from './pages.ts';
import type { Records } from './records.ts';
import { logRefusals } from './refusals.ts';
import { answerAway, answerUnknown, renderError, renderHtml } from './render.ts';
import { burnCodes } from './replay.ts';
import { askAgain, signOut } from './sign-out.ts';

export type ProviderOptions = {
  library: ProviderLibrary;
  issuer: string;
  adapter: AdapterFactory;
  keys: SigningKeys;
  cookieKeys: string[];
  sessionSeconds: number;
  /** Milliseconds. */
  now(): number;
  principalOf(userId: string): Promise<Principal | undefined>;
  emailVerified: 'proven' | 'all' | undefined;
  binding: SessionBinding;
  records: Records;
  fetch: Outbound['fetch'];
  /** Notes that a client must hear of the end of a session. */
  noteLogout(notice: LogoutNotice): Promise<void>;
  /** Ends the Knot session that a provider session belongs to. */
  endCentralOf(uid: string): Promise<void>;
  deviceFlow: ReturnType<typeof createDeviceFlow>;
  onRefused(principal: Principal, clientId: string): Promise<void>;
  log: Log;
};

const hourSeconds = 3600;
const daySeconds = 24 * hourSeconds;
/** Bounds every chain of refresh tokens: a refresh never outlives its grant. */
const grantSeconds = 90 * daySeconds;
const refreshSeconds = 30 * daySeconds;

/** A provider with the present signing keys; made anew (about 10 ms) whenever they change. Every default is set on purpose. */
export function buildProvider(options: ProviderOptions): Provider {
  const { library, issuer, log, binding, endCentralOf } = options;
  const { Provider, errors } = library;
  const configuration: Configuration = {
    adapter: options.adapter,
    jwks: options.keys.providerJwks(),
    cookies: { names: cookieNames, keys: options.cookieKeys, long: sessionCookie, short: interactionCookie },
    findAccount: createFindAccount(options.principalOf, options.emailVerified),
    loadExistingGrant: createLoadGrant({ records: options.records, errors, onRefused: options.onRefused }),
    // Groups must be in the ID token: Argo, Kubernetes and kubelogin read nothing else.
    conformIdTokenClaims: false,
    // A context class that the provider compares a request with; what a Knot session is made of (binding.ts).
    acrValues: [passwordContext],
    extraParams: { [askedScope]: restoreOfflineAccess },
    discovery: { prompt_values_supported: ['none', 'login', 'consent', 'select_account'] },
    scopes: ['openid', 'offline_access', 'profile', 'email', 'groups'],
    claims: {
      openid: ['sub'],
      profile: ['preferred_username', 'name'],
      email: ['email', 'email_verified'],
      groups: ['groups'],
      acr: null,
      amr: null,
      auth_time: null,
      iss: null,
      sid: null,
    },
    subjectTypes: ['public'],
    responseTypes: ['code'],
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'none'],
    // RS256 is what every client takes; ES256 on request. Never an HMAC: secrets are stored hashed.
    enabledJWA: { idTokenSigningAlgValues: ['RS256', 'ES256'] },
    clientDefaults: { id_token_signed_response_alg: 'RS256' },
    extraClientMetadata: { properties: [...extraMetadata] },
    allowOmittingSingleRegisteredRedirectUri: false,
    acceptQueryParamAccessTokens: false,
    enableHttpPostMethods: false,
    clientBasedCORS: (context, origin, client) =>
      origin !== 'null' &&
      (context.oidc.route === 'userinfo' || client.clientAuthMethod === 'none') &&
      (client.redirectUris ?? []).some((uri) => URL.parse(uri)?.origin === origin),
    // FAPI 2.0 Security Profile, section 5.3.2.1: clocks of up to 10 seconds apart are borne with.
    clockTolerance: 10,
    pkce: { required: (_context, client) => client.clientAuthMethod === 'none' },
    ttl: {
      AccessToken: hourSeconds,
      AuthorizationCode: 60,
      DeviceCode: deviceCodeSeconds,
      // Whoever is shown it (an API server) cannot know that a sign-in ended meanwhile.
      IdToken: (_context, _token, client) => (client.clientId === commandLineClient.clientId ? 300 : hourSeconds),
      Interaction: hourSeconds,
      Session: options.sessionSeconds,
      // What a person allows on our own page is made outside a request of the library.
      Grant: (context: Partial<KoaContextWithOIDC> | undefined) =>
        offlineSecondsOf(context?.oidc?.client) ?? grantSeconds,
      RefreshToken(context) {
        const seconds = offlineSecondsOf(context.oidc.client) ?? refreshSeconds;
        return Math.min(seconds, context.oidc.entities.Grant?.remainingTTL ?? seconds);
      },
    },
    // First-party tools re-read userinfo with short tokens; without offline_access the refresh dies with the sign-in.
    issueRefreshToken: async (_context, client, source) =>
      client.grantTypeAllowed('refresh_token') && (source.scopes.has('offline_access') || isFirstParty(client)),
    expiresWithSession: async (_context, source) => !source.scopes.has('offline_access'),
    // A confidential client is protected by its secret; rotation would make two concurrent refreshes end its whole grant.
    rotateRefreshToken: (context) => context.oidc.client?.clientAuthMethod === 'none',
    // A revoked access token ends alone (RFC 7009 section 2.1); the adapter spares the tokens, this the grant.
    revokeGrantPolicy: (context) => !(context.oidc.route === 'revocation' && context.oidc.entities.AccessToken),
    renderError,
    interactions: {
      url: (_context, interaction) => interactionPath(interaction.uid),
      policy: interactionPolicy(options),
    },
    features: {
      devInteractions: { enabled: false },
      claimsParameter: { enabled: true },
      userinfo: { enabled: true },
      pushedAuthorizationRequests: { enabled: true },
      dPoP: { enabled: true },
      resourceIndicators: { enabled: false },
      clientCredentials: { enabled: false },
      deviceFlow: options.deviceFlow.feature,
      backchannelLogout: { enabled: true },
      revocation: {
        enabled: true,
        allowedPolicy: async (_context, client, token) => token.clientId === client.clientId,
      },
      introspection: {
        enabled: true,
        // A client learns only about its own tokens, and nothing about people who are not active any more.
        allowedPolicy: async (_context, client, token) => {
          if (client.clientAuthMethod === 'none' || token.clientId !== client.clientId) return false;
          const { accountId } = token as { accountId?: string };
          const principal = accountId === undefined ? undefined : await options.principalOf(accountId);
          return principal?.state === 'active' && mayUse(client, principal);
        },
      },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (context, form) => signOut(context, form, endCentralOf),
        postLogoutSuccessSource: async (context) => renderHtml(context, signedOutPage(context.oidc.client?.clientName)),
      },
    },
    fetch: options.fetch as NonNullable<Configuration['fetch']>,
  };
  const provider = new Provider(issuer, configuration);
  // Koa believes X-Forwarded-Proto; the mount sets it to the issuer's (mount.ts).
  provider.proxy = true;
  queueLogouts(provider, options.noteLogout);
  // Every ID token names its session, so that one of an earlier sign-in is told from one of this (sign-out.ts).
  provider.Client.prototype.includeSid = () => true;
  provider.Client.prototype.compareClientSecret = function (this: ClientSecrets, actual: string): boolean {
    return isSecretOf(this, actual, options.now());
  };
  provider.use(async (context, next) => {
    await next();
    const { oidc } = context as KoaContextWithOIDC;
    if (oidc?.route === 'end_session_confirm' && (oidc.session as { destroyed?: boolean } | undefined)?.destroyed) {
      await endCentralOf(oidc.session!.uid);
    }
  });
  provider.use(options.deviceFlow.bound);
  provider.use(askAgain);
  provider.use(answerUnknown);
  provider.use(answerAway);
  provider.use(burnCodes(provider, options.records));
  logRefusals(provider, log);
  return provider;

  function interactionPolicy({ library: { interactionPolicy: policy } }: ProviderOptions) {
    const prompts = policy.base();
    prompts.add(new policy.Prompt({ name: 'select_account', requestable: true }), 0);
    prompts.get('login')!.checks.add(
      new policy.Check('knot_session', 'the Knot session has ended', 'login_required', (context) => {
        const accountId = context.oidc.session?.accountId;
        return accountId !== undefined && binding.identityOf(context.req)?.principal.id !== accountId;
      }),
    );
    return prompts;
  }
}
