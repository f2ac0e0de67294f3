import type { User } from '../accounts/index.ts';
import type { ApiContext } from './context.ts';

/** Tells somebody who signed up that the account is approved, where mail is configured; nobody waits for it. */
export function tellApproved(
  { mail, publicAddress, log }: Pick<ApiContext, 'mail' | 'publicAddress' | 'log'>,
  { email, username }: User,
): void {
  if (!mail.isConfigured) return;
  const text = `Your account on Knot is approved. Sign in as ${username}: ${publicAddress.origin}/login\n`;
  mail.send({ to: email, subject: 'Your account on Knot is approved', text }).catch((error: unknown) => {
    log.warn({ err: error }, 'a mail about an approval could not be sent');
  });
}
