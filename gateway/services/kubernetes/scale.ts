import { type Kube, type KubeObject, kinds } from '../../kube/index.ts';
import { revisionMark, replicasMark, serviceLabel } from './marks.ts';

type Scaled = KubeObject & { spec?: { replicas?: number; suspend?: boolean } };

const programKinds = [kinds.deployment, kinds.statefulSet] as const;

/**
 * Nothing of a service runs any more: its programs have no pods, its tasks are suspended, and how many there were is written down
 * beside them. What somebody scaled by hand is remembered as they left it.
 */
export async function scaleToZero(kube: Kube, namespace: string, id: string): Promise<void> {
  const which = { namespace, labels: `${serviceLabel}=${id}` };
  for (const kind of programKinds)
    for (const { metadata, spec } of (await kube.list<Scaled>(kind, which)).items) {
      const replicas = spec?.replicas ?? 1;
      if (replicas === 0) continue;
      const annotations = { [replicasMark]: String(replicas) };
      await kube.merge(kind, metadata.name, namespace, { metadata: { annotations }, spec: { replicas: 0 } });
    }
  for (const kind of [kinds.job, kinds.cronJob])
    for (const { metadata, spec } of (await kube.list<Scaled>(kind, which)).items)
      if (!isOver(metadata) && spec?.suspend !== true)
        await kube.merge(kind, metadata.name, namespace, { spec: { suspend: true } });
  // Pods of hooks, which nothing scales.
  for (const { metadata } of (await kube.list(kinds.pod, which)).items)
    if (metadata.ownerReferences === undefined) await kube.remove(kinds.pod, metadata.name, namespace);
}

const isOver = ({ deletionTimestamp }: KubeObject['metadata']): boolean => deletionTimestamp !== undefined;

/** Everything is as many as it was, and says by which revision it runs now. */
export async function scaleBack(kube: Kube, namespace: string, id: string, revision: number): Promise<void> {
  const which = { namespace, labels: `${serviceLabel}=${id}` };
  for (const kind of programKinds)
    for (const { metadata, spec } of (await kube.list<Scaled>(kind, which)).items) {
      const { annotations = {} } = metadata;
      const isStopped = spec?.replicas === 0;
      if (!isStopped && annotations[revisionMark] === String(revision)) continue;
      await kube.merge(kind, metadata.name, namespace, {
        metadata: { annotations: { [revisionMark]: String(revision) } },
        ...(isStopped && { spec: { replicas: Number(annotations[replicasMark] ?? 1) } }),
      });
    }
  for (const kind of [kinds.job, kinds.cronJob])
    for (const { metadata, spec } of (await kube.list<Scaled>(kind, which)).items)
      if (!isOver(metadata) && spec?.suspend === true)
        await kube.merge(kind, metadata.name, namespace, { spec: { suspend: false } });
}
