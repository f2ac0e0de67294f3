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
 * whom the API server knows by the group that Knot's ID tokens name. Being an administrator of Knot gives nothing here.
 */
export function rightsOf(
  namespace: string,
  { owner: { kind, name }, isPaused }: Pick<Wanted, 'owner' | 'isPaused'>,
): KubeObject[] {
  if (isPaused) return [];
  return [
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: userAccount },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: userAccount },
      subjects: [
        { kind: 'ServiceAccount', name: userAccount, namespace },
        { apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: `knot:${kind}:${name}` },
      ],
    },
  ];
}
