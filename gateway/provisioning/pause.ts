import { type Kind, type Kube, kinds, type KubeObject } from '../kube/index.ts';
import { userIn } from './desired/rights.ts';

/** On the namespace of who is paused, from the begin of it until all that ran before runs again: since when nothing runs, or `begun`. */
export const pausedMark = 'knot/paused';
export const begun = 'begun';

/** Whether all that ran was ended. */
export const isQuiet = (namespace: KubeObject | undefined): boolean =>
  !Number.isNaN(Date.parse(namespace?.metadata.annotations?.[pausedMark] ?? ''));
/** On what was scaled down or suspended: what it was before. */
const before = 'knot/before-pause';

const scaled = [kinds.deployment, kinds.statefulSet];
const suspended = [kinds.cronJob, kinds.job];

/**
 * Ends what runs in a namespace whose quota lets nothing new run: what has replicas is scaled to none and remembers how many there were,
 * what runs by time or as a job is suspended, every pod that is left is ended. Done any number of times, as the owner's own account.
 */
export async function pauseAll(cluster: Kube, namespace: string): Promise<void> {
  const kube = cluster.as(userIn(namespace));
  for (const kind of scaled)
    for (const { metadata, spec } of (await kube.list(kind, { namespace })).items) {
      const replicas = (spec as { replicas?: number }).replicas ?? 1;
      if (replicas > 0) await mark(kind, metadata.name, String(replicas), { replicas: 0 });
    }
  for (const kind of suspended)
    for (const object of (await kube.list(kind, { namespace })).items)
      if (!isSuspended(object) && !isOver(object)) await mark(kind, object.metadata.name, 'running', { suspend: true });
  for (const pod of (await kube.list(kinds.pod, { namespace })).items)
    if (pod.metadata.deletionTimestamp === undefined) await kube.remove(kinds.pod, pod.metadata.name, namespace);

  async function mark(kind: Kind, name: string, was: string, spec: object) {
    await kube.merge(kind, name, namespace, { metadata: { annotations: { [before]: was } }, spec });
  }
}

/** Lets run again what was paused, and only that. */
export async function resumeAll(cluster: Kube, namespace: string): Promise<void> {
  const kube = cluster.as(userIn(namespace));
  for (const kind of [...scaled, ...suspended])
    for (const { metadata } of (await kube.list(kind, { namespace })).items) {
      const was = metadata.annotations?.[before];
      if (was === undefined) continue;
      const replicas = Number(was);
      const spec = Number.isInteger(replicas) && replicas > 0 ? { replicas } : { suspend: false };
      await kube.merge(kind, metadata.name, namespace, { metadata: { annotations: { [before]: null } }, spec });
    }
}

const isSuspended = ({ spec }: KubeObject): boolean => (spec as { suspend?: boolean }).suspend === true;

/** A job that has ended cannot be suspended. */
const isOver = ({ status }: KubeObject): boolean =>
  ((status as { conditions?: { type: string; status: string }[] } | undefined)?.conditions ?? []).some(
    ({ type, status: is }) => is === 'True' && (type === 'Complete' || type === 'Failed'),
  );
