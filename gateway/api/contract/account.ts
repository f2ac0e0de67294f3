import { type Static, Type } from 'typebox';
import { closed } from './common.ts';

export const PasswordChangeSchema = closed({
  current: Type.String({ minLength: 1, maxLength: 1024 }),
  new: Type.String({ minLength: 1, maxLength: 1024 }),
  keepConnections: Type.Optional(Type.Boolean({ description: 'Leaves connected applications as they are.' })),
});
export type PasswordChange = Static<typeof PasswordChangeSchema>;
