import { type Config, readSecret } from '../config/index.ts';
import type { ConfiguredClient } from '../oidc/index.ts';

/** The clients of `oidc.clients`, with their secrets read. */
export function configuredClients(config: Pick<Config, 'oidc' | 'baseFolder'>): ConfiguredClient[] {
  return config.oidc.clients.map((client) => ({
    clientId: client.clientId,
    name: client.title ?? client.clientId,
    redirectUris: client.redirectUris,
    postLogoutRedirectUris: client.postLogoutRedirectUris,
    secret: client.secret && readSecret(client.secret, config.baseFolder),
    previousSecret: client.previousSecret && readSecret(client.previousSecret, config.baseFolder),
    firstParty: client.firstParty,
    allowedGroups: client.allowedGroups,
    backchannelLogoutUri: client.backchannelLogoutUri,
    idTokenSignedResponseAlg: client.idTokenSignedResponseAlg,
  }));
}
