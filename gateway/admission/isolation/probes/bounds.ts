import { type Act, core, type Ground, inGroup, type Probe } from '../probe.ts';
import { anyBackend, claimSpec, ingress, meta, selector, service, template } from './objects.ts';

/** Storage, ways in from outside, and what bounds an owner. */
export function boundsProbes(ground: Ground): Probe[] {
  const { ann, joanna, team, servicesDomain } = ground;
  const refused = (id: string, title: string, act: Act): Probe => ({ id, title, as: 'ann', expect: 'refused', act });
  const post = (path: string, body: unknown): Act => ({ method: 'POST', path, body });
  const patch = (path: string, body: unknown): Act => ({ method: 'PATCH', path, body });
  const remove = (path: string): Act => ({ method: 'DELETE', path });
  const claims = `${core(ann)}/persistentvolumeclaims`;
  const claim = (more: Record<string, unknown>, name = 'probe') =>
    post(claims, { metadata: meta(name), spec: claimSpec(more) });
  const volumes = '/api/v1/persistentvolumes';
  const services = `${core(ann)}/services`;
  const networking = inGroup('networking.k8s.io', ann);
  const address = (...parts: Parameters<typeof ingress>) => post(`${networking}/ingresses`, ingress(...parts));
  const host = (label: string) => `${label}.${servicesDomain}`;
  const mine = host(`probe-${ann.name}`);
  return [
    refused(
      'claim-volume-of-another',
      'a claim on the volume of somebody else',
      claim({ volumeName: `${joanna.namespace}.knot-private`, storageClassName: '' }),
    ),
    refused('claim-any-volume', 'a claim on whatever volume is free', claim({ storageClassName: '' })),
    refused(
      'claim-selects',
      'a claim that selects volumes of somebody else',
      claim({ selector: { matchLabels: { 'knot/owner': joanna.name } } }),
    ),
    refused('claim-name-of-knot', 'a claim with the name of the team’s', claim({}, `knot-team-${team.name}`)),
    refused(
      'statefulset-volume-of-another',
      'a StatefulSet on the volume of somebody else',
      post(`${inGroup('apps', ann)}/statefulsets`, {
        metadata: meta('probe'),
        spec: {
          selector,
          serviceName: 'x',
          template: template(),
          volumeClaimTemplates: [{ metadata: meta('v'), spec: claimSpec({ volumeName: 'v' }) }],
        },
      }),
    ),
    refused(
      'change-own-files',
      'change the claim on one’s files',
      patch(`${claims}/knot-private`, { metadata: { labels: { 'knot/owner': joanna.name } } }),
    ),
    refused('remove-own-files', 'remove the claim on one’s files', remove(`${claims}/knot-private`)),
    refused('volumes', 'list all volumes', { path: volumes }),
    refused(
      'new-volume',
      'make a volume of a folder of a machine',
      post(volumes, {
        metadata: meta(`probe-${ann.name}`),
        spec: { accessModes: ['ReadWriteMany'], capacity: { storage: '1Mi' }, hostPath: { path: '/' } },
      }),
    ),
    refused(
      'change-volume',
      'turn a volume to oneself',
      patch(`${volumes}/${joanna.namespace}.knot-private`, { spec: { claimRef: null } }),
    ),
    refused(
      'new-storage-class',
      'make a class of storage',
      post('/apis/storage.k8s.io/v1/storageclasses', { metadata: meta(`probe-${ann.name}`), provisioner: 'x' }),
    ),

    refused(
      'service-load-balancer',
      'a Service with an address outside',
      post(services, service({ type: 'LoadBalancer' })),
    ),
    refused(
      'service-node-port',
      'a Service with a port on every machine',
      post(services, service({ type: 'NodePort' })),
    ),
    refused(
      'service-external-ip',
      'a Service that takes an address',
      post(services, service({ externalIPs: ['10.96.0.1'] })),
    ),
    refused(
      'service-external-name',
      'a Service that is a name elsewhere',
      post(services, {
        metadata: meta('probe'),
        spec: { type: 'ExternalName', externalName: 'kubernetes.default.svc' },
      }),
    ),
    refused(
      'service-later',
      'a port on every machine for a Service that is there',
      patch(`${services}/probe`, { spec: { type: 'NodePort' } }),
    ),
    refused(
      'endpoints',
      'the address of somebody else behind a Service',
      post(`${inGroup('discovery.k8s.io', ann)}/endpointslices`, {
        metadata: meta('probe'),
        addressType: 'IPv4',
        endpoints: [{ addresses: ['10.0.0.1'] }],
      }),
    ),
    refused('host-of-another', 'the host of somebody else', address(host(`probe-${joanna.name}`))),
    refused('host-look-alike', 'a host that only ends in one’s name', address(host(`probe${ann.name}`))),
    refused('host-below', 'a host below one’s own', address(host(`x.probe-${ann.name}`))),
    refused('host-for-all', 'all hosts by a wildcard', address(host('*'))),
    refused('host-none', 'all hosts by naming none', address(undefined)),
    refused('host-main', 'the host of Knot itself', address(servicesDomain)),
    refused('host-rest', 'whatever host is left', address(mine, anyBackend)),
    refused(
      'host-certificate',
      'a certificate for the host of somebody else',
      address(mine, { tls: [{ hosts: [host(`probe-${joanna.name}`)] }] }),
    ),
    refused(
      'host-snippet',
      'lines for the configuration of the proxy',
      address(mine, {}, { 'nginx.ingress.kubernetes.io/server-snippet': 'return 200;' }),
    ),

    refused(
      'new-network-policy',
      'open one’s network to everybody',
      post(`${networking}/networkpolicies`, { metadata: meta('probe'), spec: { podSelector: {}, ingress: [{}] } }),
    ),
    refused(
      'remove-network-policy',
      'remove what shuts one’s network',
      remove(`${networking}/networkpolicies/knot-deny`),
    ),
    refused(
      'change-network-policy',
      'open what shuts one’s network',
      patch(`${networking}/networkpolicies/knot-deny`, { spec: { egress: [{}] } }),
    ),
    refused(
      'change-quota',
      'give oneself more',
      patch(`${core(ann)}/resourcequotas/knot`, { spec: { hard: { pods: '5000' } } }),
    ),
    refused(
      'change-quota-count',
      'change what was counted',
      patch(`${core(ann)}/resourcequotas/knot/status`, { status: { used: { pods: '0' } } }),
    ),
    refused('remove-quota', 'remove one’s quota', remove(`${core(ann)}/resourcequotas/knot`)),
    refused('remove-limits', 'remove the limits of one’s containers', remove(`${core(ann)}/limitranges/knot`)),
    refused(
      'in-the-name-of-knot',
      'make something that looks like Knot’s',
      post(`${core(ann)}/configmaps`, {
        metadata: meta('probe', { labels: { 'app.kubernetes.io/managed-by': 'knot' } }),
      }),
    ),
  ];
}
