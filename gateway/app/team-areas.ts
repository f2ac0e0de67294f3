import type { Principal } from '../lib/index.ts';
import type { Area, Owners } from '../owners/index.ts';
import type { Policy } from '../policy/index.ts';
import { createMayUse } from './may-use.ts';

/** Areas of the teams whose files a person's programs get. A program reads and writes: only who may do both gets the folder. */
export function createTeamAreas({
  owners,
  policy,
  domain,
}: {
  owners: Pick<Owners, 'areasOf'>;
  policy: Pick<Policy, 'decide'>;
  domain: string;
}): (principal: Principal) => Promise<Area[]> {
  const mayUse = createMayUse(policy, domain, ['readFiles', 'writeFiles']);
  return async (principal) =>
    (await owners.areasOf(principal)).filter((area) => area.kind === 'team' && mayUse(principal, area));
}
