import {
  type Act,
  core,
  apps,
  batch,
  networking,
  selector,
  podSpec,
  template,
  claimSpec,
  claim,
  service,
  ingress,
  merge,
  managed,
} from './rule-parts.ts';
import type { Probe } from './rule-probes-things.ts';

export const tokenRequest = (name: string): Act => ({
  path: `${core}/serviceaccounts/${name}/token`,
  body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} },
});

export const refusedActs: Probe[] = [
  {
    rule: 'knot-managed',
    title: 'changing a quota of Knot',
    act: merge(`${core}/resourcequotas/knot`, { spec: { hard: { pods: '5000' } } }),
    says: /changed by Knot only/,
  },
  {
    rule: 'knot-managed',
    title: 'taking the mark of Knot off it',
    act: merge(`${core}/resourcequotas/knot`, { metadata: { labels: { 'app.kubernetes.io/managed-by': null } } }),
    says: /changed by Knot only/,
  },
  {
    rule: 'knot-managed',
    title: 'writing what a quota counts',
    act: merge(`${core}/resourcequotas/knot/status`, { status: { used: { pods: '0' }, hard: { pods: '9' } } }),
    says: /changed by Knot only/,
  },
  {
    rule: 'knot-managed',
    title: 'removing a quota of Knot',
    act: { method: 'DELETE', path: `${core}/resourcequotas/knot` },
    says: /Knot only/,
  },
  {
    rule: 'knot-managed',
    title: 'removing all quotas',
    act: { method: 'DELETE', path: `${core}/resourcequotas` },
    says: /Knot only/,
  },
  {
    rule: 'knot-managed',
    title: 'making something in the name of Knot',
    act: { path: `${core}/configmaps`, body: { metadata: { name: 'x', labels: managed } } },
    says: /Knot only/,
  },
  {
    rule: 'knot-managed',
    title: 'putting the mark of Knot on something',
    act: merge(`${core}/services/web`, { metadata: { labels: managed } }),
    says: /Knot only/,
  },
  ...(
    [
      [`${core}/persistentvolumeclaims`, claim({}, 'knot-team-physics')],
      [`${core}/serviceaccounts`, { metadata: { name: 'knot-admin' } }],
      [`${networking}/networkpolicies`, { metadata: { name: 'knot' }, spec: { podSelector: {} } }],
      ['/apis/rbac.authorization.k8s.io/v1/namespaces/knot-ann/roles', { metadata: { name: 'knot-user' } }],
    ] as const
  ).map(([path, body]) => ({
    rule: 'knot-names',
    title: `a name of Knot at ${path}`,
    act: { path, body },
    says: /kept for Knot/,
  })),
  ...Object.entries({
    'losing its mark': { metadata: { labels: { 'app.kubernetes.io/managed-by': null } } },
    'losing its owner': { metadata: { labels: { 'knot/owner': null } } },
    'losing every mark': {
      metadata: { labels: { 'app.kubernetes.io/managed-by': null, 'knot/owner': null, 'knot/owner-kind': null } },
    },
    'becoming of another': { metadata: { labels: { 'knot/owner': 'joanna' } } },
    'less security of pods': { metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'privileged' } } },
    'an annotation of Knot': { metadata: { annotations: { 'knot/adopt': 'yes' } } },
  }).map(([title, body]) => ({
    rule: 'knot-namespaces',
    title: `a namespace ${title}`,
    act: merge('/api/v1/namespaces/knot-ann', body),
    says: /by Knot only/,
  })),
  ...['status', 'finalize'].map((part) => ({
    rule: 'knot-namespaces',
    title: `a namespace losing its mark by its ${part}`,
    act:
      part === 'status'
        ? merge(`/api/v1/namespaces/knot-ann/${part}`, { metadata: { labels: { 'knot/owner': null } } })
        : {
            method: 'PUT' as const,
            path: `/api/v1/namespaces/knot-ann/${part}`,
            body: {
              apiVersion: 'v1',
              kind: 'Namespace',
              metadata: { name: 'knot-ann' },
              spec: { finalizers: ['kubernetes'] },
            },
          },
    says: /by Knot only/,
  })),
  {
    rule: 'knot-namespaces',
    title: 'removing a namespace',
    act: { method: 'DELETE', path: '/api/v1/namespaces/knot-ann' },
    says: /by Knot only/,
  },
  ...[
    'workflows.argoproj.io/rbac-rule',
    'workflows.argoproj.io/service-account-token.name',
    'eks.amazonaws.com/role-arn',
  ].map((key) => ({
    rule: 'knot-identities',
    title: `an account with ${key}`,
    act: { path: `${core}/serviceaccounts`, body: { metadata: { name: 'x', annotations: { [key]: 'true' } } } },
    says: /choose an identity/,
  })),
  {
    rule: 'knot-identities',
    title: 'an account that gets an identity later',
    act: merge(`${core}/serviceaccounts/mine`, {
      metadata: { annotations: { 'workflows.argoproj.io/rbac-rule': 'true' } },
    }),
    says: /choose an identity/,
  },
  {
    rule: 'knot-tokens',
    title: 'the token of another account',
    act: tokenRequest('mine'),
    says: /token of its own only/,
  },
  {
    rule: 'knot-token-secrets',
    title: 'a token that never ends',
    act: {
      path: `${core}/secrets`,
      body: {
        metadata: { name: 'x', annotations: { 'kubernetes.io/service-account.name': 'mine' } },
        type: 'kubernetes.io/service-account-token',
      },
    },
    says: /never end/,
  },
  {
    rule: 'knot-ephemeral-containers',
    title: 'a container in a pod that runs',
    act: {
      method: 'PATCH',
      path: `${core}/pods/mine/ephemeralcontainers`,
      body: { spec: { ephemeralContainers: [{ name: 'debug', image: 'x' }] } },
    },
    says: /kubectl debug/,
  },
];

export const allowed: [string, Act][] = [
  [
    'a pod with harmless volumes',
    {
      path: `${core}/pods`,
      body: {
        metadata: { name: 'p' },
        spec: {
          ...podSpec(),
          volumes: [
            { name: 'a', emptyDir: {} },
            { name: 'b' },
            { name: 'c', configMap: { name: 'x' } },
            { name: 'd', persistentVolumeClaim: { claimName: 'knot-private' } },
            { name: 'e', ephemeral: { volumeClaimTemplate: { spec: claimSpec() } } },
            { name: 'f', csi: { driver: 'secrets-store.csi.k8s.io' } },
            { name: 'g', projected: { sources: [{ downwardAPI: { items: [] } }] } },
          ],
        },
      },
    },
  ],
  [
    'a deployment',
    { path: `${apps}/deployments`, body: { metadata: { name: 'x' }, spec: { selector, template: template() } } },
  ],
  [
    'a cron job',
    {
      path: `${batch}/cronjobs`,
      body: {
        metadata: { name: 'x' },
        spec: { schedule: '* * * * *', jobTemplate: { spec: { template: template({ emptyDir: {} }, 'Never') } } },
      },
    },
  ],
  ['a claim', { path: `${core}/persistentvolumeclaims`, body: claim({ storageClassName: 'fast' }) }],
  [
    'a claim that is bound, with a label more',
    merge(`${core}/persistentvolumeclaims/bound`, { metadata: { labels: { a: 'b' } } }),
  ],
  ['a Service', { path: `${core}/services`, body: service({}) }],
  ['a headless Service', { path: `${core}/services`, body: service({ clusterIP: 'None' }) }],
  [
    'an Ingress with a host of theirs',
    {
      path: `${networking}/ingresses`,
      body: ingress('web-ann.example.org', { tls: [{ hosts: ['web-ann.example.org'] }] }),
    },
  ],
  ['an Ingress with a host of two words', { path: `${networking}/ingresses`, body: ingress('my-web-ann.example.org') }],
  [
    'a label of their own on their namespace',
    merge('/api/v1/namespaces/knot-ann', { metadata: { labels: { 'example.org/x': 'y' } } }),
  ],
  ['an account', { path: `${core}/serviceaccounts`, body: { metadata: { name: 'x', annotations: { a: 'b' } } } }],
  ['a Secret', { path: `${core}/secrets`, body: { metadata: { name: 'x' }, stringData: { a: 'b' } } }],
  [
    'something of Helm',
    {
      path: `${core}/configmaps`,
      body: { metadata: { name: 'x', labels: { 'app.kubernetes.io/managed-by': 'Helm' } } },
    },
  ],
];
