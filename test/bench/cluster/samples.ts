const labels = (name: string) => ({
  'app.kubernetes.io/managed-by': 'knot',
  'app.kubernetes.io/instance': name,
  'app.kubernetes.io/name': 'web',
  'helm.sh/chart': 'web-1.0.0',
  'knot/service': name,
});

/** As one of a chart. */
export const serviceOf = (name: string) => ({
  metadata: { name, labels: labels(name), annotations: { 'meta.helm.sh/release-name': name } },
  spec: { selector: { 'app.kubernetes.io/instance': name }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
});

/** As large as one of a chart. */
export const podOf = (name: string) => ({
  metadata: { name, labels: labels(name), annotations: { 'checksum/config': 'c'.repeat(64) } },
  spec: {
    containers: [
      {
        name: 'web',
        image: 'registry.test/web:1',
        args: ['--listen=0.0.0.0:8080', '--folder=/files/private'],
        env: Array.from({ length: 10 }, (_, n) => ({ name: `KNOT_VARIABLE_${n}`, value: `value ${n} of ${name}` })),
        ports: [{ name: 'http', containerPort: 8080 }],
        readinessProbe: { httpGet: { path: '/', port: 'http' } },
        resources: { requests: { cpu: '10m', memory: '16Mi' }, limits: { cpu: '1', memory: '256Mi' } },
        volumeMounts: [{ name: 'scratch', mountPath: '/tmp' }],
      },
    ],
    volumes: [{ name: 'scratch', emptyDir: {} }],
  },
});
