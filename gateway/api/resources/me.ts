import { type Needs, type ApiServer, identityOf } from '../context.ts';
import { type Me, MeSchema } from '../contract.ts';
import { answers, describe } from './describe.ts';

/** Who asks, and what of the platform concerns them. */
export function meRoutes(
  app: ApiServer,
  {
    publicAddress,
    config,
    version,
    decideAdminister,
    services,
  }: Needs<'publicAddress' | 'config' | 'version' | 'decideAdminister' | 'services'>,
): void {
  const { argo, harbor, prometheus } = config.integrations;
  const offers: Me['offers'] = [];
  if (argo) offers.push('workflows');
  if (harbor) offers.push('images');
  if (prometheus ?? services) offers.push('metrics');

  app.get(
    '/me',
    describe('person', 'Me', 'Who is signed in', { response: answers(200, MeSchema) }, 'account'),
    async (request): Promise<Me> => {
      const { principal, session } = identityOf(request);
      const { id, username, email, isAdmin, teams, groups } = principal;
      return {
        user: { id, username, email, isAdmin, teams: [...teams], groups: [...groups] },
        session: { id: session.centralId, startedAt: session.startedAt, expiresAt: session.expiresAt },
        domain: publicAddress.domain,
        hasCluster: config.engine === 'kubernetes',
        offers,
        canAdminister: decideAdminister(request, principal).effect === 'allow',
        minimumPasswordLength: config.login.minimumPasswordLength,
        version,
      };
    },
  );
}
