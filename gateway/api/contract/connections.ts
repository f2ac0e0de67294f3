import { type Static, Type } from 'typebox';
import { closed, TimeSchema } from './common.ts';

/** An application that may go on for a person without them. */
export const ConnectionSchema = closed({
  clientId: Type.String(),
  name: Type.String(),
  firstParty: Type.Boolean(),
  scopes: Type.Array(Type.String(), { description: 'What it may read.' }),
  isOffline: Type.Boolean({ description: 'Whether it can go on while the person is away.' }),
  since: TimeSchema,
  expiresAt: Type.Union([TimeSchema, Type.Null()], { description: 'Null for an agreement that is only remembered.' }),
});
export type Connection = Static<typeof ConnectionSchema>;

export const ConnectionListSchema = closed({ connections: Type.Array(ConnectionSchema) });
export type ConnectionList = Static<typeof ConnectionListSchema>;

export const ClientParamsSchema = closed({ clientId: Type.String({ minLength: 1, maxLength: 100 }) });
export const UserClientParamsSchema = closed({
  id: Type.String({ minLength: 1, maxLength: 100 }),
  clientId: Type.String({ minLength: 1, maxLength: 100 }),
});

export const KeepConnectionsSchema = closed({
  keepConnections: Type.Optional(Type.Boolean({ description: 'Leaves connected applications as they are.' })),
});
