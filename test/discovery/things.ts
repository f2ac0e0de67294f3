import type { KubeObject } from '../../gateway/kube/index.ts';

/** Objects as people apply them in `knot-ann`, to be looked at or applied. */

const meta = (name: string, namespace: string, more: object = {}) => ({ name, namespace, ...more });

export const backendOf = (name: string, port: number | string = 80) => ({
  service: { name, port: typeof port === 'number' ? { number: port } : { name: port } },
});

/** An Ingress that leads each of its hosts to the Service `to`. */
export const ingress = (
  name: string,
  hosts: readonly string[],
  { to = 'web', port = 80, namespace = 'knot-ann', at = '2026-01-01T00:00:00Z' } = {},
): KubeObject => ({
  ...{ apiVersion: 'networking.k8s.io/v1', kind: 'Ingress' },
  metadata: meta(name, namespace, { creationTimestamp: at }),
  spec: {
    rules: hosts.map((host) => ({
      ...(host !== '' && { host }),
      http: { paths: [{ path: '/', pathType: 'Prefix', backend: backendOf(to, port) }] },
    })),
  },
});

export const httpRoute = (
  name: string,
  hostnames: readonly string[],
  rule: object,
  namespace = 'knot-ann',
): KubeObject => ({
  ...{ apiVersion: 'gateway.networking.k8s.io/v1', kind: 'HTTPRoute', metadata: meta(name, namespace) },
  spec: { ...(hostnames.length > 0 && { hostnames }), rules: [rule] },
});

export const service = (name: string, spec: object = {}, namespace = 'knot-ann'): KubeObject => ({
  ...{ apiVersion: 'v1', kind: 'Service', metadata: meta(name, namespace) },
  spec: { type: 'ClusterIP', selector: { app: name }, ports: [{ port: 80 }], ...spec },
});

export const slice = (
  of: string,
  addresses: readonly { ip: string; pod: string }[],
  { namespace = 'knot-ann', writer = 'endpointslice-controller.k8s.io', port = 8080 } = {},
): KubeObject => ({
  ...{ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' },
  metadata: meta(`${of}-x`, namespace, {
    labels: { 'kubernetes.io/service-name': of, 'endpointslice.kubernetes.io/managed-by': writer },
  }),
  ports: [{ name: '', port }],
  endpoints: addresses.map(({ ip, pod }) => ({
    ...{ addresses: [ip], conditions: { ready: true }, targetRef: { kind: 'Pod', uid: pod } },
  })),
});

export const pod = (
  name: string,
  ip: string,
  more: { hostNetwork?: boolean; hostIP?: string } = {},
  namespace = 'knot-ann',
): KubeObject => ({
  ...{ apiVersion: 'v1', kind: 'Pod', metadata: meta(name, namespace, { uid: name }) },
  spec: { hostNetwork: more.hostNetwork },
  status: { podIPs: [{ ip }], hostIP: more.hostIP ?? '192.168.7.1', hostIPs: [{ ip: more.hostIP ?? '192.168.7.1' }] },
});
