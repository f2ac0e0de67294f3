import type { Accounts } from '../accounts/index.ts';
import type { Identify, IdentifyBearer } from '../lib/index.ts';
import type { Sessions } from '../sessions/index.ts';
import { scopeAllows, tokenPrefix, type Tokens } from '../tokens/index.ts';

/** Who a request on a host comes from: a session that lives, of a person who is active. */
export function createIdentify(sessions: Pick<Sessions, 'find'>, accounts: Pick<Accounts, 'principal'>): Identify {
  return async (cookieHeader, host) => {
    const session = await sessions.find(cookieHeader, host);
    const principal = session ? await accounts.principal(session.userId) : undefined;
    return session && principal?.state === 'active' ? { session, principal } : undefined;
  };
}

/** Whose program shows a personal token: of a person who is active. */
export function createIdentifyToken(
  tokens: Pick<Tokens, 'find'>,
  accounts: Pick<Accounts, 'principal'>,
): IdentifyBearer {
  return async (secret, address) => {
    const found = await tokens.find(secret, address);
    const principal = found && (await accounts.principal(found.userId));
    if (!found || principal?.state !== 'active') return undefined;
    const { id, userId, name, scopes, createdAt, expiresAt } = found;
    return {
      principal,
      session: { id, centralId: id, userId, host: '', startedAt: createdAt, authenticatedAt: createdAt, expiresAt },
      token: { id, name, allows: (subject, act, area) => scopeAllows(scopes, subject as never, act, area) },
    };
  };
}

/** Bearer credentials of the API: personal tokens, known by their prefix, and what `knot login` was given. */
export const createIdentifyBearer =
  (ofToken: IdentifyBearer, ofAccess: IdentifyBearer): IdentifyBearer =>
  (secret, address) =>
    secret.startsWith(tokenPrefix) ? ofToken(secret, address) : ofAccess(secret, address);
