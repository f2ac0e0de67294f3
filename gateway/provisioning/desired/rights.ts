import type { KubeObject } from '../../kube/index.ts';
import type { ClusterSettings, Wanted } from './wanted.ts';

/** What a person and Helm act as. */
export const userAccount = 'knot-user';

/** That account of a namespace, as the API server calls it (Kubernetes, "Service account usernames"). */
export const userIn = (namespace: string): { user: string } => ({
  user: `system:serviceaccount:${namespace}:${userAccount}`,
});

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
 * Of who is paused the account stays until all that runs was ended, which is done as that account; a token that was kept is nothing after
 * that.
 */
export function rightsOf(
  namespace: string,
  { owner: { kind, name }, isPaused }: Pick<Wanted, 'owner' | 'isPaused'>,
  {
    gatewayNamespace,
    hasHub = false,
    isQuiet = true,
  }: Pick<ClusterSettings, 'gatewayNamespace' | 'hasHub'> & { isQuiet?: boolean },
): KubeObject[] {
  const account = { kind: 'ServiceAccount', name: userAccount, namespace };
  if (isPaused) return isQuiet ? [] : [bound(userAccount, [account])];
  const people = [account, { apiGroup: group, kind: 'Group', name: `knot:${kind}:${name}` }];
  // Teams have no notebooks of their own: each member has theirs.
  const hub = { kind: 'ServiceAccount', name: 'hub', namespace: gatewayNamespace };
  return [bound(userAccount, people), ...(hasHub && kind === 'user' ? [bound(hubRole, [hub])] : [])];
}

export const hubRole = 'knot-hub';
const group = 'rbac.authorization.k8s.io';

const bound = (role: string, subjects: Record<string, string>[]): KubeObject => ({
  ...{ apiVersion: `${group}/v1`, kind: 'RoleBinding', metadata: { name: role } },
  roleRef: { apiGroup: group, kind: 'ClusterRole', name: role },
  subjects,
});
