import { namespaceResource } from '../../owners/index.ts';
import { type ApiContext, type ApiServer, identityOf } from '../context.ts';
import { OwnerListSchema } from '../contract.ts';
import { answers, describe } from './describe.ts';

export function ownerRoutes(app: ApiServer, { owners, decide }: ApiContext): void {
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
        owners: own.map((owner) => ({
          ...owner,
          canLaunch: may('launch', owner),
          canManage: owner.kind === 'team' && may('manage', owner),
        })),
      };
    },
  );
}
