import { forOthers, ownerLabel, type Rule, type RuleSettings, text } from './rule.ts';

/** What leads into the cluster past the gateway, or makes the gateway lead out of it. */
export const servicesRule: Rule = {
  name: 'knot-services',
  resources: [{ apiGroups: [''], resources: ['services'] }],
  must: [
    {
      hold: "!(has(object.spec.type) && object.spec.type in ['LoadBalancer', 'NodePort'])",
      says: 'A Service opens no port on the machines or at a provider (NodePort, LoadBalancer): people come through Knot, which asks who they are. Use ClusterIP.',
    },
    {
      hold: "!(has(object.spec.type) && object.spec.type == 'ExternalName') && !(has(object.spec.externalName) && object.spec.externalName != '')",
      says: 'A Service is no other name of a host elsewhere (ExternalName).',
    },
    {
      hold: '!has(object.spec.externalIPs) || object.spec.externalIPs.size() == 0',
      says: 'A Service takes no address outside of the cluster (externalIPs): it could be the address of somebody else.',
    },
  ],
};

/** The addresses behind a Service are those of pods that it selects; written by hand they may be anybody's (CVE-2021-25740). */
export const endpointsRule: Rule = {
  name: 'knot-endpoints',
  resources: [
    { apiGroups: [''], resources: ['endpoints'] },
    { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'] },
  ],
  conditions: forOthers,
  must: [
    {
      hold: 'false',
      says: 'The cluster writes the addresses behind a Service, from the pods that it selects. Give the Service a selector.',
    },
  ],
};

/** Hosts: `NAME-OWNER.DOMAIN`, by the label of the namespace, which only Knot writes. A name of an owner has no hyphen. */
export const hostsRule = ({ servicesDomain }: RuleSettings): Rule => ({
  name: 'knot-hosts',
  resources: [
    { apiGroups: ['networking.k8s.io', 'extensions'], resources: ['ingresses'] },
    {
      apiGroups: ['gateway.networking.k8s.io'],
      resources: ['grpcroutes', 'httproutes', 'tcproutes', 'tlsroutes', 'udproutes'],
    },
  ],
  variables: {
    ending: `'-' + namespaceObject.metadata.labels[${text(ownerLabel)}] + ${text(`.${servicesDomain}`)}`,
    // '' is every host.
    hosts: `object.kind == 'Ingress'
  ? (has(object.spec.rules) ? object.spec.rules.map(r, has(r.host) ? r.host : '') : [])
  : has(object.spec.hostnames) && object.spec.hostnames.size() > 0 ? object.spec.hostnames : ['']`,
    tls: `object.kind == 'Ingress' && has(object.spec.tls) ? object.spec.tls.filter(t, has(t.hosts)).map(t, t.hosts) : []`,
    foreign: `variables.hosts.filter(h, ${isForeign('h')})`,
  },
  must: [
    {
      hold: 'variables.foreign.size() == 0',
      says: "'The host of an address must be NAME' + variables.ending + ' (not: ' + variables.foreign.map(h, h == '' ? 'every host' : h).join(', ') + ').'",
      isExpression: true,
    },
    {
      hold: `variables.tls.all(hosts, hosts.all(h, !(${isForeign('h')})))`,
      says: "'A certificate is for hosts that end in ' + variables.ending + ' only.'",
      isExpression: true,
    },
    {
      hold: "object.kind != 'Ingress' || !has(object.spec.defaultBackend)",
      says: 'An Ingress has no default backend: it would take the hosts of everybody.',
    },
    {
      hold: "object.kind == 'Ingress' || !has(object.spec.rules) || object.spec.rules.all(r, !has(r.backendRefs) || r.backendRefs.all(b, !has(b.namespace) || b.namespace == object.metadata.namespace))",
      says: 'A route leads to Services of its own namespace, whatever another one grants.',
    },
    {
      hold: "!has(object.metadata.annotations) || object.metadata.annotations.all(k, !k.endsWith('-snippet') && !k.endsWith('-snippets'))",
      says: 'An Ingress brings no lines for the configuration of a proxy (snippets).',
    },
  ],
});

/** As `checkServiceName` has it: what is let in here is what discovery makes a route of. */
function isForeign(host: string): string {
  const name = `${host}.substring(0, ${host}.size() - variables.ending.size())`;
  return `!(${host}.endsWith(variables.ending) && ${name}.matches('^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$') && !${name}.contains('--'))`;
}
