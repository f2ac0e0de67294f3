import type { Accounts } from '../accounts/index.ts';
import type { Identify } from '../lib/index.ts';
import type { Sessions } from '../sessions/index.ts';

/** Who a request on a host comes from: a session that lives, of a person who is active. */
export function createIdentify(sessions: Pick<Sessions, 'find'>, accounts: Pick<Accounts, 'principal'>): Identify {
  return async (cookieHeader, host) => {
    const session = await sessions.find(cookieHeader, host);
    const principal = session ? await accounts.principal(session.userId) : undefined;
    return session && principal?.state === 'active' ? { session, principal } : undefined;
  };
}
