import { isKubeFault, type Kube, kinds, type KubeObject } from '../../kube/index.ts';
import type { Clock } from '../../lib/index.ts';
import type { Usage } from '../engine.ts';
import { serviceLabel } from './marks.ts';

/** What services in a cluster use. */
export type ClusterUsages = {
  /** Of each of which something is known now; empty where the cluster measures nothing. */
  read(): Promise<ReadonlyMap<string, Usage>>;
  /** Processors a service uses now, which is asked anew; 0 of one of which nothing is known. */
  processors(serviceId: string): Promise<number>;
};

/** So long a cluster that measures nothing is not asked again. */
const quietMs = 5 * 60_000;

/**
 * By the metrics API (`metrics.k8s.io`, of metrics-server or what stands in its place): it tells how many processors a pod uses, over the
 * last seconds, which is summed up here.
 */
export function createUsages({ kube, clock }: { kube: Pick<Kube, 'list'>; clock: Clock }): ClusterUsages {
  let known = new Map<string, { at: number; usage: Usage }>();
  let quietUntil = 0;

  /** Of the pods with a label, by service. */
  async function measured(labels: string): Promise<Map<string, Sum>> {
    if (clock.now() < quietUntil) return new Map();
    try {
      return sumsOf((await kube.list(kinds.podMetrics, { labels })).items);
    } catch (error) {
      if (!isKubeFault(error)) throw error;
      quietUntil = clock.now() + quietMs;
      return new Map();
    }
  }

  return {
    async read() {
      const sums = await measured(serviceLabel);
      const at = clock.now();
      known = new Map(
        [...sums].map(([id, { processors, memory }]) => {
          const before = known.get(id);
          const since = before === undefined ? 0 : processors * (at - before.at);
          return [id, { at, usage: { processorMs: (before?.usage.processorMs ?? 0) + since, memory } }];
        }),
      );
      return new Map([...known].map(([id, { usage }]) => [id, usage]));
    },
    processors: async (id) => (await measured(`${serviceLabel}=${id}`)).get(id)?.processors ?? 0,
  };
}

type Sum = { processors: number; memory: number };

function sumsOf(pods: readonly KubeObject[]): Map<string, Sum> {
  const sums = new Map<string, Sum>();
  for (const { metadata, containers } of pods) {
    const id = metadata.labels?.[serviceLabel];
    if (id === undefined || !Array.isArray(containers)) continue;
    const sum = sums.get(id) ?? { processors: 0, memory: 0 };
    for (const { usage } of containers as { usage?: Record<string, string> }[]) {
      sum.processors += amountOf(usage?.['cpu']);
      sum.memory += amountOf(usage?.['memory']);
    }
    sums.set(id, sum);
  }
  return sums;
}

const factors: Readonly<Record<string, number>> = {
  ...{ n: 1e-9, u: 1e-6, m: 1e-3, '': 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18 },
  ...{ Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50, Ei: 2 ** 60 },
};

/** A quantity of Kubernetes (apimachinery, `resource.Quantity`) as a number; 0 for what is none. */
export function amountOf(quantity: unknown): number {
  const [, number, suffix = ''] =
    /^([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([a-zA-Z]*)$/.exec(typeof quantity === 'string' ? quantity : '') ?? [];
  const amount = Number(number) * (factors[suffix] ?? NaN);
  return Number.isFinite(amount) ? amount : 0;
}
