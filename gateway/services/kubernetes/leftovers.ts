import { type Kind, type Kube, type KubeObject, kinds } from '../../kube/index.ts';
import { serviceLabel } from './marks.ts';

const autoscaler: Kind = {
  ...{ apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', plural: 'horizontalpodautoscalers' },
  isNamespaced: true,
};
const disruptionBudget: Kind = {
  ...{ apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', plural: 'poddisruptionbudgets' },
  isNamespaced: true,
};

/** Every kind that a service may consist of (`judge.ts`), what starts others first. */
const all: readonly Kind[] = [
  ...[autoscaler, kinds.cronJob, kinds.job, kinds.deployment, kinds.statefulSet, kinds.pod],
  ...[kinds.service, disruptionBudget, kinds.configMap, kinds.secret, kinds.persistentVolumeClaim],
];

type Found = { kind: Kind; object: KubeObject };

async function everythingOf(kube: Kube, namespace: string, id: string): Promise<Found[]> {
  const found: Found[] = [];
  for (const kind of all)
    for (const object of (await kube.list(kind, { namespace, labels: `${serviceLabel}=${id}` })).items)
      found.push({ kind, object });
  return found;
}

/** What another makes of it goes with that one. */
const isMade = ({ metadata }: KubeObject): boolean => (metadata.ownerReferences ?? []).length > 0;
const isRelease = ({ type }: KubeObject): boolean => type === 'helm.sh/release.v1';
/** A chart asks that it stays (Helm, "Tell Helm Not To Uninstall a Resource"). */
const isKept = ({ metadata }: KubeObject): boolean => metadata.annotations?.['helm.sh/resource-policy'] === 'keep';

/**
 * Takes away what a failed or cut-short change added and what stands now does not have: Helm compares with the last release that
 * succeeded, and leaves it. Claims stay; they may hold what somebody needs.
 */
export async function removeAdditions(
  kube: Kube,
  namespace: string,
  id: string,
  wanted: readonly { kind: string; metadata: { name: string } }[],
): Promise<string[]> {
  const names = new Set(wanted.map(({ kind, metadata }) => `${kind} ${metadata.name}`));
  const removed: string[] = [];
  for (const { kind, object } of await everythingOf(kube, namespace, id)) {
    const name = `${kind.kind} ${object.metadata.name}`;
    if (names.has(name) || isMade(object) || isRelease(object) || isKept(object)) continue;
    if (kind === kinds.persistentVolumeClaim) continue;
    if (await remove(kube, namespace, { kind, object })) removed.push(name);
  }
  return removed;
}

/** Takes away everything of a service that Helm left: what hooks made, what pods were made of, releases that it cannot read. */
export async function removeEverything(kube: Kube, namespace: string, id: string): Promise<void> {
  for (const found of await everythingOf(kube, namespace, id))
    if (!isKept(found.object)) await remove(kube, namespace, found);
}

const remove = (kube: Kube, namespace: string, { kind, object }: Found): Promise<boolean> => {
  const { name, uid } = object.metadata;
  return kube.remove(kind, name, namespace, { ...(uid !== undefined && { uid }) });
};
