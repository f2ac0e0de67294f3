import { type Kube, type Kind, kinds, type KubeObject } from '../../kube/index.ts';
import { every, type Log, type Loop } from '../../lib/index.ts';
import { managedBy, type RuleSettings } from './rule.ts';
import { policiesOf } from './rules.ts';

/** Rules of Knot that this release has not got any more, or that the configuration turned off. */
const ofOurs = `${managedBy}=knot,knot/part=admission`;

/**
 * Brings the rules of the cluster to what they should be, and removes those that are no longer wanted. `owner` is what they go with
 * when Knot is uninstalled (the ClusterRole of the chart); a cluster-wide object can be owned by such a one only.
 */
export async function applyRules(kube: Kube, settings: RuleSettings, owner?: KubeObject): Promise<void> {
  const wanted = policiesOf(settings);
  // A policy without its binding refuses nobody, so first all of them, then what puts them in force.
  for (const { policy } of wanted) await kube.apply(ownedBy(policy, owner));
  for (const { binding } of wanted) await kube.apply(ownedBy(binding, owner));
  const names = new Set(wanted.map(({ policy }) => policy.metadata.name));
  for (const kind of [kinds.admissionPolicyBinding, kinds.admissionPolicy] satisfies Kind[]) {
    const { items } = await kube.list(kind, { labels: ofOurs });
    for (const { metadata } of items) if (!names.has(metadata.name)) await kube.remove(kind, metadata.name);
  }
}

/** Does it again and again: what somebody changed or removed is back after a while, and the log says what could not be done. */
export function keepRules(
  kube: Kube,
  settings: RuleSettings,
  { log, everyMs = 300_000, owner }: { log: Log; everyMs?: number; owner?: KubeObject | undefined },
): Loop {
  return every(everyMs, () => applyRules(kube, settings, owner), {
    log,
    complaint: 'the rules of the cluster could not be brought up to date',
    jitter: 0.1,
  });
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
