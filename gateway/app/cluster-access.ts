import type { PublicAddress } from '../config/index.ts';
import type { KubeConnection } from '../kube/index.ts';
import type { Log, Principal } from '../lib/index.ts';
import type { CredentialsOf } from '../proxy/index.ts';
import { parseUpstream, type Route } from '../routes/index.ts';

/** The API server of the cluster for people's own programs (kubectl, Helm), at `https://kubernetes.DOMAIN`. */
export type ClusterAccess = { route: Route; credentialsOf: CredentialsOf };

/**
 * Lets people's programs reach the API server as themselves: Knot signs in there, and says for whom it asks (Kubernetes,
 * "User impersonation"). What they may is what the roles in their namespaces give `knot:user:NAME` and `knot:team:NAME`. Undefined where Knot
 * signs in with a certificate, which cannot be said anew on connections that many share.
 */
export async function openClusterAccess(
  connection: KubeConnection,
  { publicAddress, log }: { publicAddress: PublicAddress; log: Log },
): Promise<ClusterAccess | undefined> {
  const { authorization, tls } = await connection.credentials();
  if (authorization === undefined || tls.rejectUnauthorized === false) {
    log.warn(
      { why: authorization === undefined ? 'no token' : 'its certificate is not checked' },
      'people cannot use kubectl through Knot: see kubernetes.kubeconfig',
    );
    return undefined;
  }
  const route: Route = {
    host: publicAddress.hostOf(name),
    name,
    kind: 'integration',
    title: 'Kubernetes',
    audience: 'everyone',
    upstream: parseUpstream(connection.server, {
      allowLoopback: true,
      ...(tls.ca !== undefined && { ca: String(tls.ca) }),
    }),
    ownedPrefixes: [],
    untouchedPrefixes: [],
    switches: { encodedSlash: true, pathParameters: true, methods: [], programs: 'kubernetes' },
  };
  return {
    route,
    credentialsOf: ({ kind, name: of }) =>
      kind === 'integration' && of === name
        ? async (principal) => [
            'authorization',
            (await connection.credentials()).authorization ?? '',
            ...impersonation(principal),
          ]
        : undefined,
  };
}

const name = 'kubernetes';

/** Nobody is ever said to be in a group that is not Knot's: `system:masters` is everything. */
function impersonation({ username, groups }: Principal): string[] {
  const ours = groups.filter((group) => group.startsWith('knot:') || group === 'knot-admins');
  return ['impersonate-user', `knot:${username}`, ...ours.flatMap((group) => ['impersonate-group', group])];
}
