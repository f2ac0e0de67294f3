import type { Clock, Log } from '../lib/index.ts';
import type { Store } from '../store/index.ts';
import { createChange } from './change.ts';
import { createPeopleFinder } from './find-people.ts';
import { createLinks } from './links.ts';
import type { OnLoss } from './loss.ts';
import type { Accounts, RecordAudit } from './model.ts';
import { createPasswordHasher } from './password-hash.ts';
import { createPrincipals } from './principals.ts';
import { createSignUps } from './sign-ups.ts';
import { createTeamLists } from './team-list.ts';
import { createTeams } from './teams.ts';
import { createUsers } from './users.ts';

export type AccountsOptions = {
  store: Store;
  clock: Clock;
  record: RecordAudit;
  onLoss: OnLoss;
  /** In characters. */
  passwordRules: { minimumLength: number };
  log: Log;
};

/** Puts the parts together; each file holds what belongs to one idea. */
export function createAccounts({ store, clock, record, onLoss, passwordRules, log }: AccountsOptions): Accounts {
  const { minimumLength } = passwordRules;
  const change = createChange({ store, clock, record, onLoss });
  const hasher = createPasswordHasher();
  const links = createLinks({ store, clock, change, hasher, minimumLength });
  return {
    ...createPrincipals(store),
    ...createUsers({ store, clock, change, hasher, minimumLength, log }),
    ...links,
    ...createSignUps({ store, change, hasher, minimumLength, createLink: links.createLink }),
    ...createTeams({ store, change }),
    ...createTeamLists(store),
    ...createPeopleFinder(store),
  };
}
