import { answering } from '../../kube/index.ts';
import { type Upstream, upstreamAt } from '../../routes/index.ts';
import type { Observed } from '../engine.ts';
import { causeOfPods, nodeLost, type SightFacts, type Standing } from './pod-causes.ts';
import type { SeenEndpoints, SeenJob, SeenPod, SeenProgram, SeenService } from './seen.ts';

/** All that is seen of one service. */
export type Things = {
  programs: readonly SeenProgram[];
  pods: readonly SeenPod[];
  jobs: readonly SeenJob[];
  services: readonly SeenService[];
  endpoints: readonly SeenEndpoints[];
};

/** Longer than a node takes to tell of an end. */
const lateMs = 60_000;

/** Was to have ended long ago, and its node says nothing of it: whoever waits for that waits until somebody takes the node away. */
const isStuck = ({ isCutOff, endsBy }: SeenPod, now: number): boolean =>
  isCutOff && endsBy !== undefined && now > endsBy + lateMs;

const isAlive = (pod: SeenPod, now: number): boolean =>
  pod.phase !== 'Succeeded' && pod.phase !== 'Failed' && !isStuck(pod, now);

/** What a service is by what is seen of it. Pure. */
export function observedOf(things: Things, facts: SightFacts): Observed {
  const { programs, pods, jobs } = things;
  if (programs.every(({ wanted }) => wanted === 0))
    return pods.some((pod) => isAlive(pod, facts.now)) ? { phase: 'ending' } : { phase: 'absent' };
  const revision = Math.max(...programs.map((program) => program.revision));
  const tasks = jobs.filter(({ isHook, isIdle }) => !isHook && !isIdle);
  const isReady =
    programs.every((program) => program.isReady) &&
    tasks.every(({ hasEnded }) => hasEnded) &&
    (!isReached(things) || placeOf(things) !== undefined);
  if (isReady) return { phase: 'running', revision };
  const found = causeOfThings(things, facts);
  if (found?.isFinal) return { phase: 'gone', revision, cause: found.cause };
  return { phase: 'starting', revision, ...(found && { cause: found.cause }) };
}

export function causeOfThings({ programs, pods, jobs }: Things, facts: SightFacts): Standing | undefined {
  const found = causeOfPods({ programs, pods: pods.filter(({ isEnding }) => !isEnding), jobs }, facts);
  // Of a StatefulSet there is no other pod before that one is gone.
  return found ?? (pods.some((pod) => isStuck(pod, facts.now)) ? nodeLost : undefined);
}

/** Whether there is a Service of it that is to be reached at its address. */
export const isReached = ({ services }: Pick<Things, 'services'>): boolean =>
  services.some(({ port }) => port !== undefined);

/**
 * Where requests go: a pod of the service itself that is ready, by the ready endpoints of its Service. The same one as long as it is
 * ready, because programs keep what people do in memory.
 */
export function placeOf(
  { services, endpoints, pods }: Pick<Things, 'services' | 'endpoints' | 'pods'>,
  before?: Upstream,
): Upstream | undefined {
  const reached = services.find(({ port }) => port !== undefined);
  if (reached === undefined) return undefined;
  const own = new Map(pods.map((pod) => [pod.uid, pod.addresses]));
  const found = answering(reached, reached.port!, endpoints, (uid) => own.get(uid)).flatMap(
    ({ address, port }) => upstreamAt(address, port) ?? [],
  );
  return found.find(({ hostname, port }) => hostname === before?.hostname && port === before.port) ?? found[0];
}

/** The pod that a service is for whoever wants into it: the one that requests go to, else one of its programs; of tasks none. */
export function podOf({ pods }: Pick<Things, 'pods'>, place: Upstream | undefined): SeenPod | undefined {
  const own = pods.filter(({ isReady, isEnding, isOfJob }) => isReady && !isEnding && !isOfJob);
  const host = place?.hostname.replace(/^\[|\]$/g, '');
  return own.find(({ addresses }) => host !== undefined && addresses.includes(host)) ?? own[0];
}
