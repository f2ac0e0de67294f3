import { type Kube, type KubeObject, kinds } from '../../kube/index.ts';
import { serviceLabel } from './marks.ts';

/** One revision of a release, as the labels of its Secret say (Helm, `pkg/storage/driver/secrets.go`). Whoever owns the namespace can write it. */
export type ReleaseRevision = {
  secret: string;
  uid: string | undefined;
  number: number;
  status: string;
  /** Of Knot's. */
  serviceId: string | undefined;
  /** The gateway that made it, by the name of its run. */
  by: string | undefined;
  createdAt: number;
};

/** On the Secret of a release: which run of a gateway works, or worked, on it. */
export const runLabel = 'knot/run';

/** What is to be done before Helm may go on with a release. */
export type Standing =
  | { kind: 'none' | 'ours' }
  /** Somebody made one of that name without Knot, or wrote a Secret that looks like one. */
  | { kind: 'foreign' }
  /** Another gateway works on it. */
  | { kind: 'busy' }
  /** Whoever worked on it is gone: these Secrets are taken away, and Helm goes on from the revision before. */
  | { kind: 'broken'; secrets: readonly ReleaseRevision[] };

const pending = new Set(['pending-install', 'pending-upgrade', 'pending-rollback']);
/** Helm itself may take no longer (`helmMs` of `releases.ts`), and a minute more. */
export const longestWorkMs = 11 * 60_000;

/** Newest first. */
export async function revisionsOf(kube: Kube, namespace: string, release: string): Promise<ReleaseRevision[]> {
  const { items } = await kube.list(kinds.secret, { namespace, labels: `owner=helm,name=${release}` });
  return items
    .filter(({ type }) => type === 'helm.sh/release.v1')
    .map(revisionIn)
    .toSorted((one, other) => other.number - one.number);
}

function revisionIn({ metadata: { name, uid, labels = {}, creationTimestamp } }: KubeObject): ReleaseRevision {
  return {
    secret: name,
    uid,
    number: Number(/\.v(\d{1,9})$/.exec(name)?.[1] ?? labels['version'] ?? 0),
    status: labels['status'] ?? 'unknown',
    serviceId: labels[serviceLabel],
    by: labels[runLabel],
    createdAt: Date.parse(creationTimestamp ?? '') || 0,
  };
}

/**
 * How a release stands for a service that is to be made of it. A release that is pending belongs to the gateway that works on it: it is
 * mended only when that one is known to be gone, or can work on it no more.
 */
export async function standingOf(
  revisions: readonly ReleaseRevision[],
  {
    serviceId,
    run,
    isAlive,
    now,
  }: { serviceId: string; run: string; isAlive(run: string): Promise<boolean>; now: number },
): Promise<Standing> {
  if (revisions.length === 0) return { kind: 'none' };
  if (revisions.some((revision) => revision.serviceId !== serviceId)) return { kind: 'foreign' };
  const unfinished = revisions.filter(({ status }) => pending.has(status));
  for (const { by, createdAt } of unfinished) {
    if (by === undefined || by === run || now - createdAt > longestWorkMs) continue;
    if (await isAlive(by)) return { kind: 'busy' };
  }
  return unfinished.length > 0 ? { kind: 'broken', secrets: unfinished } : { kind: 'ours' };
}
