import type { PublicAddress } from '../config/index.ts';
import type { KubeConnection } from '../kube/index.ts';
import type { Log } from '../lib/index.ts';
import { userIn } from '../provisioning/index.ts';
import type { CredentialsOf } from '../proxy/index.ts';
import { namespaceAt, parseUpstream, type Route } from '../routes/index.ts';

/** The API server of the cluster for people's own programs (kubectl, Helm), at `https://kubernetes.DOMAIN`. */
export type ClusterAccess = { route: Route; credentialsOf: CredentialsOf };

/**
 * Lets people's programs reach the API server: Knot signs in there, and asks as the account `knot-user` of the namespace that a path
 * leads into (Kubernetes, "User impersonation"), which has rights in that namespace alone; where a path leads into none, as that of the
 * person's own. Whose namespace it is the policies judge first, as of everything else. So the gateway need be able to impersonate nobody but
 * accounts of that name, and a path that is read otherwise there opens nothing more. Undefined where Knot signs in with a certificate,
 * which cannot be shown anew on connections that many share.
 */
export async function openClusterAccess(
  connection: KubeConnection,
  { publicAddress, namespacePrefix, log }: { publicAddress: PublicAddress; namespacePrefix: string; log: Log },
): Promise<ClusterAccess | undefined> {
  const { authorization, tls } = await connection.credentials();
  if (authorization === undefined || tls.rejectUnauthorized === false) {
    log.warn(
      { why: authorization === undefined ? 'no token' : 'its certificate is not checked' },
      'people cannot use kubectl through Knot: see kubernetes.kubeconfig',
    );
    return undefined;
  }
  const namespaces = { prefix: namespacePrefix, paths: intoNamespaces };
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
    namespaces,
    switches: { encodedSlash: false, methods: [], programs: 'kubernetes' },
  };
  return {
    route,
    credentialsOf: ({ kind, name: of }) =>
      kind === 'integration' && of === name
        ? async ({ username }, resource) => [
            'authorization',
            (await connection.credentials()).authorization ?? '',
            'impersonate-user',
            userIn(namespaceAt(resource, namespaces, username)).user,
            // For the API server's own record, and for admission: of a team's account, who of them it was.
            'impersonate-extra-knot.person',
            username,
          ]
        : undefined,
  };
}

const name = 'kubernetes';

/** Kubernetes API concepts, "Resource URIs"; the older form of a watch too. */
const intoNamespaces = ['/api/*', '/apis/*/*'].flatMap((group) => [
  `${group}/namespaces/{}`,
  `${group}/watch/namespaces/{}`,
]);
