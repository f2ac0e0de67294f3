import type { Test } from 'tap';
import { type Accounts, createAccounts, type NewUser, type User } from '../../gateway/accounts/index.ts';
import { type Audit, createAudit } from '../../gateway/audit/index.ts';
import { silentLog } from '../../gateway/lib/index.ts';
import type { Store } from '../../gateway/store/index.ts';
import type { OpenDatabase, TestDatabase } from '../support/house/stores.ts';

export const goodPassword = 'blue tractor 9 lemon';
export const by = { name: 'root-admin', address: '192.0.2.7' };

export type House = TestDatabase & {
  audit: Audit;
  accounts: Accounts;
  /** Makes an active user without a password; `more` overrides. */
  add(username: string, more?: Partial<NewUser>): Promise<User>;
  /** Audit actions with their subjects, oldest first. */
  acts(): Promise<string[]>;
};

export function accountsOn(store: Store, clock: { now(): number }): { audit: Audit; accounts: Accounts } {
  const audit = createAudit({ store, clock });
  const passwordRules = { minimumLength: 10 };
  const onLoss = async (): Promise<void> => undefined;
  return {
    audit,
    accounts: createAccounts({ store, clock, record: audit.record, onLoss, passwordRules, log: silentLog }),
  };
}

export async function house(t: Test, open: OpenDatabase): Promise<House> {
  const database = await open(t);
  const { audit, accounts } = accountsOn(database.store, database.clock);
  return {
    ...database,
    audit,
    accounts,
    add: (username, more) =>
      accounts.createUser({ username, email: `${username}@example.org`, state: 'active', ...more }, by),
    async acts() {
      const lines = await audit.list({ limit: 500 });
      return lines.reverse().map((line) => `${line.action} ${line.subject}`);
    },
  };
}
