import { type Static, Type } from 'typebox';
import { limits } from '../../lib/index.ts';
import { closed, oneOf, TimeSchema } from './common.ts';

const Addresses = Type.Array(Type.String({ maxLength: 2048 }), { maxItems: 50 });
const Alg = oneOf('RS256', 'ES256');

/** An OpenID Connect client. */
export const ClientSchema = closed({
  clientId: Type.String(),
  name: Type.String({ description: 'Shown on the consent page.' }),
  origin: oneOf('config', 'integration', 'cli', 'admin'),
  redirectUris: Type.Array(Type.String()),
  postLogoutRedirectUris: Type.Array(Type.String()),
  backchannelLogoutUri: Type.Union([Type.String(), Type.Null()]),
  isPublic: Type.Boolean({ description: 'Without a secret; it must use PKCE.' }),
  firstParty: Type.Boolean({ description: 'Shows no consent page.' }),
  allowedGroups: Type.Array(Type.String(), { description: 'Groups that may use it; none: everyone.' }),
  idTokenSignedResponseAlg: Alg,
  previousSecretUntil: Type.Union([TimeSchema, Type.Null()], {
    description: 'Until when the secret of before is taken as well.',
  }),
  createdAt: TimeSchema,
});
export type Client = Static<typeof ClientSchema>;

export const ClientListSchema = closed({ clients: Type.Array(ClientSchema) });
export type ClientList = Static<typeof ClientListSchema>;

const settings = {
  postLogoutRedirectUris: Type.Optional(Addresses),
  backchannelLogoutUri: Type.Optional(Type.Union([Type.String({ maxLength: 2048 }), Type.Null()])),
  firstParty: Type.Optional(Type.Boolean()),
  allowedGroups: Type.Optional(Type.Array(Type.String({ maxLength: 120 }), { maxItems: 100 })),
  idTokenSignedResponseAlg: Type.Optional(Alg),
};

export const NewClientSchema = closed({
  name: Type.String({ maxLength: 200, description: `1 to ${limits.clientName} characters on one line.` }),
  clientId: Type.Optional(Type.String({ maxLength: 200, description: 'Made from the name when none is given.' })),
  redirectUris: Addresses,
  isPublic: Type.Optional(Type.Boolean()),
  secret: Type.Optional(Type.String({ maxLength: 2048, description: 'Made when none is given.' })),
  ...settings,
});
export type NewClient = Static<typeof NewClientSchema>;

export const ClientChangeSchema = closed({
  name: Type.Optional(Type.String({ maxLength: 200 })),
  redirectUris: Type.Optional(Addresses),
  ...settings,
});
export type ClientChange = Static<typeof ClientChangeSchema>;

export const CreatedClientSchema = closed({
  clientId: Type.String(),
  clientSecret: Type.Optional(Type.String({ description: 'Shown only now.' })),
});
export type CreatedClient = Static<typeof CreatedClientSchema>;

export const RotationSchema = closed({
  secret: Type.Optional(Type.String({ maxLength: 2048, description: 'Made when none is given.' })),
  overlapSeconds: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 90 * 24 * 3600,
      description: 'How long the old secret works; a day by default.',
    }),
  ),
});
export type Rotation = Static<typeof RotationSchema>;

export const RotatedSecretSchema = closed({
  clientId: Type.String(),
  clientSecret: Type.String({ description: 'Shown only now.' }),
  previousSecretUntil: Type.Union([TimeSchema, Type.Null()]),
});
export type RotatedSecret = Static<typeof RotatedSecretSchema>;
