import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { images } from './images.ts';
import { object } from './pods.ts';
import type { RunningNode } from './start.ts';

/** The address that the kubelet tells pods to look names up at. */
const server = '10.96.0.10';
const labels = { 'k8s-app': 'names' };

/**
 * Lets pods look up the names of Services, and `more` beside them (name to address): a small name server as a pod of kube-system, where
 * that of a real cluster runs. `image` has Node in it, and is imported.
 */
export async function serveNames(
  node: RunningNode,
  more: Record<string, string>,
  image: string = images.node,
): Promise<void> {
  const script = await readFile(join(import.meta.dirname, 'name-server.mjs'), 'utf8');
  const inSystem = (apiVersion: string, kind: string, spec: object) => ({
    ...{ apiVersion, kind, metadata: { name: 'names', namespace: 'kube-system', labels } },
    ...spec,
  });
  const roles = 'rbac.authorization.k8s.io';
  const ofCluster = (kind: string, spec: object) => ({
    ...{ apiVersion: `${roles}/v1`, kind, metadata: { name: 'names' } },
    ...spec,
  });
  await node.apply(
    inSystem('v1', 'ServiceAccount', {}),
    ofCluster('ClusterRole', {
      rules: [{ apiGroups: ['', 'discovery.k8s.io'], resources: ['services', 'endpointslices'], verbs: ['list'] }],
    }),
    ofCluster('ClusterRoleBinding', {
      roleRef: { apiGroup: roles, kind: 'ClusterRole', name: 'names' },
      subjects: [{ kind: 'ServiceAccount', name: 'names', namespace: 'kube-system' }],
    }),
    inSystem('v1', 'ConfigMap', { data: { 'name-server.mjs': script } }),
    inSystem('v1', 'Pod', {
      spec: {
        serviceAccountName: 'names',
        dnsPolicy: 'Default',
        terminationGracePeriodSeconds: 0,
        containers: [
          {
            name: 'names',
            image,
            command: ['node', '/script/name-server.mjs'],
            env: [{ name: 'NAMES', value: JSON.stringify(more) }],
            securityContext: { runAsUser: 0 },
            volumeMounts: [{ name: 'script', mountPath: '/script' }],
          },
        ],
        volumes: [{ name: 'script', configMap: { name: 'names' } }],
      },
    }),
    object('v1', 'Service', 'kube-system', 'names', {
      clusterIP: server,
      selector: labels,
      ports: [{ name: 'names', port: 53, protocol: 'UDP' }],
    }),
  );
  await node.until('pod/names', 'condition=Ready', 'kube-system');
}
