import type { Action, AuthorizationRequest, Principal } from '../lib/index.ts';
import { type Area, areaResource } from '../owners/index.ts';
import type { Policy } from '../policy/index.ts';

/** Whether rules let somebody do that, asked by Knot itself and not for a request of theirs. `at`: the host it is about, and as what. */
export function isAllowed(
  policy: Pick<Policy, 'decide'>,
  asked: Pick<AuthorizationRequest, 'principal' | 'action' | 'resource'>,
  { host, method = 'GET' }: { host: string; method?: string },
): boolean {
  const context = { method, host, path: '/', address: '127.0.0.1', isUpgrade: false };
  return policy.decide({ ...asked, context }).effect === 'allow';
}

/** Whether rules let somebody do all of that with an area: for a program that Knot starts or a template it reads. */
export function createMayUse(
  policy: Pick<Policy, 'decide'>,
  domain: string,
  actions: readonly Extract<Action, 'readFiles' | 'writeFiles'>[],
): (principal: Principal, area: Area) => boolean {
  return (principal, area) =>
    actions.every((action) => isAllowed(policy, { principal, action, resource: areaResource(area) }, { host: domain }));
}
