import { hold, type Kube, kinds, type KubeObject, letGo } from '../kube/index.ts';
import { userIn } from './desired/rights.ts';

/** On the namespace of who is paused, from the begin of it until all that ran before runs again: since when nothing runs, or `begun`. */
export const pausedMark = 'knot/paused';
export const begun = 'begun';

/** Whether all that ran was ended. */
export const isQuiet = (namespace: KubeObject | undefined): boolean =>
  !Number.isNaN(Date.parse(namespace?.metadata.annotations?.[pausedMark] ?? ''));

const by = 'pause';

/**
 * Ends what runs in a namespace whose quota lets nothing new run: what makes pods is held, every pod that is left is ended. Done any
 * number of times, as the owner's own account.
 */
export async function pauseAll(cluster: Kube, namespace: string): Promise<void> {
  const kube = cluster.as(userIn(namespace));
  await hold(kube, { namespace, by });
  for (const pod of (await kube.list(kinds.pod, { namespace })).items)
    if (pod.metadata.deletionTimestamp === undefined) await kube.remove(kinds.pod, pod.metadata.name, namespace);
}

/** Lets run again what was paused, and only that: a service that is stopped stays so. */
export const resumeAll = (cluster: Kube, namespace: string): Promise<void> =>
  letGo(cluster.as(userIn(namespace)), { namespace, by });
