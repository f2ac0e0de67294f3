import { Type } from 'typebox';
import { object, SecretReference } from './section.ts';

export const MailConfig = object(
  {
    server: Type.String({ pattern: '^smtps?://.+', description: 'smtp://USER@HOST:PORT or smtps://…' }),
    from: Type.String({ minLength: 3, description: 'Sender address.' }),
    password: Type.Optional(SecretReference),
  },
  'Outgoing mail. Without it links are shown to the admin to pass on.',
);
