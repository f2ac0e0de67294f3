import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { parse } from 'yaml';
import type { ControlPlane } from '../cluster/control-plane.ts';
import { eventually } from '../support/eventually.ts';
import { anyCustomResource } from './access.ts';
import { chartFolder, type Helm } from './helm.ts';
import { nextChart } from './next-chart.ts';

const namespace = 'knot-later';
const valuesOf = (set: string) =>
  parse(readFileSync(join(import.meta.dirname, 'values', `${set}.yaml`), 'utf8')) as Record<string, unknown>;

/**
 * From release to release with other values each time, those which change nearly every object and those that name what the API server
 * lets nobody change; then back to the first.
 */
export async function upgradesAndGoesBack(t: Test, cluster: ControlPlane, helm: Helm): Promise<void> {
  const act = (words: string[], values?: object) =>
    helm(
      [...words, '--kubeconfig', cluster.kubeconfig, '--namespace', namespace, ...(values ? ['--values', '-'] : [])],
      {
        input: JSON.stringify(values ?? {}),
      },
    );
  const named = async (path: string) => (await cluster.request(path)).body;
  const uidOf = async (path: string) => (await named(path)).metadata?.uid as string | undefined;
  const core = `/api/v1/namespaces/${namespace}`;
  const gateway = `/apis/apps/v1/namespaces/${namespace}/deployments/knot`;
  const database = `/apis/apps/v1/namespaces/${namespace}/statefulsets/knot-postgresql`;

  await cluster.apply(
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    ...['certificates.cert-manager.io', 'servicemonitors.monitoring.coreos.com'].map(anyCustomResource),
  );
  // One Knot in a cluster: its roles have fixed names.
  const rbac = { create: false };
  await act(['install', 'knot', chartFolder], { rbac });
  const chartLabel = async () => (await named(gateway)).metadata.labels['helm.sh/chart'] as string;
  const first = {
    deployment: await uidOf(gateway),
    data: await uidOf(`${core}/persistentvolumeclaims/knot-data`),
    chart: await chartLabel(),
  };
  t.type(first.data, 'string');

  const trial = valuesOf('trial');
  const production = valuesOf('production');
  const nfs = (server: string) => ({
    ...production,
    config: { ...(production['config'] as object), kubernetes: { storage: { kind: 'nfs', server, path: '/export' } } },
  });
  let number = 1;
  const upgraded = async (what: string, values: object) => {
    number += 1;
    await t.resolves(act(['upgrade', 'knot', nextChart(cluster.folder, `0.${number}.0`)], { ...values, rbac }), what);
  };
  const claimOfDatabase = async () => (await named(database)).spec.volumeClaimTemplates[0].spec as object;
  const classOfFiles = async () =>
    (await named(`${core}/persistentvolumeclaims/knot-files`)).spec.storageClassName as string;

  await upgraded('two gateways, a database that comes along, files on a claim', trial);
  const claim = await claimOfDatabase();
  t.equal(await classOfFiles(), 'shared');
  await upgraded('what volumes are made of is said to be another thing', {
    ...trial,
    database: { kind: 'bundled', bundled: { size: '7Gi', storageClass: 'fast' } },
    files: { create: true, storageClass: 'other' },
    replicas: 3,
  });
  t.strictSame(await claimOfDatabase(), claim, 'they are what they were made of');
  t.equal(await classOfFiles(), 'shared');
  t.equal((await named(gateway)).spec.replicas, 3, 'and what may change does');

  await upgraded('PostgreSQL elsewhere, a certificate of cert-manager, NFS', production);
  await upgraded('the files have moved to another server', nfs('new.example.org'));
  await upgraded('and are said to be larger', { ...nfs('new.example.org'), files: { size: '200Gi' } });
  const volumes = await eventually('one volume', async () => {
    const { items } = await named('/api/v1/persistentvolumes?labelSelector=app.kubernetes.io/part-of=knot');
    return items.length === 1 && (items as { spec: object }[]);
  });
  t.match(volumes, [
    { spec: { capacity: { storage: '200Gi' }, csi: { volumeAttributes: { server: 'new.example.org' } } } },
  ]);

  // As README.md says it.
  const otherDefault = nextChart(cluster.folder, '0.9.0', (values) => values.replace('cpu: 250m', 'cpu: 260m'));
  await act(['upgrade', 'knot', otherDefault, '--reset-then-reuse-values']);
  t.match((await named(gateway)).spec, {
    replicas: 3,
    template: { spec: { containers: [{ resources: { requests: { cpu: '260m' } } }] } },
  });
  await upgraded('as it was at first', {});
  t.equal(await uidOf(gateway), first.deployment, 'the same all the time');
  t.equal(await chartLabel(), `knot-0.${number}.0`);
  t.equal(await uidOf(`${core}/persistentvolumeclaims/knot-data`), first.data, 'with what is in it');

  await act(['rollback', 'knot', '1']);
  t.equal(await chartLabel(), first.chart);
  t.equal(await uidOf(gateway), first.deployment);
  t.equal(await uidOf(`${core}/persistentvolumeclaims/knot-data`), first.data);
  await eventually('what is not wanted any more to be gone', async () => (await named(database)).code === 404);
}
