import { hold, isHeld, type Kube, type KubeObject, kinds, letGo } from '../../kube/index.ts';
import { replicasMark, revisionMark, serviceLabel, stopped } from './marks.ts';

/** Nothing of a service runs any more. What there was is written down beside it, as its chart had it or somebody has changed it by hand. */
export async function scaleToZero(kube: Kube, namespace: string, id: string): Promise<void> {
  const which = { namespace, labels: `${serviceLabel}=${id}` };
  await hold(kube, { ...which, by: stopped });
  // Pods of hooks, which nothing scales.
  for (const { metadata } of (await kube.list(kinds.pod, which)).items)
    if (metadata.ownerReferences === undefined) await kube.remove(kinds.pod, metadata.name, namespace);
}

/**
 * Everything is as it was before it was stopped, and says by which revision it runs now. Of programs that somebody scaled to none there
 * are as many as there are usually: it was started.
 */
export async function scaleBack(kube: Kube, namespace: string, id: string, revision: number): Promise<void> {
  const which = { namespace, labels: `${serviceLabel}=${id}` };
  await letGo(kube, { ...which, by: stopped });
  for (const kind of [kinds.deployment, kinds.statefulSet])
    for (const { metadata, spec } of (await kube.list<Scaled>(kind, which)).items) {
      const { annotations = {} } = metadata;
      const isEmpty = spec?.replicas === 0 && !isHeld(metadata);
      if (!isEmpty && annotations[revisionMark] === String(revision)) continue;
      await kube.merge(kind, metadata.name, namespace, {
        metadata: { annotations: { [revisionMark]: String(revision) } },
        ...(isEmpty && { spec: { replicas: Number(annotations[replicasMark] ?? 1) } }),
      });
    }
}

type Scaled = KubeObject & { spec?: { replicas?: number } };
