import { type Kube, kinds, type KubeObject } from '../kube/index.ts';
import { goingNamespace } from './causes.ts';
import type { StepName } from './desired/desired.ts';
import { quotaOf } from './desired/limits.ts';
import { argoAccount, hubRole, rightsOf, userAccount, workflowAccount } from './desired/rights.ts';
import { labelsOf, ofProvisioning, type Wanted } from './desired/wanted.ts';
import { isOurs, ownerIdOf } from './observed.ts';
import { guarded, removedMark } from './pass.ts';
import { isQuiet, pauseAll, pausedMark } from './pause.ts';
import type { Outcome } from './steps.ts';
import { removeObject } from './write.ts';

/** `isGone`: nothing of the owner is left in the cluster. Milliseconds. */
export type Removed = { outcomes: ReadonlyMap<StepName, Outcome>; isGone: boolean; againInMs: number };

/**
 * Takes away the place of somebody who is gone: at once nothing runs and nobody acts, after the time of grace the namespace goes with
 * all that is in it, then the volumes. The files themselves are not in the cluster and stay.
 *
 *   namespace ─▶ marked with the time, paused ─▶ (grace) ─▶ removed ─▶ volumes removed ─▶ gone
 */
export async function removePlace(
  kube: Kube,
  { owner, name, knownUid }: { owner: Wanted['owner']; name: string; knownUid: string | undefined },
  { graceMs, now }: { graceMs: number; now: number },
): Promise<Removed> {
  const outcomes = new Map<StepName, Outcome>();
  const [found, volumes] = await Promise.all([
    kube.get(kinds.namespace, name),
    kube.list(kinds.persistentVolume, { labels: `${ofProvisioning},knot/owner-id=${owner.id}` }),
  ]);
  // Somebody else's namespace of that name is none of this.
  const namespace = found && isTheirs(found) ? found : undefined;
  if (namespace === undefined) {
    for (const volume of volumes.items) await removeObject(kube, volume);
    if (volumes.items.length > 0)
      outcomes.set('files', { state: 'doing', cause: 'The connections to the files are being removed.' });
    return { outcomes, isGone: volumes.items.length === 0, againInMs: soonMs };
  }
  if (namespace.metadata.deletionTimestamp !== undefined) {
    outcomes.set('namespace', { state: 'doing', cause: goingNamespace(namespace) });
    return { outcomes, isGone: false, againInMs: soonMs };
  }
  const since = await markedSince(namespace);
  outcomes.set('workloads', await guarded(pause));
  const leftMs = since + graceMs - now;
  if (leftMs > 0) {
    const until = new Date(since + graceMs).toISOString();
    outcomes.set('namespace', { state: 'waiting', cause: `Its owner was deleted. It is removed on ${until}.` });
    const isPaused = outcomes.get('workloads')!.state === 'done';
    return { outcomes, isGone: false, againInMs: isPaused ? leftMs : soonMs };
  }
  await kube.remove(kinds.namespace, name, undefined, { uid: namespace.metadata.uid! });
  outcomes.set('namespace', { state: 'doing', cause: `The namespace ${name} is being removed from the cluster.` });
  return { outcomes, isGone: false, againInMs: soonMs };

  function isTheirs(one: KubeObject): boolean {
    return (isOurs(one) && ownerIdOf(one) === owner.id) || one.metadata.uid === knownUid;
  }

  async function markedSince(one: KubeObject): Promise<number> {
    const marked = Date.parse(one.metadata.annotations?.[removedMark] ?? '');
    if (!Number.isNaN(marked)) return marked;
    const annotations = { [removedMark]: new Date(now).toISOString() };
    await kube.merge(kinds.namespace, name, undefined, { metadata: { annotations } });
    return now;
  }

  async function pause(): Promise<Outcome> {
    if (!isQuiet(namespace)) {
      const quota = quotaOf({ limits: {}, isPaused: true, areas: [] });
      const rights = rightsOf(
        name,
        { owner, isPaused: true },
        { namespacePrefix: '', gatewayNamespace: '', isQuiet: false },
      );
      for (const { metadata, ...object } of [quota, ...rights])
        await kube.apply({
          ...object,
          metadata: { ...metadata, namespace: name, labels: labelsOf(owner) },
        });
      await pauseAll(kube, name);
      const annotations = { [pausedMark]: new Date(now).toISOString() };
      await kube.merge(kinds.namespace, name, undefined, { metadata: { annotations } });
    }
    for (const role of [userAccount, hubRole, argoAccount, workflowAccount])
      await kube.remove(kinds.roleBinding, role, name);
    return { state: 'done' };
  }
}

const soonMs = 1000;
