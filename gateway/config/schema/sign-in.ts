import { type Static, Type } from 'typebox';
import { type AddProblem, object } from './section.ts';

/** Who may sign up: nobody, those an admin lets in, everyone. */
export const SignUpConfig = Type.Union([Type.Literal('off'), Type.Literal('approval'), Type.Literal('open')], {
  default: 'approval',
  description:
    'Who may sign up: nobody, everyone after an admin approves, or everyone. With `mail`, `open` sends a link first; without, it tells strangers which names are taken.',
});

export const SessionsConfig = object(
  {
    idleSeconds: Type.Integer({
      default: 12 * 3600,
      minimum: 60,
      description: 'A session not used this long ends.',
    }),
    absoluteSeconds: Type.Integer({
      default: 7 * 24 * 3600,
      minimum: 60,
      description: 'A session ends after this long, used or not.',
    }),
  },
  'Lifetime of a sign-in.',
);

export const LoginConfig = object(
  {
    attemptsPerAccount: Type.Integer({
      default: 10,
      minimum: 1,
      description:
        'Wrong passwords for one account within the window before the browser or address that sent them waits there.',
    }),
    attemptsPerAddress: Type.Integer({
      default: 50,
      minimum: 1,
      description: 'Wrong passwords from one address within the window before it waits.',
    }),
    attemptsByStrangers: Type.Integer({
      default: 100,
      minimum: 1,
      description:
        'Wrong passwords for one account within the window, from all browsers and networks together that never signed in to it, before such strangers wait there. Who signed in from a browser or network before goes on.',
    }),
    windowSeconds: Type.Integer({ default: 900, minimum: 1, description: 'Length of the window and of the wait.' }),
    linkSeconds: Type.Integer({
      default: 48 * 3600,
      minimum: 60,
      description: 'How long invitation and reset links work.',
    }),
    minimumPasswordLength: Type.Integer({
      default: 10,
      minimum: 8,
      maximum: 128,
      description: 'Shortest password.',
    }),
  },
  'Sign-in.',
);

/** A session cannot idle longer than it lives. */
export function checkSessions({ idleSeconds, absoluteSeconds }: Static<typeof SessionsConfig>, add: AddProblem): void {
  if (idleSeconds > absoluteSeconds) {
    add('sessions.idleSeconds', `must not exceed absoluteSeconds (${absoluteSeconds}), but it is ${idleSeconds}`);
  }
}
