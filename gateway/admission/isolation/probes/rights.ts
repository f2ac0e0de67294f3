import { type Act, core, type Ground, inGroup, type Probe, rbac, type Right, type Subject } from '../probe.ts';
import { meta, roleRef } from './objects.ts';

const subjectOf = ({ namespace }: Subject) => ({ kind: 'ServiceAccount', name: 'knot-user', namespace });
const binding = (role: string, whose: Subject) => ({
  metadata: meta('probe'),
  roleRef: roleRef(role),
  subjects: [subjectOf(whose)],
});

/** More rights than one has, and other identities than one's own. */
export function rightsProbes({ ann, joanna }: Ground): Probe[] {
  const bindings = `${inGroup(rbac, ann)}/rolebindings`;
  const refused = (id: string, title: string, tried: { act: Act } | { may: Right }): Probe => ({
    ...{ id, title, as: 'ann', expect: 'refused' },
    ...tried,
  });
  const post = (path: string, body: unknown) => ({ act: { method: 'POST' as const, path, body } });
  const mark = (labels: Record<string, unknown>, annotations = {}) => ({
    act: { method: 'PATCH' as const, path: core(ann), body: { metadata: { labels, annotations } } },
  });
  const account = (name: string) => `${core(ann)}/serviceaccounts/${name}`;
  const tokenRequest = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} };
  return [
    refused(
      'bind-cluster-admin',
      'bind cluster-admin in one’s namespace',
      post(bindings, binding('cluster-admin', ann)),
    ),
    refused('bind-edit', 'bind a larger role in one’s namespace', post(bindings, binding('edit', ann))),
    refused('bind-other', 'let somebody else in past Knot', post(bindings, binding('knot-user', joanna))),
    refused('new-role', 'make a role', post(`${inGroup(rbac, ann)}/roles`, { metadata: meta('probe'), rules: [] })),
    refused('change-binding', 'change one’s own binding', {
      act: { method: 'PATCH', path: `${bindings}/knot-user`, body: { subjects: [subjectOf(ann), subjectOf(joanna)] } },
    }),
    refused('remove-binding', 'remove one’s own binding', { act: { method: 'DELETE', path: `${bindings}/knot-user` } }),
    refused(
      'bind-everywhere',
      'bind a role in the whole cluster',
      post(`/apis/${rbac}/v1/clusterrolebindings`, binding('cluster-admin', ann)),
    ),
    refused('change-role', 'add rights to the role of everybody', {
      act: {
        method: 'PATCH',
        path: `/apis/${rbac}/v1/clusterroles/knot-user`,
        body: { rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }] },
      },
    }),
    refused(
      'new-cluster-role',
      'make a role of the cluster',
      post(`/apis/${rbac}/v1/clusterroles`, { metadata: meta('probe'), rules: [] }),
    ),
    ...(['users', 'groups', 'serviceaccounts'] as const).map((resource) =>
      refused(`impersonate-${resource}`, `act as other ${resource}`, {
        may: { verb: 'impersonate', resource, ...(resource === 'serviceaccounts' && { namespace: ann.namespace }) },
      }),
    ),
    refused('certificate', 'ask for a certificate of another identity', {
      may: { verb: 'create', group: 'certificates.k8s.io', resource: 'certificatesigningrequests' },
    }),

    refused(
      'namespace-loses-mark',
      'take the mark of Knot off one’s namespace',
      mark({ 'app.kubernetes.io/managed-by': null }),
    ),
    refused('namespace-loses-owner', 'take the owner off one’s namespace', mark({ 'knot/owner': null })),
    refused(
      'namespace-owned-by-another',
      'give one’s namespace the name of somebody else',
      mark({ 'knot/owner': joanna.name }),
    ),
    refused(
      'namespace-less-secure',
      'lower the security of one’s pods',
      mark({ 'pod-security.kubernetes.io/enforce': 'privileged' }),
    ),
    refused(
      'namespace-annotation',
      'annotate one’s namespace as Knot does',
      mark({}, { 'knot/paused': null, 'knot/probe': 'x' }),
    ),
    refused('namespace-by-status', 'take the owner off one’s namespace by its status', {
      act: { method: 'PATCH', path: `${core(ann)}/status`, body: { metadata: { labels: { 'knot/owner': null } } } },
    }),
    refused('remove-namespace', 'remove one’s namespace', { act: { method: 'DELETE', path: core(ann) } }),
    refused('new-namespace', 'make a namespace', post('/api/v1/namespaces', { metadata: meta(`${ann.namespace}x`) })),

    refused('new-account', 'make a service account', post(`${core(ann)}/serviceaccounts`, { metadata: meta('probe') })),
    refused('account-identity', 'give an account an identity of Argo', {
      act: {
        method: 'PATCH',
        path: account('default'),
        body: { metadata: { annotations: { 'workflows.argoproj.io/rbac-rule': 'true' } } },
      },
    }),
    refused('account-token', 'let every pod have a token', {
      act: { method: 'PATCH', path: account('default'), body: { automountServiceAccountToken: true } },
    }),
    ...['knot-workflow', 'knot-notebook', 'default'].map((name) =>
      refused(`token-of-${name}`, `take a token of the account ${name}`, post(`${account(name)}/token`, tokenRequest)),
    ),
    refused(
      'endless-token',
      'make a token that never ends',
      post(`${core(ann)}/secrets`, {
        metadata: meta('probe', { annotations: { 'kubernetes.io/service-account.name': 'knot-user' } }),
        type: 'kubernetes.io/service-account-token',
      }),
    ),
    refused('token-review', 'ask whose a token is', {
      may: { verb: 'create', group: 'authentication.k8s.io', resource: 'tokenreviews' },
    }),
    ...(['ann-notebook', 'ann-workflow'] as const).map((as): Probe => ({
      ...{ id: `secrets-by-${as}`, title: `read Secrets as the account ${as}`, as, expect: 'refused' },
      act: { path: `${core(joanna)}/secrets` },
    })),
  ];
}
