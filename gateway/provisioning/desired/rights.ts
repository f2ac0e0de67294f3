import type { KubeObject } from '../../kube/index.ts';
import type { ClusterSettings, Wanted } from './wanted.ts';

/** What a person and Helm act as. */
export const userAccount = 'knot-user';

/**
 * ServiceAccounts: none mounts a token unless a pod asks for it, and `default`, which every pod has that names none, has no rights.
 * `knot-notebook` and `knot-workflow` are whom notebooks and steps of workflows run as.
 */
export function accountsOf({ pullSecrets }: ClusterSettings): KubeObject[] {
  return ['default', userAccount, 'knot-notebook', 'knot-workflow'].map((name) => ({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name },
    automountServiceAccountToken: false,
    ...(pullSecrets.length > 0 && { imagePullSecrets: pullSecrets.map((secret) => ({ name: secret })) }),
  }));
}

/**
 * RoleBinding to our own ClusterRole, in the one namespace: for the account that Helm acts as, and for people who come with kubectl,
 * whom the API server knows by the group that Knot's ID tokens name. Being an administrator of Knot gives nothing here. A hub beside the
 * gateway may start and end pods there.
 */
export function rightsOf(
  namespace: string,
  { owner: { kind, name }, isPaused }: Pick<Wanted, 'owner' | 'isPaused'>,
  { gatewayNamespace, hasHub = false }: Pick<ClusterSettings, 'gatewayNamespace' | 'hasHub'>,
): KubeObject[] {
  if (isPaused) return [];
  const people = [
    { kind: 'ServiceAccount', name: userAccount, namespace },
    { apiGroup: group, kind: 'Group', name: `knot:${kind}:${name}` },
  ];
  // Teams have no notebooks of their own: each member has theirs.
  const hub = { kind: 'ServiceAccount', name: 'hub', namespace: gatewayNamespace };
  return [bound(userAccount, people), ...(hasHub && kind === 'user' ? [bound('knot-hub', [hub])] : [])];
}

const group = 'rbac.authorization.k8s.io';

const bound = (role: string, subjects: Record<string, string>[]): KubeObject => ({
  ...{ apiVersion: `${group}/v1`, kind: 'RoleBinding', metadata: { name: role } },
  roleRef: { apiGroup: group, kind: 'ClusterRole', name: role },
  subjects,
});
