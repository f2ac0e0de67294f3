import { namespaceResource } from '../../owners/index.ts';
import { type Needs, type ApiServer, identityOf } from '../context.ts';
import { OwnerListSchema } from '../contract.ts';
import { answers, describe } from './describe.ts';
import { toPlan } from './plans.ts';

export function ownerRoutes(app: ApiServer, { owners, plans, decide }: Needs<'owners' | 'plans' | 'decide'>): void {
  app.get(
    '/owners',
    describe(
      'person',
      'Owners',
      'What I can choose as an owner: myself and my teams',
      {
        response: answers(200, OwnerListSchema),
      },
      'account',
    ),
    async (request) => {
      const { principal } = identityOf(request);
      const may = (action: 'launch' | 'manage', owner: Parameters<typeof namespaceResource>[0]) =>
        decide(request, { principal, action, resource: namespaceResource(owner) }).effect === 'allow';
      const own = await owners.of(principal);
      return {
        owners: await Promise.all(
          own.map(async (owner) => ({
            ...owner,
            plan: toPlan(await plans.of(owner)),
            canLaunch: may('launch', owner),
            canManage: owner.kind === 'team' && may('manage', owner),
          })),
        ),
      };
    },
  );
}
