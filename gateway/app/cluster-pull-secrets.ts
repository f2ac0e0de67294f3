import type { Config } from '../config/index.ts';
import type { Registry } from '../integrations/index.ts';
import { type Kube, kinds, type KubeObject } from '../kube/index.ts';
import { namespaceOf } from '../lib/index.ts';
import { type ClusterUpkeep, keepForOwners } from './cluster-owners.ts';

/** What each namespace has to pull the images of its owner with. */
export const pullSecretName = 'knot-harbor';

/**
 * Keeps a Secret in each namespace with which its pods pull the images of its owner from the registry. The service accounts there name it
 * (provisioning), so that nobody has to name it in a pod. It may pull and nothing else.
 */
export function createPullSecrets(
  options: Omit<Parameters<typeof keepForOwners>[0], 'look' | 'complaint'> & {
    kube: Pick<Kube, 'get' | 'apply'>;
    registry: Pick<Registry, 'pullConfigOf'>;
    kubernetes: Config['kubernetes'];
  },
): ClusterUpkeep {
  const { kube, registry, kubernetes } = options;
  return keepForOwners({
    ...options,
    complaint: 'a pull secret could not be written',
    async look(owner) {
      const wanted = secretFor(namespaceOf(kubernetes, owner), registry.pullConfigOf(owner.name));
      const found = await kube.get(kinds.secret, pullSecretName, wanted.metadata.namespace);
      if (found === undefined || !isSame(found, wanted)) await kube.apply(wanted);
    },
  });
}

const key = '.dockerconfigjson';

/** Kubernetes, "Docker config Secrets". */
function secretFor(namespace: string, dockerConfig: string): KubeObject & { data: Record<string, string> } {
  return {
    ...{ apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/dockerconfigjson' },
    metadata: { name: pullSecretName, namespace, labels: { 'app.kubernetes.io/managed-by': 'knot' } },
    data: { [key]: Buffer.from(dockerConfig).toString('base64') },
  };
}

const isSame = (found: KubeObject, wanted: ReturnType<typeof secretFor>): boolean =>
  (found['data'] as Record<string, string> | undefined)?.[key] === wanted.data[key];
