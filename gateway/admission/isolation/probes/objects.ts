/** Objects that probes ask for: as small as the strictest level of Pod Security takes them. */
type Part = Record<string, unknown>;

export const meta = (name: string, more: Part = {}): Part => ({ name, ...more });

export const secure = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  runAsNonRoot: true,
  runAsUser: 1000,
  seccompProfile: { type: 'RuntimeDefault' },
};

export const container = (more: Part = {}): Part => ({
  name: 'main',
  image: 'registry.invalid/none:1',
  securityContext: secure,
  resources: { requests: { cpu: '10m', memory: '16Mi' }, limits: { cpu: '10m', memory: '16Mi' } },
  ...more,
});

export const podSpec = (more: Part = {}, ofContainer: Part = {}): Part => ({
  containers: [container(ofContainer)],
  ...more,
});

export const pod = (more: Part = {}, ofContainer: Part = {}, annotations: Part = {}): Part => ({
  metadata: meta('probe', { annotations }),
  spec: podSpec(more, ofContainer),
});

const labels = { app: 'probe' };
export const selector = { matchLabels: labels };
export const template = (more: Part = {}, restartPolicy = 'Always'): Part => ({
  metadata: { labels },
  spec: podSpec({ restartPolicy, ...more }),
});

export const claimSpec = (more: Part = {}): Part => ({
  accessModes: ['ReadWriteOnce'],
  resources: { requests: { storage: '1Mi' } },
  ...more,
});

export const service = (spec: Part): Part => ({
  metadata: meta('probe'),
  spec: { ports: [{ port: 80 }], selector: labels, ...spec },
});

const backend = { service: { name: 'probe', port: { number: 80 } } };
export const ingress = (host: string | undefined, more: Part = {}, annotations: Part = {}): Part => ({
  metadata: meta('probe', { annotations }),
  spec: { rules: [{ ...(host && { host }), http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }], ...more },
});
export const anyBackend = { defaultBackend: backend };

export const roleRef = (name: string): Part => ({ apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name });
