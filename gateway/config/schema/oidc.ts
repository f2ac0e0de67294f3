import { type Static, Type } from 'typebox';
import {
  backchannelUriProblem,
  clientIdPattern,
  redirectUriProblem,
  secretProblem,
  secretWarning,
} from '../../lib/index.ts';
import { type AddProblem, object, SecretReference } from './section.ts';

export const ClientConfig = object(
  {
    clientId: Type.String({ pattern: clientIdPattern, description: 'The client_id.' }),
    title: Type.Optional(Type.String({ minLength: 1, maxLength: 60, description: 'Name shown on the consent page.' })),
    redirectUris: Type.Array(Type.String({ minLength: 1 }), {
      minItems: 1,
      description: 'Exact addresses; no wildcards.',
    }),
    postLogoutRedirectUris: Type.Array(Type.String(), {
      default: [],
      description: 'Where RP-initiated logout may return to.',
    }),
    backchannelLogoutUri: Type.Optional(
      Type.String({
        description: 'Told when a sign-in ends (OpenID Connect Back-Channel Logout); may be a private address.',
      }),
    ),
    secret: Type.Optional(SecretReference),
    previousSecret: Type.Optional(
      Type.Unsafe<Static<typeof SecretReference>>({
        ...SecretReference,
        description: 'The secret of before, taken as well while the application moves to the new one.',
      }),
    ),
    public: Type.Boolean({
      default: false,
      description: 'A client without a secret (SPA, command line); PKCE is required.',
    }),
    firstParty: Type.Boolean({ default: false, description: 'Skips the consent page.' }),
    allowedGroups: Type.Array(Type.String(), {
      default: [],
      description: 'Groups that may use it; empty means everyone.',
    }),
    idTokenSignedResponseAlg: Type.Union([Type.Literal('RS256'), Type.Literal('ES256')], {
      default: 'RS256',
      description: 'What signs its ID tokens. Every client takes RS256.',
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
    emailVerified: Type.Union([Type.Literal('proven'), Type.Literal('all')], {
      default: 'proven',
      description:
        'The claim email_verified. proven: true for an address whose owner redeemed an invitation or a mailed link, else left out. all: true for every address; only where admins make all accounts, because clients join accounts by it.',
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
    if (client.public && client.previousSecret !== undefined) {
      add(`${at}.previousSecret`, 'must be left out of a public client');
    }
    const check = (key: string, uri: string, problemOf: typeof redirectUriProblem) => {
      const problem = problemOf(uri, client.public);
      if (problem !== undefined) add(`${at}.${key}`, `${problem}, but it is "${uri}"`);
    };
    client.redirectUris.forEach((uri, position) => check(`redirectUris[${position}]`, uri, redirectUriProblem));
    client.postLogoutRedirectUris.forEach((uri, position) =>
      check(`postLogoutRedirectUris[${position}]`, uri, redirectUriProblem),
    );
    if (client.backchannelLogoutUri !== undefined) {
      check('backchannelLogoutUri', client.backchannelLogoutUri, backchannelUriProblem);
    }
  });
}

/** The secret of a client, one of the list or that of an integration. */
export function checkClientSecret(path: string, secret: string, add: AddProblem, warn: AddProblem): void {
  const [problem, warning] = [secretProblem(secret), secretWarning(secret)];
  if (problem !== undefined) add(path, problem);
  else if (warning !== undefined) warn(path, warning);
}
