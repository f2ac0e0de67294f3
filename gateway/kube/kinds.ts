import type { KubeObject } from './objects.ts';

/** Where objects of a kind are found. */
export type Kind = {
  apiVersion: string;
  kind: string;
  /** In addresses: `pods`. */
  plural: string;
  isNamespaced: boolean;
};

const namespaced = (apiVersion: string, kind: string, plural: string): Kind => ({
  ...{ apiVersion, kind, plural, isNamespaced: true },
});
const ofCluster = (apiVersion: string, kind: string, plural: string): Kind => ({
  ...{ apiVersion, kind, plural, isNamespaced: false },
});

/** The kinds that Knot itself reads or writes. */
export const kinds = {
  namespace: ofCluster('v1', 'Namespace', 'namespaces'),
  node: ofCluster('v1', 'Node', 'nodes'),
  persistentVolume: ofCluster('v1', 'PersistentVolume', 'persistentvolumes'),
  pod: namespaced('v1', 'Pod', 'pods'),
  podMetrics: namespaced('metrics.k8s.io/v1beta1', 'PodMetrics', 'pods'),
  service: namespaced('v1', 'Service', 'services'),
  serviceAccount: namespaced('v1', 'ServiceAccount', 'serviceaccounts'),
  secret: namespaced('v1', 'Secret', 'secrets'),
  configMap: namespaced('v1', 'ConfigMap', 'configmaps'),
  event: namespaced('v1', 'Event', 'events'),
  limitRange: namespaced('v1', 'LimitRange', 'limitranges'),
  resourceQuota: namespaced('v1', 'ResourceQuota', 'resourcequotas'),
  persistentVolumeClaim: namespaced('v1', 'PersistentVolumeClaim', 'persistentvolumeclaims'),
  deployment: namespaced('apps/v1', 'Deployment', 'deployments'),
  replicaSet: namespaced('apps/v1', 'ReplicaSet', 'replicasets'),
  statefulSet: namespaced('apps/v1', 'StatefulSet', 'statefulsets'),
  daemonSet: namespaced('apps/v1', 'DaemonSet', 'daemonsets'),
  job: namespaced('batch/v1', 'Job', 'jobs'),
  cronJob: namespaced('batch/v1', 'CronJob', 'cronjobs'),
  endpointSlice: namespaced('discovery.k8s.io/v1', 'EndpointSlice', 'endpointslices'),
  ingress: namespaced('networking.k8s.io/v1', 'Ingress', 'ingresses'),
  networkPolicy: namespaced('networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies'),
  httpRoute: namespaced('gateway.networking.k8s.io/v1', 'HTTPRoute', 'httproutes'),
  lease: namespaced('coordination.k8s.io/v1', 'Lease', 'leases'),
  role: namespaced('rbac.authorization.k8s.io/v1', 'Role', 'roles'),
  roleBinding: namespaced('rbac.authorization.k8s.io/v1', 'RoleBinding', 'rolebindings'),
  clusterRole: ofCluster('rbac.authorization.k8s.io/v1', 'ClusterRole', 'clusterroles'),
  clusterRoleBinding: ofCluster('rbac.authorization.k8s.io/v1', 'ClusterRoleBinding', 'clusterrolebindings'),
  mutatingWebhook: ofCluster(
    'admissionregistration.k8s.io/v1',
    'MutatingWebhookConfiguration',
    'mutatingwebhookconfigurations',
  ),
  admissionPolicy: ofCluster(
    'admissionregistration.k8s.io/v1',
    'ValidatingAdmissionPolicy',
    'validatingadmissionpolicies',
  ),
  admissionPolicyBinding: ofCluster(
    'admissionregistration.k8s.io/v1',
    'ValidatingAdmissionPolicyBinding',
    'validatingadmissionpolicybindings',
  ),
} as const satisfies Record<string, Kind>;

const known = new Map<string, Kind>(Object.values(kinds).map((kind) => [`${kind.apiVersion} ${kind.kind}`, kind]));

/** The kind of an object, where it is one of ours. */
export const kindOf = ({ apiVersion, kind }: Pick<KubeObject, 'apiVersion' | 'kind'>): Kind | undefined =>
  known.get(`${apiVersion} ${kind}`);

/**
 * Address of objects of a kind, or of one (Kubernetes API concepts, "Resource URIs").
 * @throws Error when one object is meant and nobody said in which namespace it is.
 */
export function pathOf({ apiVersion, plural, isNamespaced }: Kind, namespace?: string, name?: string): string {
  const group = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  if (isNamespaced && name !== undefined && !namespace)
    throw new Error(`${plural} are in a namespace, and none is named`);
  const within = isNamespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${group}${within}/${plural}${name === undefined ? '' : `/${encodeURIComponent(name)}`}`;
}
