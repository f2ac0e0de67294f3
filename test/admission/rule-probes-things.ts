import {
  type Act,
  core,
  apps,
  batch,
  networking,
  labels,
  selector,
  podSpec,
  template,
  pod,
  claimSpec,
  claim,
  service,
  backend,
  ingress,
  merge,
} from './rule-parts.ts';

export type Probe = { rule: string; title: string; act: Act; says: RegExp };

const hostPath = { hostPath: { path: '/' } };
const noVolume = /brings no volume .*\(data\)/;
const ownStorage = /asks for storage of a class/;
const workloads: [string, Act][] = [
  ['a pod', { path: `${core}/pods`, body: pod(hostPath) }],
  ['a pod template', { path: `${core}/podtemplates`, body: { metadata: { name: 'x' }, template: template(hostPath) } }],
  [
    'a replication controller',
    {
      path: `${core}/replicationcontrollers`,
      body: { metadata: { name: 'x' }, spec: { selector: labels, template: template(hostPath) } },
    },
  ],
  ...['deployments', 'replicasets', 'daemonsets', 'statefulsets'].map((kind): [string, Act] => [
    kind,
    {
      path: `${apps}/${kind}`,
      body: {
        metadata: { name: 'x' },
        spec: { selector, template: template(hostPath), ...(kind === 'statefulsets' && { serviceName: 's' }) },
      },
    },
  ]),
  [
    'a job',
    { path: `${batch}/jobs`, body: { metadata: { name: 'x' }, spec: { template: template(hostPath, 'Never') } } },
  ],
  [
    'a cron job',
    {
      path: `${batch}/cronjobs`,
      body: {
        metadata: { name: 'x' },
        spec: { schedule: '* * * * *', jobTemplate: { spec: { template: template(hostPath, 'Never') } } },
      },
    },
  ],
];

export const refusedThings: Probe[] = [
  ...workloads.map(([title, act]) => ({
    rule: 'knot-volumes',
    title: `${title} with a folder of the machine`,
    act,
    says: noVolume,
  })),
  ...Object.entries({
    'an export': { nfs: { server: 'files', path: '/' } },
    'a driver of its own': { csi: { driver: 'nfs.csi.k8s.io', volumeAttributes: { server: 'files', share: '/' } } },
    iSCSI: { iscsi: { targetPortal: '10.0.0.1', iqn: 'iqn.2020-01.org.example:x', lun: 0 } },
  }).map(([title, volume]) => ({
    rule: 'knot-volumes',
    title: `a pod with ${title}`,
    act: { path: `${core}/pods`, body: pod(volume) },
    says: noVolume,
  })),
  {
    rule: 'knot-volumes',
    title: 'a deployment that gets a folder of the machine later',
    act: merge(`${apps}/deployments/web`, { spec: { template: { spec: podSpec(hostPath) } } }),
    says: noVolume,
  },
  {
    rule: 'knot-volumes',
    title: 'a pod whose own claim names the volume of somebody',
    act: {
      path: `${core}/pods`,
      body: pod({ ephemeral: { volumeClaimTemplate: { spec: claimSpec({ volumeName: 'knot-joanna-private' }) } } }),
    },
    says: ownStorage,
  },
  ...Object.entries({
    'names the volume of somebody': { volumeName: 'knot-joanna-private', storageClassName: '' },
    'takes what is free': { storageClassName: '' },
    'selects a volume': { selector: { matchLabels: { 'knot/owner': 'joanna' } } },
    'copies from another namespace': {
      dataSourceRef: { kind: 'PersistentVolumeClaim', name: 'x', namespace: 'knot-joanna' },
    },
  })
    // The last one only where the cluster has that feature on: without it the field is not there.
    .filter(([title]) => title !== 'copies from another namespace')
    .map(([title, more]) => ({
      rule: 'knot-claims',
      title: `a claim that ${title}`,
      act: { path: `${core}/persistentvolumeclaims`, body: claim(more) },
      says: ownStorage,
    })),
  {
    rule: 'knot-claims',
    title: 'a claim that names the volume of somebody later',
    act: merge(`${core}/persistentvolumeclaims/mine`, { spec: { volumeName: 'knot-joanna-private' } }),
    says: ownStorage,
  },
  {
    rule: 'knot-claims',
    title: 'a stateful set whose claims name the volume of somebody',
    act: {
      path: `${apps}/statefulsets`,
      body: {
        metadata: { name: 'x' },
        spec: { selector, serviceName: 's', template: template(), volumeClaimTemplates: [claim({ volumeName: 'v' })] },
      },
    },
    says: ownStorage,
  },
  ...['LoadBalancer', 'NodePort'].map((type) => ({
    rule: 'knot-services',
    title: `a Service of type ${type}`,
    act: { path: `${core}/services`, body: service({ type }) },
    says: /opens no port/,
  })),
  {
    rule: 'knot-services',
    title: 'a Service that opens a port later',
    act: merge(`${core}/services/web`, { spec: { type: 'NodePort' } }),
    says: /opens no port/,
  },
  {
    rule: 'knot-services',
    title: 'a Service that is a name elsewhere',
    act: {
      path: `${core}/services`,
      body: { metadata: { name: 's' }, spec: { type: 'ExternalName', externalName: 'db.knot.svc' } },
    },
    says: /ExternalName/,
  },
  {
    rule: 'knot-services',
    title: 'a Service that takes an address',
    act: { path: `${core}/services`, body: service({ externalIPs: ['10.96.0.1'] }) },
    says: /externalIPs/,
  },
  {
    rule: 'knot-endpoints',
    title: 'addresses of somebody else behind a Service',
    act: {
      path: '/apis/discovery.k8s.io/v1/namespaces/knot-ann/endpointslices',
      body: {
        metadata: { name: 'x', labels: { 'kubernetes.io/service-name': 's' } },
        addressType: 'IPv4',
        endpoints: [{ addresses: ['10.1.2.3'] }],
      },
    },
    says: /writes the addresses/,
  },
  {
    rule: 'knot-endpoints',
    title: 'the same in the older way',
    act: {
      path: `${core}/endpoints`,
      body: { metadata: { name: 's' }, subsets: [{ addresses: [{ ip: '10.1.2.3' }], ports: [{ port: 80 }] }] },
    },
    says: /writes the addresses/,
  },
  ...Object.entries({
    'web-joanna.example.org': 'the host of somebody whose name ends alike',
    'webann.example.org': 'a host without the hyphen',
    '-ann.example.org': undefined,
    'a.web-ann.example.org': 'a host below',
    '*.example.org': 'a host for all',
    'web-ann.example.org.evil.org': 'a host that goes on',
    'example.org': 'the main host',
    'a--b-ann.example.org': 'a name with two hyphens side by side',
    '1web-ann.example.org': 'a name that begins with a digit',
    [`${'a'.repeat(33)}-ann.example.org`]: 'a name that is too long',
    'jupyterhub.example.org': 'the host of a tool',
  }).flatMap(([host, title]) =>
    title === undefined
      ? []
      : [
          {
            rule: 'knot-hosts',
            title: `an Ingress with ${title}`,
            act: { path: `${networking}/ingresses`, body: ingress(host) },
            says: /must be NAME-ann\.example\.org \(not: /,
          },
        ],
  ),
  {
    rule: 'knot-hosts',
    title: 'an Ingress without a host',
    act: { path: `${networking}/ingresses`, body: ingress() },
    says: /every host/,
  },
  {
    rule: 'knot-hosts',
    title: 'an Ingress for whatever else there is',
    act: { path: `${networking}/ingresses`, body: ingress('web-ann.example.org', { defaultBackend: backend }) },
    says: /no default backend/,
  },
  {
    rule: 'knot-hosts',
    title: 'an Ingress with the certificate of another host',
    act: {
      path: `${networking}/ingresses`,
      body: ingress('web-ann.example.org', { tls: [{ hosts: ['example.org'] }] }),
    },
    says: /certificate is for hosts/,
  },
  {
    rule: 'knot-hosts',
    title: 'an Ingress with lines for the proxy',
    act: {
      path: `${networking}/ingresses`,
      body: ingress('web-ann.example.org', {}, { 'nginx.ingress.kubernetes.io/server-snippet': 'return 200;' }),
    },
    says: /snippets/,
  },
  {
    rule: 'knot-hosts',
    title: 'an Ingress that takes the host of somebody later',
    act: merge(`${networking}/ingresses/mine`, { spec: ingress('web-joanna.example.org').spec }),
    says: /must be NAME-ann/,
  },
];
