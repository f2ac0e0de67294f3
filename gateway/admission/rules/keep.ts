import { type Kube, kinds, type KubeObject } from '../../kube/index.ts';
import { holds } from '../holds.ts';
import { managedBy, type RuleSettings } from './rule.ts';
import { policiesOf } from './rules.ts';

/** Rules of Knot that this release has not got any more, or that the configuration turned off. */
const ofOurs = `${managedBy}=knot,knot/part=admission`;

/**
 * Brings the rules of the cluster to what they should be, and removes those that are no longer wanted; writes nothing where all is
 * well. `owner` is what they go with when Knot is uninstalled (the ClusterRole of the chart): a cluster-wide object can be owned by
 * such a one only.
 */
export async function applyRules(kube: Kube, settings: RuleSettings, owner?: KubeObject): Promise<void> {
  const wanted = policiesOf(settings);
  const parts = [
    { kind: kinds.admissionPolicy, objects: wanted.map(({ policy }) => policy) },
    // A policy without its binding refuses nobody, so first all of them, then what puts them in force.
    { kind: kinds.admissionPolicyBinding, objects: wanted.map(({ binding }) => binding) },
  ];
  for (const { kind, objects } of parts) {
    const found = new Map((await kube.list(kind, { labels: ofOurs })).items.map((item) => [item.metadata.name, item]));
    for (const object of objects) {
      const owned = ownedBy(object, owner);
      if (!holds(found.get(object.metadata.name), owned)) await kube.apply(owned);
      found.delete(object.metadata.name);
    }
    for (const name of found.keys()) await kube.remove(kind, name);
  }
}

/** The same object, gone when its owner is. */
export function ownedBy(object: KubeObject, owner: KubeObject | undefined): KubeObject {
  if (owner?.metadata.uid === undefined) return object;
  const { apiVersion, kind, metadata } = owner;
  return {
    ...object,
    metadata: { ...object.metadata, ownerReferences: [{ apiVersion, kind, name: metadata.name, uid: metadata.uid! }] },
  };
}
