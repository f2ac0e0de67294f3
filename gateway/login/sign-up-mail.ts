import type { PublicAddress } from '../config/index.ts';
import type { Log } from '../lib/index.ts';
import type { Mail } from '../mail/index.ts';

/** What a mailbox is told about a sign-up in its name; the page says the same to everybody. */
export type SignUpMail = {
  /** The address has an account. */
  known(to: string, username: string): void;
  /** The wished name is somebody else's. */
  nameTaken(to: string, username: string): void;
  /** The sign-up waits for an administrator. */
  waiting(to: string, username: string): void;
  /** Where the account is made, in a platform that is open to everyone. */
  link(to: string, url: string, expiresAt: number): void;
};

/** Sends without being waited for: how long it takes must not tell which message it was. A failure is logged. */
export function createSignUpMail({
  mail,
  publicAddress: { origin },
  log,
}: {
  mail: Mail;
  publicAddress: PublicAddress;
  log: Log;
}): SignUpMail {
  const lead = 'Somebody, probably you, asked for an account on Knot with this e-mail address.';
  const ignore = 'If it was not you, nothing has to be done.';
  function send(to: string, subject: string, lines: readonly string[]): void {
    mail.send({ to, subject, text: `${[lead, ...lines, ignore].join('\n\n')}\n` }).catch((error: unknown) => {
      log.warn({ err: error }, 'a mail about a sign-up could not be sent');
    });
  }
  return {
    known: (to, username) =>
      send(to, 'You have an account on Knot', [
        `There is one already; its username is ${username}. Sign in at ${origin}/login`,
        'If you forgot the password, an administrator can send you a link to choose a new one.',
      ]),
    nameTaken: (to, username) =>
      send(to, 'Choose another username for Knot', [
        `The name ${username} cannot be given: it belongs, or belonged, to somebody else, or looks like such a name.`,
        `Sign up again with another one: ${origin}/signup`,
      ]),
    waiting: (to, username) =>
      send(to, 'Your account on Knot waits for approval', [
        `An administrator looks at new accounts before they can be used. Yours will have the username ${username}.`,
        `Once it is approved you can sign in: ${origin}/login`,
      ]),
    link: (to, url, expiresAt) =>
      send(to, 'Make your account on Knot', [
        `Choose a username and a password here:\n${url}`,
        `The link works once, until ${new Date(expiresAt).toUTCString()}.`,
      ]),
  };
}
