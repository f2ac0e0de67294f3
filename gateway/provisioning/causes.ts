import { isKubeFault, type KubeObject, reasonOf } from '../kube/index.ts';

/** A cause that a step shows: what is in the way and what to do about it, in words for people. */
export class StepFault extends Error {}

/** Why a step could not be done, for the owner and for administrators. Nothing of it names an address. */
export function causeOf(error: unknown): string {
  if (error instanceof StepFault) return error.message;
  if (isKubeFault(error, 'KNOT_KUBE_UNREACHABLE')) return 'The cluster does not answer. Knot tries again by itself.';
  if (isKubeFault(error, 'KNOT_KUBE_UNAUTHENTICATED'))
    return 'The cluster does not know Knot any more. An administrator must renew its credentials.';
  if (isKubeFault(error, 'KNOT_KUBE_FORBIDDEN'))
    return `The cluster does not let Knot do this: its ClusterRole lacks a right. ${said(error)}`.trim();
  if (isKubeFault(error, 'KNOT_KUBE_FULL'))
    return 'The database of the cluster is full, so nothing can be made there. An administrator makes room; Knot goes on by itself.';
  if (isKubeFault(error)) return `The cluster refused: ${said(error) || error.message}`;
  return 'A failure of Knot itself; its log says more.';
}

/** The API server's own words, where it has some. */
const said = (error: unknown): string => reasonOf(error)?.message?.slice(0, 500) ?? '';

export const foreignNamespace = (name: string, owner: string): StepFault =>
  new StepFault(
    `There is a namespace ${name} that is not Knot's, so it was left alone. An administrator either removes it, or gives it to ${owner}: kubectl annotate namespace ${name} knot/adopt=${owner}`,
  );

export const foreignVolume = (name: string): StepFault =>
  new StepFault(`There is a volume ${name} that is not Knot's, so it was left alone. An administrator must remove it.`);

/** Files that lie elsewhere by the configuration, and are in use where they were: nobody's work is ended for that unasked. */
export function inUse(namespace: string, held: readonly { claim: string; pods: readonly string[] }[]): StepFault {
  const pods = [...new Set(held.flatMap((one) => one.pods))];
  const named = pods.slice(0, 5).join(', ') + (pods.length > 5 ? ` and ${pods.length - 5} more` : '');
  const [is, it] = [held.length === 1 ? 'is' : 'are', pods.length === 1 ? 'it writes' : 'they write'];
  return new StepFault(
    `${held.map(({ claim }) => claim).join(', ')} ${is} in use where the files were before, by ${named}: what ${it} goes there, and not where the files are now (kubernetes.storage). Stop what runs, and the rest goes by itself; or an administrator ends it: kubectl annotate namespace ${namespace} knot/move-files=now`,
  );
}

/** A namespace that is going, and what holds it up where the cluster says so (`status.conditions` of a namespace). */
export function goingNamespace({ metadata, status }: KubeObject): string {
  const conditions = ((status as { conditions?: { type: string; status: string; message?: string }[] } | undefined)
    ?.conditions ?? []) as { type: string; status: string; message?: string }[];
  const held = conditions.find(({ type, status: is }) => is === 'True' && type !== 'NamespaceContentRemaining');
  const rest = conditions.find(({ type, status: is }) => is === 'True' && type === 'NamespaceContentRemaining');
  const why = (held ?? rest)?.message?.slice(0, 300);
  return `The namespace ${metadata.name} is being removed from the cluster${why ? `, which waits: ${why}` : ''}.`;
}
