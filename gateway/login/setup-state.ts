import type { Accounts } from '../accounts/index.ts';
import { renderErrorPage } from '../lib/index.ts';

/** What a newcomer who opened the printed address instead of the setup link has to know. */
export const notSetUpText =
  'This Knot is not set up: it has no administrator yet. Open the setup link from its log, or run `knot user setup-link` for a new one.';

/** Whether an administrator exists. Asked of the store until one does: there is one from then on. */
export function createSetupState(accounts: Pick<Accounts, 'hasAdmin'>): () => Promise<boolean> {
  let isSetUp = false;
  return async () => {
    isSetUp = isSetUp || (await accounts.hasAdmin());
    return isSetUp;
  };
}

/** Instead of sign-up: an account that nobody can approve would wait for ever. */
export function notSetUpPage(): string {
  return renderErrorPage({
    status: 503,
    heading: 'Not set up yet',
    reason: notSetUpText,
    remedy: 'Accounts can be made as soon as there is an administrator.',
    links: [{ href: '/login', label: 'Back to sign in' }],
  });
}
