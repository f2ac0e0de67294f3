import { type Static, Type } from 'typebox';
import { closed } from './common.ts';

export const PasswordChangeSchema = closed({
  current: Type.String({ minLength: 1, maxLength: 1024 }),
  new: Type.String({ minLength: 1, maxLength: 1024 }),
});
export type PasswordChange = Static<typeof PasswordChangeSchema>;
