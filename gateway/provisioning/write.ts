import { isKubeFault, type Kind, type Kube, kinds, type KubeObject } from '../kube/index.ts';
import { isJsonObject } from '../lib/index.ts';
import { foreignVolume, StepFault } from './causes.ts';
import { userIn } from './desired/rights.ts';
import { type Difference, fieldsOff, wholeParts } from './differences.ts';
import { isOurs } from './observed.ts';

type Off = Extract<Difference, { is: 'missing' | 'changed' }>;

/** Files that lie elsewhere now, and are in use where they were. */
export class InUse extends Error {
  readonly claim: string;
  readonly pods: readonly string[];
  constructor(claim: string, pods: readonly string[]) {
    super(`${claim} is in use`);
    this.claim = claim;
    this.pods = pods;
  }
}

/**
 * Makes one object what it shall be, and returns it. `endsUse`: also when programs that use files where they were are ended for it.
 * @throws StepFault where it cannot be that yet
 * @throws InUse
 */
export async function write(kube: Kube, difference: Off, { endsUse }: { endsUse: boolean }): Promise<KubeObject> {
  const { object } = difference;
  try {
    if (difference.is === 'missing' && isOfCluster(object)) return await createOurs(kube, object);
    return await applyWhole(kube, object);
  } catch (error) {
    // What an object is made of cannot be changed in these: they are made anew.
    if (!isKubeFault(error, 'KNOT_KUBE_INVALID') || difference.is === 'missing' || !isMadeAnew(object)) throw error;
    if (object.kind === 'PersistentVolume' && !endsUse) await refuseInUse(kube, difference.found);
    await removeObject(kube, difference.found);
    if (object.kind === 'RoleBinding') return applyWhole(kube, object);
    throw new StepFault(`${object.kind} ${object.metadata.name} is made anew, once nothing uses it any more.`);
  }
}

/** People lose no work because an administrator has changed where files are: what runs keeps what it has until it ends. */
async function refuseInUse(kube: Kube, volume: KubeObject): Promise<void> {
  const claim = claimOf(volume);
  if (claim === undefined) return;
  const pods = (await usersOf(kube, claim.name, claim.namespace)).filter(({ status }) => !hasEnded(status?.phase));
  if (pods.length > 0)
    throw new InUse(
      claim.name,
      pods.map(({ metadata }) => metadata.name),
    );
}

const isOfCluster = ({ kind }: KubeObject): boolean => kind === 'Namespace' || kind === 'PersistentVolume';
const isMadeAnew = ({ kind }: KubeObject): boolean =>
  kind === 'RoleBinding' || kind === 'PersistentVolume' || kind === 'PersistentVolumeClaim';

/** In the cluster as a whole, names may be somebody else's: what was there before is never taken over by making it. */
async function createOurs(kube: Kube, object: KubeObject): Promise<KubeObject> {
  try {
    return await kube.create(object);
  } catch (error) {
    if (!isKubeFault(error, 'KNOT_KUBE_CONFLICT')) throw error;
    const kind = object.kind === 'Namespace' ? kinds.namespace : kinds.persistentVolume;
    const found = await kube.get(kind, object.metadata.name);
    // Another of us, or an earlier run that was ended before it saw this.
    if (found !== undefined && isOurs(found) && fieldsOff({ ...object, spec: undefined }, found).length === 0)
      return applyWhole(kube, object);
    if (object.kind === 'PersistentVolume') throw foreignVolume(object.metadata.name);
    throw error;
  }
}

/** Server-side apply leaves what others added to a part; where nothing may stand beside ours that is taken out too. */
async function applyWhole(kube: Kube, object: KubeObject): Promise<KubeObject> {
  const applied = await kube.apply(object);
  const parts = wholeParts(object);
  if (parts.length === 0 || fieldsOff(object, applied).length === 0) return applied;
  const patch = Object.fromEntries(parts.map((part) => [part, patchTo(object[part], applied[part])]));
  return (await kube.merge(kindFor(object)!, object.metadata.name, object.metadata.namespace, patch)) ?? applied;
}

/** A merge patch (RFC 7396) that makes of what is found exactly what is wanted. */
function patchTo(wanted: unknown, found: unknown): unknown {
  if (!isJsonObject(wanted) || !isJsonObject(found)) return wanted;
  return Object.fromEntries([
    ...Object.keys(found)
      .filter((name) => !(name in wanted))
      .map((name) => [name, null]),
    ...Object.entries(wanted).map(([name, value]) => [name, patchTo(value, found[name])]),
  ]);
}

const byKind = new Map<string, Kind>(Object.values(kinds).map((kind) => [kind.kind, kind]));
const kindFor = ({ kind }: KubeObject): Kind | undefined => byKind.get(kind);

/**
 * Begins to take away something of ours. With a volume goes the claim on it, whatever that is called by now; and with a claim goes what
 * still uses it, because a former member has the files as long as a pod has.
 */
export async function removeObject(kube: Kube, found: KubeObject): Promise<void> {
  const { name, namespace, uid } = found.metadata;
  if (found.kind === 'PersistentVolume') {
    const claim = claimOf(found);
    if (claim) await removeClaim(kube, claim.name, claim.namespace);
  }
  if (found.kind === 'PersistentVolumeClaim') return removeClaim(kube, name, namespace!);
  if (found.metadata.deletionTimestamp !== undefined) return;
  await kube.remove(kindFor(found)!, name, namespace, uid === undefined ? {} : { uid });
}

async function removeClaim(kube: Kube, claim: string, namespace: string): Promise<void> {
  if (!(await kube.remove(kinds.persistentVolumeClaim, claim, namespace))) return;
  const asOwner = kube.as(userIn(namespace));
  for (const { metadata } of await usersOf(kube, claim, namespace))
    await asOwner.remove(kinds.pod, metadata.name, namespace);
}

const claimOf = ({ spec }: KubeObject): { name: string; namespace: string } | undefined =>
  (spec as { claimRef?: { name: string; namespace: string } } | undefined)?.claimRef;

type Pod = KubeObject & {
  spec: { volumes?: { persistentVolumeClaim?: { claimName: string } }[] };
  status?: { phase?: string };
};

const hasEnded = (phase: string | undefined): boolean => phase === 'Succeeded' || phase === 'Failed';

/** Pods that have a claim; those that have ended keep it from going as well (Kubernetes, "Storage Object in Use Protection"). */
async function usersOf(kube: Kube, claim: string, namespace: string): Promise<Pod[]> {
  const { items } = await kube.list<Pod>(kinds.pod, { namespace });
  return items.filter(({ spec }) =>
    (spec.volumes ?? []).some(({ persistentVolumeClaim: used }) => used?.claimName === claim),
  );
}
