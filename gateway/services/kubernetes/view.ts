import { type Kube, type KubeCache, kinds } from '../../kube/index.ts';
import type { ComponentHealth } from '../../lib/index.ts';
import { serviceLabel } from './marks.ts';
import { seenEndpoints, seenJob, seenPod, seenProgram, seenService } from './seen.ts';
import type { Things } from './sight.ts';

/** What there is of all services in the cluster, kept by one watch for each kind. */
export type View = {
  /** All there is was seen once. */
  ready: Promise<unknown>;
  of(serviceId: string): Things;
  /** Hears of each change, by the id of the service. */
  onChange(listener: (serviceId: string) => void): void;
  health(): ComponentHealth;
  close(): void;
};

/** Behind which what is seen may be another thing by now. */
const oldMs = 3 * 60_000;
const deafMs = 10_000;

export function createView(kube: Kube): View {
  const which = { labels: serviceLabel, indexLabels: [serviceLabel] };
  const deployments = kube.watch(kinds.deployment, { ...which, pick: seenProgram });
  const statefulSets = kube.watch(kinds.statefulSet, { ...which, pick: seenProgram });
  const pods = kube.watch(kinds.pod, { ...which, pick: seenPod });
  const jobs = kube.watch(kinds.job, { ...which, pick: seenJob });
  const services = kube.watch(kinds.service, { ...which, pick: seenService });
  const endpoints = kube.watch(kinds.endpointSlice, { ...which, pick: seenEndpoints });
  const all: KubeCache<{ service: string }>[] = [deployments, statefulSets, pods, jobs, services, endpoints];
  const ready = Promise.all(all.map((cache) => cache.ready));
  ready.catch(() => undefined);

  return {
    ready,
    of: (id) => ({
      programs: [...deployments.byLabel(serviceLabel, id), ...statefulSets.byLabel(serviceLabel, id)],
      pods: [...pods.byLabel(serviceLabel, id)],
      jobs: [...jobs.byLabel(serviceLabel, id)],
      services: [...services.byLabel(serviceLabel, id)],
      endpoints: [...endpoints.byLabel(serviceLabel, id)],
    }),
    onChange(listener) {
      for (const cache of all) cache.onChange(({ service }) => listener(service));
    },
    health() {
      const found = all.map((cache) => cache.health());
      const worst = found.toSorted((one, other) => other.ageMs - one.ageMs)[0]!;
      // A quiet watch is heard of once a minute; one that failed is known to be deaf before that.
      const isDeaf = found.some(({ troubledMs = 0 }) => troubledMs >= deafMs);
      if (worst.isSynced && worst.ageMs < oldMs && !isDeaf)
        return { name: 'cluster-services', status: 'ok', message: 'What runs in the cluster is seen as it changes.' };
      return {
        name: 'cluster-services',
        status: 'warning',
        message: worst.isSynced
          ? `Nothing was heard of the cluster for ${Math.round(worst.ageMs / 1000)} s; what services are said to be may be old.`
          : 'What runs in the cluster was not seen yet.',
        remedy: 'See whether the API server answers, and whether Knot may list and watch there.',
      };
    },
    close() {
      for (const cache of all) cache.close();
    },
  };
}
