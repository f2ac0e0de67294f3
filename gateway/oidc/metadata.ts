import type { ClientMetadata } from 'oidc-provider';
import { backchannelUriProblem, hashSecret, knotError, redirectUriProblem } from '../lib/index.ts';

/** What Knot adds to the registered metadata of a client (OpenID Connect Dynamic Client Registration 1.0, section 2). */
export const extraMetadata = [
  'knot:first_party',
  'knot:allowed_groups',
  'knot:previous_secret',
  'knot:previous_secret_until',
  'knot:offline_seconds',
] as const;

export type StoredClient = ClientMetadata & {
  /** SHA-256 of the secret, never the secret: `provider.ts` overrides the comparison. */
  client_secret?: string;
  'knot:first_party': boolean;
  'knot:allowed_groups': string[];
  /** The hash of the secret of before, taken as well until then (milliseconds; without a time as long as it stands there). */
  'knot:previous_secret'?: string | undefined;
  'knot:previous_secret_until'?: number | undefined;
  /** How long what it was given for offline access lasts, where that is longer than everybody's. */
  'knot:offline_seconds'?: number | undefined;
};

/** The parts of a stored client that are about its secrets. */
export function secretOf(client: StoredClient): Partial<StoredClient> {
  const { client_secret, 'knot:previous_secret': previous, 'knot:previous_secret_until': until } = client;
  return {
    ...(client_secret === undefined ? {} : { client_secret }),
    ...(previous === undefined ? {} : { 'knot:previous_secret': previous }),
    ...(until === undefined ? {} : { 'knot:previous_secret_until': until }),
  };
}

export type ClientFacts = {
  clientId: string;
  /** Shown on the consent page. */
  name: string;
  redirectUris: readonly string[];
  postLogoutRedirectUris?: readonly string[] | undefined;
  /** Undefined for a public client. */
  secret?: string | undefined;
  /** The secret of before, taken as well while a client moves to the new one. */
  previousSecret?: string | undefined;
  /** Knows no redirect: a person enters the code it shows (RFC 8628). */
  usesDeviceFlow?: boolean | undefined;
  /** Skips the consent page. */
  firstParty?: boolean | undefined;
  /** Groups that may use it; empty: everyone. */
  allowedGroups?: readonly string[] | undefined;
  backchannelLogoutUri?: string | undefined;
  /** Days that offline access lasts, of a tool that shuts people's programs out when it ends; without it that of everybody. */
  offlineDays?: number | undefined;
  /** What signs its ID tokens; RS256 unless it asks for another. */
  idTokenSignedResponseAlg?: SigningAlgorithm | undefined;
};

const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code';

export type SigningAlgorithm = 'RS256' | 'ES256';

/**
 * The registered form of a client. A public client whose addresses are all on the loopback interface or of a private scheme
 * is a native one (RFC 8252): its loopback port may then vary.
 * @throws KNOT_OIDC_REDIRECT_URI naming the address that is refused
 */
export function toMetadata(client: ClientFacts): StoredClient {
  const isPublic = client.secret === undefined;
  const addresses = client.redirectUris.map((uri) => checkRedirectUri(uri, isPublic));
  const postLogoutRedirectUris = client.postLogoutRedirectUris ?? [];
  for (const uri of postLogoutRedirectUris) checkRedirectUri(uri, isPublic);
  const { backchannelLogoutUri } = client;
  if (backchannelLogoutUri !== undefined)
    checkAddress(backchannelLogoutUri, backchannelUriProblem(backchannelLogoutUri, isPublic));
  const isNative = isPublic && addresses.every((url) => url.protocol !== 'https:');
  return {
    client_id: client.clientId,
    client_name: client.name,
    redirect_uris: [...client.redirectUris],
    post_logout_redirect_uris: [...postLogoutRedirectUris],
    response_types: client.usesDeviceFlow === true ? [] : ['code'],
    grant_types: [client.usesDeviceFlow === true ? deviceGrant : 'authorization_code', 'refresh_token'],
    application_type: isNative ? 'native' : 'web',
    token_endpoint_auth_method: isPublic ? 'none' : 'client_secret_basic',
    ...(client.secret === undefined ? {} : { client_secret: hashSecret(client.secret) }),
    ...(client.previousSecret === undefined ? {} : { 'knot:previous_secret': hashSecret(client.previousSecret) }),
    ...(client.backchannelLogoutUri === undefined
      ? {}
      : { backchannel_logout_uri: client.backchannelLogoutUri, backchannel_logout_session_required: true }),
    id_token_signed_response_alg: client.idTokenSignedResponseAlg ?? 'RS256',
    ...(client.offlineDays === undefined ? {} : { 'knot:offline_seconds': client.offlineDays * 24 * 3600 }),
    'knot:first_party': client.firstParty ?? false,
    'knot:allowed_groups': [...(client.allowedGroups ?? [])],
  };
}

function checkRedirectUri(uri: string, isPublic: boolean): URL {
  checkAddress(uri, redirectUriProblem(uri, isPublic));
  return new URL(uri);
}

function checkAddress(uri: string, problem: string | undefined): void {
  if (problem !== undefined) {
    throw knotError('KNOT_OIDC_REDIRECT_URI', 400, `The address ${uri} cannot be registered.`, {
      remedy: `It ${problem}.`,
    });
  }
}
