import { type Accounts, type AccountsOptions, createAccounts } from '../accounts/index.ts';
import type { Connections } from '../oidc/index.ts';
import { createSessions, type Sessions, type SessionsOptions } from '../sessions/index.ts';
import { createShares, type Shares } from '../shares/index.ts';
import { createTokens, type Tokens } from '../tokens/index.ts';

export type People = {
  accounts: Accounts;
  sessions: Sessions;
  /** Connected applications. Loaded when asked for: most commands need no OpenID Provider. */
  connections(): Promise<Connections>;
  tokens: Tokens;
  shares: Shares;
};

export type PeopleOptions = Omit<AccountsOptions, 'onLoss'> & { sessions: SessionsOptions['config'] };

/**
 * Makes accounts and sessions, two peers that need one another inside one transaction: a session begins only on an account
 * that still is what was verified, and what ends an account or a password ends the sessions that stand on it.
 */
export function createPeople({ sessions: config, ...options }: PeopleOptions): People {
  const { store, clock, record, log } = options;
  const connections = async () => (await import('../oidc/index.ts')).createConnections({ store, clock, record });
  const accounts: Accounts = createAccounts({
    ...options,
    // Everything that ends with an account or a password is named here.
    onLoss: async (transaction, { userId, reason, actor, exceptSessionId, keepsConnections }) => {
      await sessions.endAllWithin(transaction, userId, { actor, reason, exceptId: exceptSessionId });
      if (reason === 'account_disabled' || reason === 'account_deleted') {
        await shares.endAllWithin(transaction, userId, { actor, reason });
      }
      if (keepsConnections === true) return;
      await tokens.endAllWithin(transaction, userId, { actor, reason });
      await (await connections()).endAllWithin(transaction, userId, { actor, reason });
    },
  });
  const shares = createShares({ store, clock, record, log });
  const tokens = createTokens({ store, clock, record, log });
  const sessions = createSessions({ store, clock, config, record, account: accounts, log });
  return { accounts, sessions, connections, tokens, shares };
}
