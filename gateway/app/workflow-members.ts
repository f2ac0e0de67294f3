import type { Accounts } from '../accounts/index.ts';
import type { Config } from '../config/index.ts';
import type { Policy } from '../policy/index.ts';
import { partOf } from '../routes/index.ts';
import { isAllowed } from './may-use.ts';

/**
 * Who of a team may use its workflows, as the rules say now: the same question as for a visit to its page in Argo. Undefined where there is no
 * Argo Workflows.
 */
export function createWorkflowMembers(
  { domain, integrations: { argo } }: Config,
  { accounts, policy }: { accounts: Pick<Accounts, 'memberIds' | 'principal'>; policy: Pick<Policy, 'decide'> },
): (team: { id: string; name: string }) => Promise<{ id: string; name: string }[] | undefined> {
  const at = { host: `argo.${domain}`, method: 'POST' };
  return async (team) => {
    if (argo === undefined) return undefined;
    const resource = partOf(
      { name: 'argo', title: argo.title, audience: 'everyone' },
      { kind: 'team', name: team.name },
    );
    const found: { id: string; name: string }[] = [];
    for (const id of await accounts.memberIds(team.id)) {
      const principal = await accounts.principal(id);
      if (principal?.state !== 'active') continue;
      const isMember = isAllowed(policy, { principal, action: 'open', resource }, at);
      if (isMember) found.push({ id, name: principal.username });
    }
    return found;
  };
}
