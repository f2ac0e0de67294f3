import { forOthers, type Rule, text } from './rule.ts';

/** Annotations by which somebody becomes somebody: Argo's single sign-on, and the clouds' identities of workloads. */
const choosing = [
  'workflows.argoproj.io/rbac-rule',
  'workflows.argoproj.io/service-account-token',
  'eks.amazonaws.com/',
  'iam.gke.io/',
  'azure.workload.identity/',
];
const chosen = (object: string) =>
  `${object} != null && has(${object}.metadata.annotations) ? ${object}.metadata.annotations.filter(k, ${choosing
    .map((prefix) => `k.startsWith(${text(prefix)})`)
    .join(' || ')}).map(k, k + '=' + ${object}.metadata.annotations[k]) : []`;

export const identitiesRule: Rule = {
  name: 'knot-identities',
  resources: [{ apiGroups: [''], resources: ['serviceaccounts'] }],
  conditions: forOthers,
  variables: { before: chosen('oldObject'), after: chosen('object') },
  must: [
    {
      hold: 'variables.after.all(x, x in variables.before) && variables.before.all(x, x in variables.after)',
      says: 'Annotations that choose an identity (of Argo, of a cloud) are set by administrators only.',
    },
  ],
};

/** Tokens of service accounts: a pod gets that of its own account from the node; nobody takes one of another account away. */
export const tokensRule: Rule = {
  name: 'knot-tokens',
  resources: [{ apiGroups: [''], resources: ['serviceaccounts/token'], operations: ['CREATE'] }],
  conditions: forOthers,
  must: [
    {
      hold: "request.userInfo.username == 'system:serviceaccount:' + request.namespace + ':' + request.name",
      says: 'A service account asks for a token of its own only. For use from outside there is `knot kubeconfig`.',
    },
  ],
};

/** The older way to a token, which never ends. */
export const tokenSecretsRule: Rule = {
  name: 'knot-token-secrets',
  resources: [{ apiGroups: [''], resources: ['secrets'] }],
  conditions: {
    ...forOthers,
    'is-of-a-token': "has(object.type) && object.type == 'kubernetes.io/service-account-token'",
  },
  must: [
    {
      hold: 'false',
      says: 'A Secret holds no token of a service account: it would never end. A pod has the token of its account without it.',
    },
  ],
};
