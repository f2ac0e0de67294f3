import { isKubeFault, type Kube, kinds, type KubeObject } from '../kube/index.ts';
import { causeOf, foreignNamespace, goingNamespace, StepFault } from './causes.ts';
import { type Desired, desiredOf, type StepName } from './desired/desired.ts';
import { type ClusterSettings, namespaceOf, type Wanted } from './desired/wanted.ts';
import { type Difference, differencesOf } from './differences.ts';
import { isOurs, keyOf, type Observed, observeOwner, ownerIdOf } from './observed.ts';
import { pauseAll, pausedMark, resumeAll } from './pause.ts';
import type { Outcome } from './steps.ts';
import { removeObject, write } from './write.ts';

/** What one look at an owner found and did. */
export type Passed = {
  outcomes: ReadonlyMap<StepName, Outcome>;
  overrides: { object: string; reason: string }[];
  /** What was not as it shall be and was mended, as `ResourceQuota/knot spec.hard.pods`. */
  mended: string[];
  adopted: boolean;
  namespaceUid: string | undefined;
};

/** An administrator's mark on a namespace that is to become somebody's: the name of whom. */
const adoptMark = 'knot/adopt';
/** On the namespace of somebody who is gone, see `removal.ts`. */
export const removedMark = 'knot/removed';

/**
 * Looks at one owner and does what is to be done, from whatever is found. Nothing is remembered between two passes but what is in the
 * cluster: a pass that was cut short anywhere is followed by one that does the rest.
 * @param knownUid of the namespace that was theirs before, whose labels may have been taken off
 * @throws what the way to the cluster throws; what the cluster refuses becomes the outcome of a step
 */
export async function pass(
  kube: Kube,
  wanted: Wanted,
  settings: ClusterSettings,
  { knownUid, now }: { knownUid: string | undefined; now: number },
): Promise<Passed> {
  const { owner } = wanted;
  const name = namespaceOf(settings, owner);
  const observed = await observeOwner(kube, name, owner.id);
  const outcomes = new Map<StepName, Outcome>();
  const passed: Passed = {
    ...{ outcomes, overrides: [], mended: [], adopted: false },
    namespaceUid: observed.namespace?.metadata.uid,
  };

  const { namespace } = observed;
  const isKnown = namespace === undefined || isTheirs(namespace, owner.id, knownUid);
  if (!isKnown && namespace.metadata.annotations?.[adoptMark] !== owner.name) {
    outcomes.set('namespace', { state: 'failed', cause: foreignNamespace(name, owner.name).message });
    return { ...passed, namespaceUid: knownUid };
  }
  if (namespace?.metadata.deletionTimestamp !== undefined) {
    outcomes.set('namespace', { state: 'doing', cause: goingNamespace(namespace) });
    return passed;
  }
  passed.adopted = !isKnown;

  const desired = desiredOf(wanted, settings);
  const differences = differencesOf(desired, observed);
  for (const difference of differences)
    if (difference.is === 'overridden') passed.overrides.push({ object: difference.key, reason: difference.reason });

  for (const step of ['namespace', 'accounts', 'limits', 'network', 'files', 'rights'] as const) {
    if (step !== 'namespace' && outcomes.get('namespace')!.state !== 'done') break;
    // Nobody may do anything before everything that bounds it is there.
    if (step === 'rights' && !isDone(outcomes, ['limits', 'network'])) continue;
    outcomes.set(step, await doStep(step));
  }
  if (isDone(outcomes, ['namespace'])) {
    outcomes.set('tidy', await guarded(tidy));
    outcomes.set('workloads', await guarded(workloads));
  }
  return passed;

  async function doStep(step: StepName): Promise<Outcome> {
    const going = goingOf(desired, observed, step);
    return guarded(async () => {
      if (step === 'files' && settings.storage.kind === 'unusable') throw new StepFault(settings.storage.cause);
      for (const difference of differences) {
        if (difference.step !== step || going.has(difference.key)) continue;
        if (difference.is !== 'missing' && difference.is !== 'changed') continue;
        await write(kube, difference);
        passed.mended.push(wordsOf(difference));
      }
      if (step === 'namespace') await marks();
      // Of a volume that is being removed the claim holds on, and the other way round: both are made anew.
      for (const object of going.values()) if (object.kind === 'PersistentVolume') await removeObject(kube, object);
      if (going.size > 0)
        return {
          state: 'doing',
          cause: `${[...going.keys()].join(', ')} is being removed and is made anew after that.`,
        };
      return step === 'files' ? bound() : { state: 'done' };
    });
  }

  /** What was noted on the namespace of who was to be adopted, or came back. */
  async function marks(): Promise<void> {
    const annotations = namespace?.metadata.annotations ?? {};
    const gone = [adoptMark, removedMark].filter((mark) => annotations[mark] !== undefined);
    const pausing = wanted.isPaused && annotations[pausedMark] === undefined;
    if (gone.length === 0 && !pausing) return;
    const changes = {
      ...Object.fromEntries(gone.map((mark) => [mark, null])),
      ...(pausing && { [pausedMark]: new Date(now).toISOString() }),
    };
    await kube.merge(kinds.namespace, name, undefined, { metadata: { annotations: changes } });
  }

  /** Claims of ours have their volume at once, or the cluster is at it. */
  async function bound(): Promise<Outcome> {
    const areas = desired.filter(({ object }) => object.kind === 'PersistentVolumeClaim');
    const isFresh = differences.some(({ step, is }) => step === 'files' && is !== 'overridden');
    const claims = isFresh
      ? await kube.list(kinds.persistentVolumeClaim, { namespace: name, labels: `knot/owner-id=${owner.id}` })
      : { items: areas.map(({ object }) => observed.objects.get(keyOf(object))!) };
    const loose = claims.items.filter(
      (claim) => (claim['status'] as { phase?: string } | undefined)?.phase !== 'Bound',
    );
    for (const claim of loose) await letBind(claim);
    if (loose.length === 0) return { state: 'done' };
    return {
      state: 'doing',
      cause: `The files are being connected: ${loose.map((one) => one.metadata.name).join(', ')}.`,
    };
  }

  /** A volume whose claim was removed waits for that very one (PersistentVolume phase `Released`); a claim without volume is lost. */
  async function letBind(claim: KubeObject): Promise<void> {
    if ((claim['status'] as { phase?: string } | undefined)?.phase === 'Lost') return removeObject(kube, claim);
    const volume = observed.objects.get(`PersistentVolume/${(claim['spec'] as { volumeName: string }).volumeName}`);
    const holds = (volume?.['spec'] as { claimRef?: { uid?: string } } | undefined)?.claimRef?.uid;
    if (holds === undefined || holds === claim.metadata.uid) return;
    const spec = { claimRef: { uid: null, resourceVersion: null } };
    await kube.merge(kinds.persistentVolume, volume!.metadata.name, undefined, { spec });
  }

  async function tidy(): Promise<Outcome> {
    const unwanted = differences.filter((one) => one.is === 'unwanted');
    for (const { found } of unwanted) {
      await removeObject(kube, found);
      passed.mended.push(`${keyOf(found)} removed`);
    }
    if (unwanted.length === 0) return { state: 'done' };
    return { state: 'doing', cause: `Being removed: ${unwanted.map(({ key }) => key).join(', ')}.` };
  }

  async function workloads(): Promise<Outcome> {
    if (wanted.isPaused) {
      // While more could be started there is no use in ending it.
      if (!isDone(outcomes, ['limits'])) return { state: 'waiting' };
      await pauseAll(kube, name);
    } else if (namespace?.metadata.annotations?.[pausedMark] !== undefined) {
      await resumeAll(kube, name);
      await kube.merge(kinds.namespace, name, undefined, { metadata: { annotations: { [pausedMark]: null } } });
    }
    return { state: 'done' };
  }
}

const isTheirs = (namespace: KubeObject, ownerId: string, knownUid: string | undefined): boolean =>
  (isOurs(namespace) && ownerIdOf(namespace) === ownerId) ||
  (knownUid !== undefined && namespace.metadata.uid === knownUid);

const isDone = (outcomes: ReadonlyMap<StepName, Outcome>, steps: readonly StepName[]): boolean =>
  steps.every((step) => outcomes.get(step)?.state === 'done');

/** What is wanted in a step and is being taken away by somebody else. */
function goingOf(desired: readonly Desired[], { objects }: Observed, step: StepName): Map<string, KubeObject> {
  const going = new Map<string, KubeObject>();
  for (const one of desired) {
    const found = one.step === step ? objects.get(keyOf(one.object)) : undefined;
    if (found?.metadata.deletionTimestamp !== undefined) going.set(keyOf(one.object), found);
  }
  return going;
}

const wordsOf = (difference: Difference): string =>
  difference.is === 'changed'
    ? `${difference.key} ${difference.fields.slice(0, 3).join(' ')}`
    : `${difference.key} made`;

/** What the cluster refuses is the outcome of a step; that it is away is no news about this owner. */
export async function guarded(work: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await work();
  } catch (error) {
    if (isKubeFault(error, 'KNOT_KUBE_UNREACHABLE')) throw error;
    return { state: 'failed', cause: causeOf(error) };
  }
}
