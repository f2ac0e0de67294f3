import type { Action, Principal } from '../lib/index.ts';
import { type Area, areaResource } from '../owners/index.ts';
import type { Policy } from '../policy/index.ts';

/** Whether rules let somebody do all of that with an area, asked by Knot itself for a program that it starts or a template it reads. */
export function createMayUse(
  policy: Pick<Policy, 'decide'>,
  domain: string,
  actions: readonly Extract<Action, 'readFiles' | 'writeFiles'>[],
): (principal: Principal, area: Area) => boolean {
  const context = { method: 'GET', host: domain, path: '/', address: '127.0.0.1', isUpgrade: false };
  return (principal, area) =>
    actions.every(
      (action) => policy.decide({ principal, action, resource: areaResource(area), context }).effect === 'allow',
    );
}
