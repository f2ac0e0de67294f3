import type { Accounts } from '../accounts/index.ts';
import type { AllowanceOf, DiskArea } from '../files/index.ts';
import type { Plans } from '../owners/index.ts';

/** How much may be kept in an area of files, and by name whose it is, for who is told that it is full. */
export function createAllowances(parts: {
  accounts: Pick<Accounts, 'findUser' | 'findTeam'>;
  plans: Pick<Plans, 'allowanceOf'>;
}): AllowanceOf {
  const { accounts, plans } = parts;

  async function whose(area: DiskArea): Promise<string> {
    switch (area.kind) {
      case 'private':
        return `the private files of ${(await accounts.findUser(area.id))?.username ?? 'somebody who left'}`;
      case 'team':
        return `the files of the team ${(await accounts.findTeam(area.id))?.name ?? 'that was deleted'}`;
      case 'shared':
        return 'the shared files';
      case 'admin':
        return 'the files of the administrators';
    }
  }

  return async (area) => {
    const { kind, id } = area;
    const { limit } = await plans.allowanceOf(id === undefined ? { kind } : { kind, id });
    return { limit, whose: await whose(area) };
  };
}
