import type { Ground, Probe, Right } from '../probe.ts';

const registration = 'admissionregistration.k8s.io';

/** The cluster itself, and what guards it. */
export function platformProbes({ ann }: Ground): Probe[] {
  const no = (id: string, title: string, may: Right): Probe => ({ id, title, as: 'ann', expect: 'refused', may });
  return [
    no('nodes', 'list the machines', { verb: 'list', resource: 'nodes' }),
    no('change-nodes', 'change a machine', { verb: 'patch', resource: 'nodes' }),
    no('node-proxy', 'reach the agent of a machine', { verb: 'get', resource: 'nodes', subresource: 'proxy' }),
    no('pod-proxy', 'reach pods through the API server, past the network’s rules', {
      verb: 'get',
      resource: 'pods',
      subresource: 'proxy',
      namespace: ann.namespace,
    }),
    no('service-proxy', 'reach Services through the API server', {
      verb: 'get',
      resource: 'services',
      subresource: 'proxy',
      namespace: ann.namespace,
    }),
    no('namespaces', 'list all namespaces', { verb: 'list', resource: 'namespaces' }),
    no('all-secrets', 'list the Secrets of everybody', { verb: 'list', resource: 'secrets' }),
    no('all-pods', 'list the pods of everybody', { verb: 'list', resource: 'pods' }),
    no('webhooks', 'read what the API server asks, and where', {
      verb: 'list',
      group: registration,
      resource: 'mutatingwebhookconfigurations',
    }),
    no('change-webhooks', 'change what the API server asks', {
      verb: 'patch',
      group: registration,
      resource: 'mutatingwebhookconfigurations',
    }),
    no('new-webhook', 'have the API server ask somebody else', {
      verb: 'create',
      group: registration,
      resource: 'validatingwebhookconfigurations',
    }),
    no('change-rules', 'change a rule of Knot', {
      verb: 'patch',
      group: registration,
      resource: 'validatingadmissionpolicies',
      name: 'knot-managed',
    }),
    no('remove-rules', 'put a rule of Knot out of force', {
      verb: 'delete',
      group: registration,
      resource: 'validatingadmissionpolicybindings',
      name: 'knot-volumes',
    }),
    no('definitions', 'define a kind of objects', {
      verb: 'create',
      group: 'apiextensions.k8s.io',
      resource: 'customresourcedefinitions',
    }),
    no('api-services', 'stand in for a part of the API', {
      verb: 'create',
      group: 'apiregistration.k8s.io',
      resource: 'apiservices',
    }),
    no('priorities', 'be more important than others', {
      verb: 'create',
      group: 'scheduling.k8s.io',
      resource: 'priorityclasses',
    }),
    no('ingress-classes', 'change who serves addresses', {
      verb: 'create',
      group: 'networking.k8s.io',
      resource: 'ingressclasses',
    }),
    no('gateway-lease', 'become the replica of Knot that writes', {
      verb: 'update',
      group: 'coordination.k8s.io',
      resource: 'leases',
      namespace: 'kube-system',
    }),
  ];
}
