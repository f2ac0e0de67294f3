/** Objects of an owner's namespace, `knot-ann`, for the tests of its rules. */
export type Act = { method?: 'POST' | 'PUT' | 'PATCH' | 'DELETE'; path: string; body?: unknown };
export const core = '/api/v1/namespaces/knot-ann';
export const apps = '/apis/apps/v1/namespaces/knot-ann';
export const batch = '/apis/batch/v1/namespaces/knot-ann';
export const networking = '/apis/networking.k8s.io/v1/namespaces/knot-ann';

export const labels = { app: 'x' };
export const selector = { matchLabels: labels };
export const podSpec = (volume?: object) => ({
  containers: [{ name: 'main', image: 'x' }],
  restartPolicy: 'Always',
  ...(volume && { volumes: [{ name: 'data', ...volume }] }),
});
export const template = (volume?: object, restartPolicy = 'Always') => ({
  metadata: { labels },
  spec: { ...podSpec(volume), restartPolicy },
});
export const pod = (volume?: object) => ({ metadata: { name: 'p' }, spec: podSpec(volume) });
export const claimSpec = (more: object = {}) => ({
  accessModes: ['ReadWriteOnce'],
  resources: { requests: { storage: '1Gi' } },
  ...more,
});
export const claim = (more: object = {}, name = 'data') => ({ metadata: { name }, spec: claimSpec(more) });
export const service = (spec: object) => ({
  metadata: { name: 's' },
  spec: { ports: [{ port: 80 }], selector: labels, ...spec },
});
export const backend = { service: { name: 's', port: { number: 80 } } };
export const ingress = (host?: string, more: object = {}, annotations: object = {}) => ({
  metadata: { name: 'i', annotations },
  spec: { rules: [{ host, http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }], ...more },
});
export const merge = (path: string, body: unknown): Act => ({ method: 'PATCH', path, body });
export const managed = { 'app.kubernetes.io/managed-by': 'knot' };
