import { type Static, Type } from 'typebox';
import { closed, TimeSchema } from './common.ts';

/** A personal access token. Its secret is answered once, when it is made. */
export const TokenSchema = closed({
  id: Type.String(),
  name: Type.String(),
  scopes: Type.Array(Type.String(), { description: 'For example files:read:team:physics.' }),
  hint: Type.String({ description: 'Last characters of the secret.' }),
  createdAt: TimeSchema,
  expiresAt: TimeSchema,
  lastUsedAt: Type.Union([TimeSchema, Type.Null()], { description: 'To about a minute.' }),
  lastUsedFrom: Type.Union([Type.String(), Type.Null()], { description: 'Address of the client.' }),
});
export type Token = Static<typeof TokenSchema>;

export const TokenListSchema = closed({ tokens: Type.Array(TokenSchema) });
export type TokenList = Static<typeof TokenListSchema>;

export const NewTokenSchema = closed({
  name: Type.String({ maxLength: 200, description: '1 to 60 characters on one line.' }),
  scopes: Type.Array(Type.String({ maxLength: 100 }), {
    maxItems: 50,
    description:
      'SUBJECT:ACT with account, files, shares, teams or admin, and read or write (which includes read); files may name an area.',
  }),
  days: Type.Optional(Type.Integer({ description: 'How long it lives, 1 to 366; 30 by default.' })),
});
export type NewToken = Static<typeof NewTokenSchema>;

export const CreatedTokenSchema = closed({
  token: TokenSchema,
  secret: Type.String({ description: 'Shown only now. Send it as Authorization: Bearer.' }),
});
export type CreatedToken = Static<typeof CreatedTokenSchema>;
