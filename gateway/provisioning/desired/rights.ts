import type { KubeObject } from '../../kube/index.ts';
import { namespaceOf } from '../../lib/index.ts';
import { argoRule } from './argo-rule.ts';
import type { ClusterSettings, Wanted } from './wanted.ts';

/** What a person and Helm act as. */
export const userAccount = 'knot-user';

/** That account of a namespace, as the API server calls it (Kubernetes, "Service account usernames"). */
export const userIn = (namespace: string): { user: string } => ({
  user: `system:serviceaccount:${namespace}:${userAccount}`,
});

/** What Argo Workflows acts as for the owner: their workflows and what those leave, and nothing else of theirs. */
export const argoAccount = 'knot-argo';
/** What the steps of workflows run as. */
export const workflowAccount = 'knot-workflow';

/**
 * ServiceAccounts: none mounts a token unless a pod asks for it, and `default`, which every pod has that names none, has no rights. Steps of
 * workflows cannot ask (Argo has no way to), and must tell how they ended.
 * `knot-notebook` and `knot-workflow` are whom notebooks and steps of workflows run as.
 */
export function accountsOf(
  wanted: Pick<Wanted, 'owner' | 'isPaused' | 'members'>,
  { pullSecrets, hasArgo = false, argoSignsIn = false }: ClusterSettings,
): KubeObject[] {
  const names = ['default', userAccount, 'knot-notebook', workflowAccount, ...(hasArgo ? [argoAccount] : [])];
  return names.map((name) => ({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name, ...(name === argoAccount && argoSignsIn && { annotations: argoRule(wanted) }) },
    automountServiceAccountToken: hasArgo && name === workflowAccount,
    ...(pullSecrets.length > 0 && { imagePullSecrets: pullSecrets.map((secret) => ({ name: secret })) }),
  }));
}

/**
 * RoleBinding to our own ClusterRole, in the one namespace: for the account that Helm acts as, and for people who come with kubectl,
 * whom the API server knows by the group that Knot's ID tokens name. Being an administrator of Knot gives nothing here. A hub beside the
 * gateway may start and end pods there; where there is Argo Workflows, its account may see to workflows, and their steps may tell how they ended.
 * In the namespace of a team the same is given to the account of each member: a call of gRPC does not say in its address which namespace it
 * is about, and goes as the account of whoever asks.
 * Of who is paused the account stays until all that runs was ended, which is done as that account; a token that was kept is nothing after
 * that.
 */
export function rightsOf(
  namespace: string,
  { owner: { kind, name }, isPaused, members = [] }: Pick<Wanted, 'owner' | 'isPaused' | 'members'>,
  {
    namespacePrefix,
    gatewayNamespace,
    hasHub = false,
    hasArgo = false,
    isQuiet = true,
  }: Pick<ClusterSettings, 'namespacePrefix' | 'gatewayNamespace' | 'hasHub' | 'hasArgo'> & { isQuiet?: boolean },
): KubeObject[] {
  const accountOf = (name: string, of = namespace) => ({ kind: 'ServiceAccount', name, namespace: of });
  const account = accountOf(userAccount);
  if (isPaused) return isQuiet ? [] : [bound(userAccount, [account])];
  const people = [account, { apiGroup: group, kind: 'Group', name: `knot:${kind}:${name}` }];
  // Teams have no notebooks of their own: each member has theirs.
  const hub = { kind: 'ServiceAccount', name: 'hub', namespace: gatewayNamespace };
  const ofMembers = members.map(({ name }) => namespaceOf({ namespacePrefix }, { kind: 'user', name })).toSorted();
  const argo = [accountOf(argoAccount), ...ofMembers.map((of) => accountOf(argoAccount, of))];
  return [
    bound(userAccount, people),
    ...(hasHub && kind === 'user' ? [bound(hubRole, [hub])] : []),
    // Roles of the same names.
    ...(hasArgo ? [bound(argoAccount, argo), bound(workflowAccount, [accountOf(workflowAccount)])] : []),
  ];
}

export const hubRole = 'knot-hub';
const group = 'rbac.authorization.k8s.io';

const bound = (role: string, subjects: Record<string, string>[]): KubeObject => ({
  ...{ apiVersion: `${group}/v1`, kind: 'RoleBinding', metadata: { name: role } },
  roleRef: { apiGroup: group, kind: 'ClusterRole', name: role },
  subjects,
});
