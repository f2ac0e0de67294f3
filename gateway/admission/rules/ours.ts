import { forOthers, managedBy, type Rule, text } from './rule.ts';

const isManaged = (object: string) =>
  `${object} != null && has(${object}.metadata) && has(${object}.metadata.labels) && ${text(managedBy)} in ${object}.metadata.labels && ${object}.metadata.labels[${text(managedBy)}] == 'knot'`;

/** What Knot made in an owner's namespace is changed by Knot, and nobody else's looks as if it were Knot's. */
export const managedRule: Rule = {
  name: 'knot-managed',
  resources: [{ apiGroups: ['*'], resources: ['*', '*/status'], operations: ['CREATE', 'UPDATE', 'DELETE'] }],
  conditions: {
    ...forOthers,
    // A namespace is selected by its own labels, and has a rule of its own.
    'is-no-namespace': "request.resource.group != '' || request.resource.resource != 'namespaces'",
    'is-of-knot': `(${isManaged('object')}) || (${isManaged('oldObject')})`,
  },
  must: [
    {
      hold: 'false',
      says: `What Knot keeps in this namespace (label ${managedBy}: knot) is changed by Knot only. An administrator changes the plan of its owner.`,
    },
  ],
};

/** Names that Knot will need, so that nothing stands there when it does. */
export const namesRule: Rule = {
  name: 'knot-names',
  resources: [
    {
      apiGroups: [''],
      resources: ['limitranges', 'persistentvolumeclaims', 'resourcequotas', 'serviceaccounts'],
      operations: ['CREATE'],
    },
    { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies'], operations: ['CREATE'] },
    { apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles', 'rolebindings'], operations: ['CREATE'] },
  ],
  conditions: forOthers,
  must: [
    {
      hold: "object.metadata.name != 'knot' && !object.metadata.name.startsWith('knot-')",
      says: 'Names that begin with knot- are kept for Knot. Choose another one.',
    },
  ],
};

/** Labels and annotations of a namespace that other rules, networks and Pod Security go by. */
const decides = (key: string) =>
  `(${key}.startsWith('knot/') || ${key}.startsWith('pod-security.kubernetes.io/') || ${key} == ${text(managedBy)} || ${key} == 'kubernetes.io/metadata.name')`;
const deciding = (object: string, field: string) =>
  `${object} != null && has(${object}.metadata.${field}) ? ${object}.metadata.${field}.filter(k, ${decides('k')}).map(k, k + '=' + ${object}.metadata.${field}[k]) : []`;
const isOfOwner = (object: string) =>
  `${object} != null && has(${object}.metadata.labels) && ${object}.metadata.labels.exists(k, k.startsWith('knot/'))`;

/**
 * Namespaces of owners are made, marked and removed by Knot. This rule has no selector: a change that drops the label would be no
 * longer selected by it (a namespace is matched as it would become).
 */
export const namespacesRule: Rule = {
  name: 'knot-namespaces',
  scope: 'everywhere',
  // By its parts a namespace gets other labels as well: only what stands below `spec` or `status` is kept from them.
  resources: [
    {
      apiGroups: [''],
      resources: ['namespaces', 'namespaces/finalize', 'namespaces/status'],
      operations: ['CREATE', 'UPDATE', 'DELETE'],
    },
  ],
  conditions: { ...forOthers, 'is-of-an-owner': `(${isOfOwner('object')}) || (${isOfOwner('oldObject')})` },
  variables: {
    before: `(${deciding('oldObject', 'labels')}) + (${deciding('oldObject', 'annotations')})`,
    after: `(${deciding('object', 'labels')}) + (${deciding('object', 'annotations')})`,
  },
  must: [
    {
      hold: "request.operation == 'UPDATE' && variables.before.all(x, x in variables.after) && variables.after.all(x, x in variables.before)",
      says: 'A namespace of a person or team is made, marked and removed by Knot only.',
    },
  ],
};
