import { type Static, Type } from 'typebox';
import { type AddProblem, object, SecretReference } from './section.ts';

export const ClientConfig = object(
  {
    clientId: Type.String({ pattern: '^[A-Za-z0-9._-]{1,80}$', description: 'The client_id.' }),
    title: Type.Optional(Type.String({ minLength: 1, maxLength: 60, description: 'Name shown on the consent page.' })),
    redirectUris: Type.Array(Type.String({ minLength: 1 }), {
      minItems: 1,
      description: 'Exact addresses; no wildcards.',
    }),
    postLogoutRedirectUris: Type.Array(Type.String(), {
      default: [],
      description: 'Where RP-initiated logout may return to.',
    }),
    secret: Type.Optional(SecretReference),
    public: Type.Boolean({
      default: false,
      description: 'A client without a secret (SPA, command line); PKCE is required.',
    }),
    firstParty: Type.Boolean({ default: false, description: 'Skips the consent page.' }),
    allowedGroups: Type.Array(Type.String(), {
      default: [],
      description: 'Groups that may use it; empty means everyone.',
    }),
  },
  'An OpenID Connect client.',
);

export type ClientSettings = Static<typeof ClientConfig>;

export const OidcConfig = object(
  {
    clients: Type.Array(ClientConfig, { default: [], description: 'Clients besides those of the integrations.' }),
    keyRotationDays: Type.Integer({
      default: 90,
      minimum: 1,
      description: 'Age at which signing keys are replaced.',
    }),
  },
  'OpenID Provider.',
);

/** Client ids used once (those of integrations are taken), a secret where one is needed, addresses that can be compared. */
export function checkOidc(
  { clients }: Static<typeof OidcConfig>,
  integrations: readonly string[],
  add: AddProblem,
): void {
  const clientIds = new Set(integrations);
  clients.forEach((client, index) => {
    const at = `oidc.clients[${index}]`;
    if (clientIds.has(client.clientId)) add(`${at}.clientId`, `"${client.clientId}" is used twice`);
    clientIds.add(client.clientId);
    if (client.public === (client.secret !== undefined)) {
      add(
        `${at}.secret`,
        client.public ? 'must be left out of a public client' : 'is needed unless the client is public: true',
      );
    }
    client.redirectUris.forEach((uri, position) => {
      if (!URL.canParse(uri) || uri.includes('#'))
        add(`${at}.redirectUris[${position}]`, `must be an absolute address without fragment, but it is "${uri}"`);
    });
  });
}
