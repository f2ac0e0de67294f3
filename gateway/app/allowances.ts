import type { Accounts } from '../accounts/index.ts';
import type { AllowanceOf } from '../files/index.ts';

/** Bytes that a person or team may keep; undefined for no limit of their own. */
export type StorageOf = (owner: { kind: 'user' | 'team'; id: string }) => Promise<number | undefined>;

/** How much may be kept in an area of files, and in which words a refusal says whose it is. */
export function createAllowances(parts: {
  accounts: Pick<Accounts, 'findUser' | 'findTeam'>;
  storageOf: StorageOf;
}): AllowanceOf {
  const { accounts, storageOf } = parts;
  return async (area) => {
    switch (area.kind) {
      case 'private': {
        const user = await accounts.findUser(area.id);
        const limit = await storageOf({ kind: 'user', id: area.id });
        return { limit, whose: `the private files of ${user?.username ?? 'somebody who left'}` };
      }
      case 'team': {
        const team = await accounts.findTeam(area.id);
        const limit = await storageOf({ kind: 'team', id: area.id });
        return { limit, whose: `the files of the team ${team?.name ?? 'that was deleted'}` };
      }
      case 'shared':
        return { whose: 'the shared files' };
      case 'admin':
        return { whose: 'the files of the administrators' };
    }
  };
}
