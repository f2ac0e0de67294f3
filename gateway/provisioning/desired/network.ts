import type { KubeObject } from '../../kube/index.ts';
import { closedNetworks } from '../../lib/index.ts';
import type { ClusterSettings } from './wanted.ts';

/**
 * NetworkPolicies of a namespace: everything is shut, and each opening is a policy of its own that says what it is for. Enforced by the
 * network of the cluster, where that knows policies.
 */
export function networkOf(settings: ClusterSettings): KubeObject[] {
  const { gatewayNamespace, gatewayPort, apiServer, nameServers = [] } = settings;
  /** Pods beside the gateway, by a label: what else runs there (a database) is nobody's. */
  const beside = (labels: Record<string, string>) => ({
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': gatewayNamespace } },
    podSelector: { matchLabels: labels },
  });
  const gateway = beside({ 'app.kubernetes.io/name': 'knot', 'app.kubernetes.io/component': 'gateway' });
  const hub = beside({ app: 'jupyterhub', component: 'hub' });
  const hubProxy = beside({ app: 'jupyterhub', component: 'proxy' });
  return [
    policy('knot-deny', 'Nothing comes in and nothing goes out but by the openings that follow.', {
      policyTypes: ['Ingress', 'Egress'],
    }),
    policy('knot-within', 'What one owner runs may talk to what else they run.', {
      ingress: [{ from: [{ podSelector: {} }] }],
      egress: [{ to: [{ podSelector: {} }] }],
      policyTypes: ['Ingress', 'Egress'],
    }),
    policy('knot-gateway', 'People reach what they run through the gateway, and JupyterHub reaches its notebooks.', {
      ingress: [{ from: [gateway, hub, hubProxy] }],
      policyTypes: ['Ingress'],
    }),
    policy('knot-names', 'Names of services and hosts are looked up.', {
      egress: [
        {
          to: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } } }],
          ports: [port(53, 'UDP'), port(53, 'TCP')],
        },
        // One on each node (NodeLocal DNSCache) has the network of the node, and so is in no namespace for a policy.
        ...(nameServers.length > 0
          ? [{ to: nameServers.map(addressBlock), ports: [port(53, 'UDP'), port(53, 'TCP')] }]
          : []),
      ],
      policyTypes: ['Egress'],
    }),
    policy('knot-platform', 'Programs sign in at Knot and use its API; notebooks tell JupyterHub that they live.', {
      egress: [
        { to: [gateway], ...(gatewayPort > 0 && { ports: [port(gatewayPort)] }) },
        { to: [hub], ports: [port(8081)] },
      ],
      policyTypes: ['Egress'],
    }),
    // The address behind the Service `kubernetes`: policies are judged after its address was replaced.
    ...(apiServer.length === 0
      ? []
      : [
          policy(
            'knot-api-server',
            'What an owner runs may use their own rights in the cluster, with a token of theirs.',
            {
              egress: apiServer.map(({ address, port: at }) => ({
                to: [addressBlock(address)],
                ports: [port(at)],
              })),
              policyTypes: ['Egress'],
            },
          ),
        ]),
    policy('knot-world', 'The world is open; networks of the cluster, of its machines and of its provider are not.', {
      egress: [
        {
          to: [
            { ipBlock: { cidr: '0.0.0.0/0', except: closedNetworks.filter((network) => !isOfSix(network)) } },
            { ipBlock: { cidr: '::/0', except: closedNetworks.filter(isOfSix) } },
          ],
        },
      ],
      policyTypes: ['Egress'],
    }),
  ];
}

const addressBlock = (address: string) => ({ ipBlock: { cidr: `${address}/${isOfSix(address) ? 128 : 32}` } });

const isOfSix = (network: string): boolean => network.includes(':');

const port = (number: number, protocol = 'TCP') => ({ protocol, port: number });

/** `reason` is shown by whatever lists policies. */
function policy(name: string, reason: string, spec: Record<string, unknown>): KubeObject {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, annotations: { 'knot/reason': reason } },
    spec: { podSelector: {}, ...spec },
  };
}
