import type { KubeObject } from '../../kube/index.ts';

/** What the rules of one installation depend on. */
export type RuleSettings = {
  /** Namespace of the gateway itself: no rule holds in it, whatever its labels are. */
  gatewayNamespace: string;
  /** The name below which services of people have theirs: `NAME-OWNER.DOMAIN`. */
  servicesDomain: string;
  /** Drivers that a pod may ask for a volume of its own (inline CSI); usually none. */
  csiDrivers: readonly string[];
  /** Whether owners may add a container to a pod of theirs that runs (`kubectl debug`). */
  ephemeralContainers: boolean;
};

export type ResourceRule = {
  apiGroups: readonly string[];
  resources: readonly string[];
  operations?: readonly ('CREATE' | 'UPDATE' | 'DELETE')[];
};

/** One rule of the cluster: what it looks at, for whom it holds, and what must be so. All expressions are CEL. */
export type Rule = {
  /** Also the name of its binding: without that the rule is not in force. */
  name: `knot-${string}`;
  resources: readonly ResourceRule[];
  /** `owners`: in the namespaces of people and teams; `everywhere`: wherever the conditions say. */
  scope?: 'owners' | 'everywhere';
  /** The rule is asked only where all of them hold, by their names. */
  conditions?: Readonly<Record<string, string>>;
  /** Named parts, each of which may use those before it as `variables.NAME`. */
  variables?: Readonly<Record<string, string>>;
  /** What must hold, and what is said where it does not: to people, in plain words. `says` may be CEL with `isExpression`. */
  must: readonly { hold: string; says: string; isExpression?: boolean }[];
};

export const managedBy = 'app.kubernetes.io/managed-by';
export const ownerLabel = 'knot/owner';

/** Namespaces of people and teams, and never those that a cluster (or Knot) needs to get up again. */
export const ownersNamespaces = (gatewayNamespace: string) => ({
  matchLabels: { [managedBy]: 'knot' },
  matchExpressions: [
    { key: ownerLabel, operator: 'Exists' },
    {
      key: 'kubernetes.io/metadata.name',
      operator: 'NotIn',
      values: ['default', gatewayNamespace, 'kube-node-lease', 'kube-public', 'kube-system'],
    },
  ],
});

/** The policy and what puts it in force (admissionregistration.k8s.io/v1, since Kubernetes 1.30). */
export function objectsOf(rule: Rule, { gatewayNamespace }: RuleSettings): { policy: KubeObject; binding: KubeObject } {
  const metadata = { name: rule.name, labels: { [managedBy]: 'knot', 'knot/part': 'admission' } };
  const apiVersion = 'admissionregistration.k8s.io/v1';
  const named = (expressions: Readonly<Record<string, string>> = {}) =>
    Object.entries(expressions).map(([name, expression]) => ({ name, expression }));
  return {
    policy: {
      apiVersion,
      kind: 'ValidatingAdmissionPolicy',
      metadata,
      spec: {
        // What cannot be judged is refused.
        failurePolicy: 'Fail',
        matchConstraints: {
          matchPolicy: 'Equivalent',
          ...((rule.scope ?? 'owners') === 'owners' && { namespaceSelector: ownersNamespaces(gatewayNamespace) }),
          resourceRules: rule.resources.map(({ apiGroups, resources, operations = ['CREATE', 'UPDATE'] }) => ({
            apiGroups: [...apiGroups],
            apiVersions: ['*'],
            operations: [...operations],
            resources: [...resources],
          })),
        },
        ...(rule.conditions && { matchConditions: named(rule.conditions) }),
        ...(rule.variables && { variables: named(rule.variables) }),
        validations: rule.must.map(({ hold, says, isExpression }) => ({
          expression: hold,
          ...(isExpression ? { messageExpression: says } : { message: says }),
          reason: 'Forbidden',
        })),
      },
    },
    binding: {
      apiVersion,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata,
      spec: { policyName: rule.name, validationActions: ['Deny'] },
    },
  };
}

/**
 * Whoever may change the rules is not bound by those about who may do something: Knot, and administrators of the cluster. They could
 * take the rule away as well; so no name of an account need be known here.
 */
const mayChangeRules =
  "authorizer.group('admissionregistration.k8s.io').resource('validatingadmissionpolicies').name('knot-managed').check('patch').allowed()";

/** Parts of the cluster itself: controllers, the scheduler, and nodes about what they run. */
const isCluster =
  "request.userInfo.username in ['system:kube-controller-manager', 'system:kube-scheduler', 'system:apiserver'] || (has(request.userInfo.groups) && request.userInfo.groups.exists(g, g in ['system:serviceaccounts:kube-system', 'system:nodes']))";

/** Conditions of a rule that says who may do something. */
export const forOthers = {
  'not-the-cluster': `!(${isCluster})`,
  'not-who-may-change-rules': `!${mayChangeRules}`,
} as const;

export const text = (value: string): string => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
export const texts = (values: readonly string[]): string => `[${values.map(text).join(', ')}]`;
