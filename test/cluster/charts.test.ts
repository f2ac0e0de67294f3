import { join } from 'node:path';
import { t } from 'tap';
import {
  chartNames,
  charts,
  everyValue,
  filledIn,
  type Manifest,
  openHelm,
  podTemplates,
  schemaOf,
} from '../catalogue/rendered.ts';
import { diskFolder, readTemplateAt } from '../../gateway/catalogue/index.ts';
import { eventually } from '../support/eventually.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';

const instance = (release: string): string => encodeURIComponent(`app.kubernetes.io/instance=${release}`);

const serviceAccount = (cluster: ControlPlane, namespace: string) =>
  cluster.request(`/api/v1/namespaces/${namespace}/serviceaccounts/default`);

/** Only for a pod itself does Pod Security say no; what makes pods gets a warning. */
const tryPod = (cluster: ControlPlane, namespace: string, { metadata, spec }: Manifest) =>
  cluster.request(`/api/v1/namespaces/${namespace}/pods?dryRun=All`, {
    method: 'POST',
    body: { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, generateName: 'try-' }, spec },
  });

const tryObject = (cluster: ControlPlane, namespace: string, object: Manifest) => {
  const { apiVersion, kind } = object as { apiVersion: string; kind: string };
  const root = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`;
  const path = `${root}/namespaces/${namespace}/${kind.toLowerCase()}s?dryRun=All&fieldValidation=Strict`;
  return cluster.request(path, { method: 'POST', body: object });
};

const cluster = await startControlPlane(t);
if ('skip' in cluster) {
  t.test('charts on a cluster', { skip: cluster.skip }, async () => undefined);
} else {
  const levels = ['restricted', 'baseline'] as const;
  for (const level of levels)
    await cluster.apply({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: level, labels: { 'pod-security.kubernetes.io/enforce': level } },
    });
  for (const level of levels)
    await eventually('a service account', async () => (await serviceAccount(cluster, level)).status === 200);
  const { helm, render, valuesFile } = openHelm(t, cluster.programs.helm, cluster.kubeconfig);
  t.jobs = 4;

  for (const chart of chartNames) {
    t.test(`${chart} starts in a namespace of the level that it names`, async (t) => {
      const { release } = await readTemplateAt(diskFolder(join(charts, chart)), chart, { kind: 'shipped' });
      const level = release!.podSecurity;
      const values = filledIn(chart, { size: { cpu: '1', memory: '64Mi' } });
      const pods = podTemplates(await render(chart, values, chart));
      for (const pod of pods) {
        t.match(await tryPod(cluster, level, pod), { status: 201 }, 'its pods are let in');
        if (level !== 'restricted')
          t.match(await tryPod(cluster, 'restricted', pod), { status: 403 }, 'it asks for no more than it needs');
      }

      const chosen = await render(chart, { ...everyValue(schemaOf(chart)), ...values }, `${chart}-all`);
      for (const object of chosen) t.match(await tryObject(cluster, level, object), { status: 201 }, object.kind);

      const where = ['--namespace', level, '--values', valuesFile(values)];
      await helm('install', chart, join(charts, chart), ...where, '--wait', '--timeout', '60s');
      const { body } = await cluster.request(`/api/v1/namespaces/${level}/services?labelSelector=${instance(chart)}`);
      t.ok(body.items.length > 0, 'there is something to reach');
      for (const { metadata } of body.items)
        await eventually(`pods behind ${metadata.name as string}`, () => hasReady(cluster, level, metadata.name));
    });
  }

  t.test('a password is made once: an upgrade keeps it, and another release has another', async (t) => {
    const where = [join(charts, 'postgresql'), '--namespace', 'baseline', '--values', valuesFile(filledIn('kept'))];
    const secret = async (name: string) =>
      (await cluster.request(`/api/v1/namespaces/baseline/secrets/${name}`)).body.data as Record<string, string>;
    await helm('install', 'kept', ...where);
    const first = await secret('kept');
    t.match(Buffer.from(first['uri']!, 'base64').toString(), /^postgresql:\/\/ann:[A-Za-z0-9]{32}@kept:5432\/ann$/);
    await helm('upgrade', 'kept', ...where, '--set', 'buffers=64');
    t.strictSame(await secret('kept'), first);
    await helm('install', 'other', ...where);
    t.not((await secret('other'))['password'], first['password']);
    await helm('uninstall', 'kept', '--namespace', 'baseline');
    const { body } = await cluster.request(`/api/v1/namespaces/baseline/secrets?labelSelector=${instance('kept')}`);
    t.strictSame(body.items, [], 'and it goes with its release');
  });
}

async function hasReady(cluster: ControlPlane, namespace: string, service: string): Promise<boolean> {
  const selector = encodeURIComponent(`kubernetes.io/service-name=${service}`);
  const { body } = await cluster.request(
    `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices?labelSelector=${selector}`,
  );
  const slices = body.items as { ports: unknown[]; endpoints: { conditions: { ready: boolean } }[] | null }[];
  return slices.some(
    ({ ports, endpoints }) => ports.length > 0 && endpoints?.some(({ conditions }) => conditions.ready),
  );
}
