import type { Test } from 'tap';
import type { ControlPlane } from '../cluster/control-plane.ts';
import { eventually } from '../support/eventually.ts';
import { lookingAt } from './looking.ts';
import type { openPlaces } from './places.ts';

/** An administrator changes where the files are (`kubernetes.storage`), while nothing uses them and while something does. */
export async function movesFiles(
  t: Test,
  cluster: ControlPlane,
  { open: start, person, kube }: Awaited<ReturnType<typeof openPlaces>>,
): Promise<void> {
  const { request } = cluster;
  const { become, of, inNamespace, patch } = lookingAt(cluster);
  const nils = await person('nils');
  const first = start();
  await first.start();
  await become(first, nils.id, 'ready');
  await first.close();
  const volume = (claim: string) => of(`/api/v1/persistentvolumes/knot-nils.${claim}`);
  const files = ({ steps }: { steps: readonly { name: string }[] }) => steps.find(({ name }) => name === 'files');
  const bound = async () =>
    (await inNamespace('knot-nils', 'persistentvolumeclaims')).items.map(
      ({ status }: { status: { phase: string } }) => status.phase,
    );

  // Nothing runs: all of them at once, and nothing of what they were is taken away.
  const second = start(kube, { storage: { kind: 'nfs', server: 'files.example', path: '/export' } });
  await second.start();
  await become(second, nils.id, 'ready');
  t.match((await volume('knot-private')).spec, {
    persistentVolumeReclaimPolicy: 'Retain',
    csi: { volumeAttributes: { server: 'files.example', share: `/export/private/${nils.id}` } },
  });
  t.strictSame(await bound(), ['Bound', 'Bound']);

  // A program has them, as a kubelet would run it, and another has ended.
  const pod = (name: string) => ({
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'knot-nils' } },
    spec: {
      nodeName: 'somewhere',
      containers: [{ name: 'main', image: 'registry.test/web:1' }],
      volumes: [{ name: 'own', persistentVolumeClaim: { claimName: 'knot-private' } }],
    },
  });
  await cluster.apply(pod('notebook'), pod('over'));
  await request('/api/v1/namespaces/knot-nils/pods/over/status', {
    method: 'PATCH',
    body: { status: { phase: 'Succeeded' } },
    contentType: 'application/merge-patch+json',
  });
  await second.close();
  await cluster.apply(
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'knot' } },
    {
      ...{ apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: 'files-of-all' } },
      spec: {
        ...{
          accessModes: ['ReadWriteMany'],
          capacity: { storage: '1Gi' },
          nfs: { server: 'new.example', path: '/all' },
        },
        claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace: 'knot', name: 'files' },
      },
    },
    {
      ...{ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'files', namespace: 'knot' } },
      spec: {
        ...{ accessModes: ['ReadWriteMany'], storageClassName: '', volumeName: 'files-of-all' },
        resources: { requests: { storage: '1Gi' } },
      },
    },
  );
  await eventually(
    'the volume of all',
    async () => (await inNamespace('knot', 'persistentvolumeclaims', 'files')).status.phase === 'Bound',
  );
  const third = start(kube, { storage: { kind: 'claim', claim: 'files' } });
  await third.start();
  t.match(files(await become(third, nils.id, 'failed')), {
    state: 'failed',
    cause:
      /^knot-private is in use where the files were before, by notebook: what it writes goes there.*Stop.*kubectl annotate namespace knot-nils knot\/move-files=now/,
  });
  t.match(third.health(), [{ status: 'warning', message: /nils/ }]);
  t.match((await volume('knot-private')).spec, { csi: { volumeAttributes: { server: 'files.example' } } });
  t.notOk((await inNamespace('knot-nils', 'persistentvolumeclaims', 'knot-private')).metadata.deletionTimestamp);
  t.notOk((await inNamespace('knot-nils', 'pods', 'notebook')).metadata.deletionTimestamp, 'it runs on');
  await eventually('what nobody uses is there already', async () => {
    const { spec, metadata } = await volume('knot-shared');
    return metadata.deletionTimestamp === undefined && spec.nfs?.path === '/all/shared';
  });

  // The administrator says that it is to be now.
  await patch('/api/v1/namespaces/knot-nils', { metadata: { annotations: { 'knot/move-files': 'now' } } });
  await eventually('it is ended', async () => {
    await third.ask(nils.id);
    return (await inNamespace('knot-nils', 'pods', 'notebook')).metadata?.deletionTimestamp !== undefined;
  });
  await request('/api/v1/namespaces/knot-nils/pods/notebook?gracePeriodSeconds=0', { method: 'DELETE' });
  await become(third, nils.id, 'ready');
  t.match((await volume('knot-private')).spec, { nfs: { server: 'new.example', path: `/all/private/${nils.id}` } });
  t.strictSame(await bound(), ['Bound', 'Bound']);
  t.notOk((await of('/api/v1/namespaces/knot-nils')).metadata.annotations?.['knot/move-files'], 'the mark is used up');
}
