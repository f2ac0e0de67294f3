import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Test } from 'tap';
import { diskFolder } from '../../../gateway/catalogue/index.ts';
import { type Kube, openKube } from '../../../gateway/kube/index.ts';
import { newId, silentLog, systemClock } from '../../../gateway/lib/index.ts';
import { createOutputs, type Engine } from '../../../gateway/services/index.ts';
import { createKubernetesEngine, type KubernetesEngineOptions } from '../../../gateway/services/kubernetes/engine.ts';
import { createHelm } from '../../../gateway/services/kubernetes/helm.ts';
import type { Service } from '../../../gateway/services/service.ts';
import { asGateway, type GatewayAccount } from '../../charts/as-gateway.ts';
import type { ControlPlane } from '../../cluster/control-plane.ts';
import { plainTemplate } from '../idle-engine.ts';

export const userOf = (namespace: string) => `system:serviceaccount:${namespace}:knot-user`;

/** Installed once in each cluster. */
const accounts = new Map<ControlPlane, Promise<GatewayAccount>>();

export type House = {
  engine: Engine;
  /** Of an administrator, for the test to look; the engine has the account of the gateway. */
  kube: Kube;
  account: GatewayAccount;
  namespace: string;
  folder: string;
  /** A service of a chart. */
  service(files: Chart, facts?: Partial<Service>): Promise<Service>;
  /** As when the gateway ends. */
  close(): Promise<void>;
  /** Every object in the namespace with the service's label, `Kind name`. */
  left(service: Service): Promise<string[]>;
};

/** Files of `templates/` by name; `Chart.yaml` is there. */
export type Chart = Record<string, string>;

let houses = 0;

/** The engine on a control plane, with a namespace of its own for ann. */
export async function openKubernetesEngine(
  t: Test,
  cluster: ControlPlane,
  more: Partial<KubernetesEngineOptions> & { namespace?: string; folder?: string } = {},
): Promise<House> {
  const { namespace = `knot-ann${++houses}`, folder = mkdtempSync(join(tmpdir(), 'knot-engine-')) } = more;
  if (!accounts.has(cluster)) accounts.set(cluster, asGateway(cluster));
  const account = await accounts.get(cluster)!;
  const [own, kube] = (await Promise.all(
    [account, cluster].map(({ kubeconfig }) => openKube({ kubeconfig }, { clock: systemClock })),
  )) as [Kube, Kube];
  const asOwner = (name: string) => own.as({ user: userOf(name) });
  if (more.namespace === undefined)
    await cluster.apply(
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'knot-user', namespace } },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        metadata: { name: 'knot-user', namespace },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'knot-user' },
        subjects: [{ kind: 'ServiceAccount', name: 'knot-user', namespace }],
      },
    );
  const outputs = createOutputs(join(folder, 'output'), { maxBytes: 1024 * 1024, clock: systemClock, log: silentLog });
  const helm = createHelm({
    program: cluster.programs.helm[0],
    folder: join(folder, 'helm-home'),
    access: () => own.connection.credentials(),
    userOf,
    log: silentLog,
  });
  const engine = createKubernetesEngine({
    ...{ kube: own, helm, asOwner, outputs, dataFolder: folder, templatesFolder: join(folder, 'templates') },
    ...{ clock: systemClock, log: silentLog },
    namespaceOf: () => namespace,
    trash: async () => undefined,
    surroundingsOf: async ({ label }) => ({
      ...{ namespace, hostname: `${label}.example.org`, origin: `https://${label}.example.org` },
      ...{ privateVolume: '', sharedVolume: '', teams: [], files: { user: 1000, group: 1000 } },
      ...{ storageClass: '', registry: { private: '', shared: '' } },
    }),
    ...more,
  });
  await engine.tidy();
  let closing: Promise<unknown> | undefined;
  const close = async (): Promise<void> => {
    closing ??= engine
      .close()
      .then(() => outputs.close())
      .then(() => Promise.all([own.close(), kube.close()]));
    await closing;
  };
  t.teardown(async () => {
    await close();
    if (more.folder === undefined) rmSync(folder, { recursive: true, force: true });
  });
  return {
    ...{ engine, kube, namespace, folder, account, close },
    async service(files, facts = {}) {
      const chart = mkdtempSync(join(folder, 'chart-'));
      for (const [name, text] of Object.entries({ 'Chart.yaml': chartFile, 'values.yaml': '{}\n', ...files })) {
        mkdirSync(dirname(join(chart, name)), { recursive: true });
        writeFileSync(join(chart, name), text);
      }
      const id = newId();
      const name = facts.name ?? `s${id.slice(-8).toLowerCase().replaceAll('-', '')}`;
      const digest = await engine.keep(diskFolder(chart));
      return {
        ...{ id, name, owner: { kind: 'user', id: 'u1', name: 'ann' }, label: `${name}-ann` },
        template: { ...plainTemplate, digest },
        values: {},
        size: { name: 'small', title: 'Small', cpu: 1, memory: 512 * 1024 ** 2 },
        ...{
          machine: 'cluster',
          wish: 'running',
          state: 'requested',
          since: 0,
          revision: 1,
          createdBy: 'ann',
          createdAt: 0,
        },
        ...facts,
      };
    },
    async left({ id }) {
      const kinds = 'all,configmaps,secrets,persistentvolumeclaims,horizontalpodautoscalers,poddisruptionbudgets';
      const text = await cluster.kubectl('get', kinds, '-n', namespace, '-l', `knot/service=${id}`, '-o', 'name');
      return text.split('\n').filter(Boolean);
    },
  };
}

const chartFile = 'apiVersion: v2\nname: web\nversion: 1.0.0\ndescription: A web server\n';

/** A web server with one pod; `image` says on kwok what becomes of it (test/cluster/kwok.ts). */
export const web = ({ image = 'registry.test/web:1', replicas = '1', more = '', container = '' } = {}): Chart => ({
  'templates/web.yaml': `
apiVersion: apps/v1
kind: Deployment
metadata: { name: {{ .Release.Name }} }
spec:
  replicas: {{ .Values.replicas | default ${replicas} }}
  selector: { matchLabels: { app: {{ .Release.Name }} } }
  template:
    metadata: { labels: { app: {{ .Release.Name }} } }
    spec:
      containers:
        - { name: web, image: {{ .Values.image | default "${image}" | quote }}, ports: [{ name: http, containerPort: 8080 }]${container && `, ${container}`} }
---
apiVersion: v1
kind: Service
metadata: { name: {{ .Release.Name }} }
spec:
  selector: { app: {{ .Release.Name }} }
  ports: [{ name: http, port: 80, targetPort: http }]
---
apiVersion: v1
kind: ConfigMap
metadata: { name: {{ .Release.Name }} }
data: { host: {{ .Values.knot.hostname }}, say: {{ .Values.say | default "" | quote }} }
${more}`,
});
