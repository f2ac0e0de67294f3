import { type Kind, type Kube, kinds, type KubeObject } from '../kube/index.ts';
import { ofProvisioning } from './desired/wanted.ts';

/** What of ours an owner has now, by `keyOf`; and their namespace, whoever made it. */
export type Observed = { namespace: KubeObject | undefined; objects: ReadonlyMap<string, KubeObject> };

/** Kinds of what is made for an owner inside the namespace. */
const kindsWithin: readonly Kind[] = [
  kinds.serviceAccount,
  kinds.resourceQuota,
  kinds.limitRange,
  kinds.networkPolicy,
  kinds.persistentVolumeClaim,
  kinds.roleBinding,
];

/** Of everything that is made for owners. */
export const everyKind: readonly Kind[] = [kinds.namespace, kinds.persistentVolume, ...kindsWithin];

/** `ResourceQuota/knot`; of one owner there is one of each. */
export const keyOf = ({ kind, metadata }: KubeObject): string => `${kind}/${metadata.name}`;

export const ownerIdOf = ({ metadata }: KubeObject): string | undefined => metadata.labels?.['knot/owner-id'];

export const isOurs = ({ metadata }: KubeObject): boolean =>
  metadata.labels?.['app.kubernetes.io/managed-by'] === 'knot' && ownerIdOf({ metadata } as KubeObject) !== undefined;

/** Looks at one owner: one call where there is no namespace yet, eight where there is one. */
export async function observeOwner(kube: Kube, namespace: string, ownerId: string): Promise<Observed> {
  const labels = `${ofProvisioning},knot/owner-id=${ownerId}`;
  const [found, volumes] = await Promise.all([
    kube.get(kinds.namespace, namespace),
    kube.list(kinds.persistentVolume, { labels }),
  ]);
  const within =
    found === undefined ? [] : await Promise.all(kindsWithin.map((kind) => kube.list(kind, { namespace, labels })));
  const objects = [volumes, ...within].flatMap(({ items }) => items);
  return { namespace: found, objects: new Map(objects.map((object) => [keyOf(object), object])) };
}

/** Looks at everybody, by id: as many calls as there are kinds, and more only where a list has more than one page. */
export async function observeAll(kube: Kube): Promise<Map<string, Observed>> {
  const lists = await Promise.all(everyKind.map((kind) => kube.list(kind, { labels: ofProvisioning })));
  const found = new Map<string, { namespace: KubeObject | undefined; objects: Map<string, KubeObject> }>();
  for (const object of lists.flatMap(({ items }) => items)) {
    const id = ownerIdOf(object);
    if (id === undefined) continue;
    const of = found.get(id) ?? { namespace: undefined, objects: new Map<string, KubeObject>() };
    if (object.kind === 'Namespace') of.namespace = object;
    else of.objects.set(keyOf(object), object);
    found.set(id, of);
  }
  return found;
}
