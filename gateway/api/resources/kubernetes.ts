import { knotError, namespaceOf } from '../../lib/index.ts';
import { type ApiServer, identityOf, type Needs } from '../context.ts';
import { type ClusterAccess, ClusterAccessSchema } from '../contract.ts';
import { answers, describe } from './describe.ts';

/** The cluster that services run in, for programs of people. */
export function kubernetesRoutes(
  app: ApiServer,
  { config, publicAddress, routes }: Needs<'config' | 'publicAddress' | 'routes'>,
): void {
  app.get(
    '/kubernetes',
    describe(
      'person',
      'Kubernetes',
      'Where one’s own programs reach the cluster, and the namespaces of oneself and one’s teams',
      { response: answers(200, ClusterAccessSchema) },
      'kubernetes',
    ),
    async (request): Promise<ClusterAccess> => {
      if (config.engine !== 'kubernetes')
        throw knotError('KNOT_API_NO_CLUSTER', 404, 'This Knot has no cluster: it runs services on its own machine.');
      const { username, teams } = identityOf(request).principal;
      const host = publicAddress.hostOf('kubernetes');
      const owners = [
        { kind: 'user' as const, name: username },
        ...teams.map(({ name }) => ({ kind: 'team' as const, name })),
      ];
      return {
        ...(routes.find(host)?.kind === 'integration' && { server: publicAddress.originOf(host) }),
        namespaces: owners.map((owner) => ({ name: namespaceOf(config.kubernetes, owner), owner })),
      };
    },
  );
}
