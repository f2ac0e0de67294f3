import { isKubeFault, type Kube, kinds, type KubeObject } from '../kube/index.ts';
import { namespaceOf } from '../lib/index.ts';
import { causeOf, foreignNamespace, goingNamespace, inUse, StepFault } from './causes.ts';
import { type Desired, desiredOf, type StepName, undecidedOf } from './desired/desired.ts';
import { type ClusterSettings, ofProvisioning, type Wanted } from './desired/wanted.ts';
import { type Difference, differencesOf } from './differences.ts';
import { isOurs, keyOf, type Observed, observeOwner, ownerIdOf } from './observed.ts';
import { begun, isQuiet, pauseAll, pausedMark, resumeAll } from './pause.ts';
import type { Outcome } from './steps.ts';
import { InUse, removeObject, write } from './write.ts';

/** What one look at an owner found and did. */
export type Passed = {
  outcomes: ReadonlyMap<StepName, Outcome>;
  overrides: { object: string; reason: string }[];
  /** What was not as it shall be and was mended, as `ResourceQuota/knot spec.hard.pods`. */
  mended: string[];
  adopted: boolean;
  /** What ran before a pause was begun again. */
  resumed: boolean;
  namespaceUid: string | undefined;
};

/** An administrator's mark on a namespace that is to become somebody's: the name of whom. */
const adoptMark = 'knot/adopt';
/** An administrator's mark on a namespace: programs that use files where they were before are ended, and do not keep them there. */
const moveMark = 'knot/move-files';
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
    ...{ outcomes, overrides: [], mended: [], adopted: false, resumed: false },
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

  const desired = desiredOf(wanted, settings, { isQuiet: isQuiet(namespace) });
  const differences = differencesOf(desired, observed, undecidedOf(wanted, settings));
  for (const difference of differences)
    if (difference.is === 'overridden') passed.overrides.push({ object: difference.key, reason: difference.reason });

  for (const step of [...makingSteps, 'rights'] as const) {
    if (step !== 'namespace' && outcomes.get('namespace')!.state !== 'done') break;
    // Nobody may do anything before everything that bounds it is there.
    if (step === 'rights' && !isDone(outcomes, ['limits', 'network'])) continue;
    outcomes.set(step, await doStep(step));
  }
  if (isDone(outcomes, ['namespace'])) {
    outcomes.set('tidy', await guarded(tidy));
    outcomes.set('workloads', await guarded(workloads));
    // Last, so that the cluster has had some time for it.
    if (isDone(outcomes, ['files'])) outcomes.set('files', await guarded(bound));
  }
  return passed;

  async function doStep(step: StepName): Promise<Outcome> {
    const going = goingOf(desired, observed, step);
    const endsUse = namespace?.metadata.annotations?.[moveMark] !== undefined;
    /** The others of a step are made all the same. */
    const held: InUse[] = [];
    const unlessInUse = (error: unknown): undefined => {
      if (!(error instanceof InUse)) throw error;
      held.push(error);
    };
    return guarded(async () => {
      if (step === 'files' && settings.storage.kind === 'unusable') throw new StepFault(settings.storage.cause);
      for (const difference of differences) {
        if (difference.step !== step || going.has(difference.key)) continue;
        if (difference.is !== 'missing' && difference.is !== 'changed') continue;
        // First of all: the cluster looks at a claim when it is made.
        if (difference.is === 'missing' && difference.object.kind === 'PersistentVolumeClaim')
          await release((difference.object['spec'] as { volumeName: string }).volumeName, undefined);
        const made = await write(kube, difference, { endsUse }).catch(unlessInUse);
        if (made === undefined) continue;
        if (step === 'namespace') passed.namespaceUid = made.metadata.uid;
        passed.mended.push(wordsOf(difference));
      }
      if (held.length > 0) throw inUse(name, held);
      if (step === 'namespace') await marks();
      // Of a volume that is being removed the claim holds on, and the other way round: both are made anew.
      for (const object of going.values()) if (object.kind === 'PersistentVolume') await removeObject(kube, object);
      if (going.size > 0)
        return {
          state: 'doing',
          cause: `${[...going.keys()].join(', ')} is being removed and is made anew after that.`,
        };
      if (step === 'files' && endsUse)
        await kube.merge(kinds.namespace, name, undefined, { metadata: { annotations: { [moveMark]: null } } });
      return { state: 'done' };
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
      ...(pausing && { [pausedMark]: begun }),
    };
    await kube.merge(kinds.namespace, name, undefined, { metadata: { annotations: changes } });
  }

  /** Claims of ours have their volume at once, or the cluster is at it. */
  async function bound(): Promise<Outcome> {
    const areas = desired.filter(({ object }) => object.kind === 'PersistentVolumeClaim');
    const isFresh = differences.some(({ step, is }) => step === 'files' && is !== 'overridden');
    const claims = isFresh
      ? await claimsOf(kube, name, owner.id)
      : areas.map(({ object }) => observed.objects.get(keyOf(object))!);
    for (const claim of claims.filter(isLoose)) await letBind(claim);
    return binding(claims);
  }

  /** A claim without its volume is lost and made anew. */
  async function letBind(claim: KubeObject): Promise<void> {
    if ((claim['status'] as { phase?: string } | undefined)?.phase === 'Lost') return removeObject(kube, claim);
    await release((claim['spec'] as { volumeName: string }).volumeName, claim.metadata.uid);
  }

  /** A volume whose claim was removed waits for that very one (PersistentVolume phase `Released`) until it is told to take another. */
  async function release(volumeName: string, claimUid: string | undefined): Promise<void> {
    const volume = observed.objects.get(`PersistentVolume/${volumeName}`);
    const holds = (volume?.['spec'] as { claimRef?: { uid?: string } } | undefined)?.claimRef?.uid;
    if (holds === undefined || holds === claimUid) return;
    const spec = { claimRef: { uid: null, resourceVersion: null } };
    await kube.merge(kinds.persistentVolume, volumeName, undefined, { spec });
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
    const isMarked = namespace?.metadata.annotations?.[pausedMark] !== undefined;
    if (wanted.isPaused ? isQuiet(namespace) : !isMarked) return { state: 'done' };
    // While more could be started there is no use in ending it; and it is done with the owner's rights.
    if (!isDone(outcomes, ['limits', 'rights'])) return { state: 'waiting' };
    if (wanted.isPaused) await pauseAll(kube, name);
    else await resumeAll(kube, name);
    const mark = wanted.isPaused ? new Date(now).toISOString() : null;
    await kube.merge(kinds.namespace, name, undefined, { metadata: { annotations: { [pausedMark]: mark } } });
    passed.resumed = !wanted.isPaused;
    // Then the rights go: at the next look.
    return wanted.isPaused ? { state: 'doing', cause: 'What ran has been ended.' } : { state: 'done' };
  }
}

const makingSteps = ['namespace', 'accounts', 'limits', 'network', 'files'] as const;

/** Claims of an owner's files. */
async function claimsOf(kube: Kube, namespace: string, ownerId: string): Promise<KubeObject[]> {
  const labels = `${ofProvisioning},knot/owner-id=${ownerId}`;
  return (await kube.list(kinds.persistentVolumeClaim, { namespace, labels })).items;
}

const isLoose = ({ status }: KubeObject): boolean => (status as { phase?: string } | undefined)?.phase !== 'Bound';

function binding(claims: readonly KubeObject[]): Outcome {
  const loose = claims.filter(isLoose).map(({ metadata }) => metadata.name);
  if (loose.length === 0) return { state: 'done' };
  return { state: 'doing', cause: `The files are being connected: ${loose.join(', ')}.` };
}

/**
 * How far the cluster is with the claims, of somebody who waits for nothing else: one call in place of a whole look. Undefined when one
 * of them is not there.
 */
export async function lookAtClaims(
  kube: Kube,
  namespace: string,
  ownerId: string,
  areas: Wanted['areas'],
): Promise<Outcome | undefined> {
  const claims = await claimsOf(kube, namespace, ownerId);
  const there = new Set(claims.map(({ metadata }) => metadata.name));
  return areas.every(({ claim }) => there.has(claim)) ? binding(claims) : undefined;
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
