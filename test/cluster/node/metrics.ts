import { setTimeout as delay } from 'node:timers/promises';
import type { ControlPlane } from '../control-plane.ts';
import { nodeName } from './settings.ts';

type Numbers = { at: number; seconds: number; bytes: number; labels: Record<string, string>; namespace: string };

const kind = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition' };
const definition = {
  ...kind,
  metadata: {
    name: 'pods.metrics.k8s.io',
    annotations: { 'api-approved.kubernetes.io': 'unapproved, in the place of metrics-server' },
  },
  spec: {
    group: 'metrics.k8s.io',
    scope: 'Namespaced',
    names: { plural: 'pods', singular: 'pod', kind: 'PodMetrics', listKind: 'PodMetricsList' },
    versions: [
      {
        ...{ name: 'v1beta1', served: true, storage: true },
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
};

/**
 * Stands in the place of metrics-server, for which there is no program here: what it tells are the kubelet's own numbers, of which it
 * makes a rate as metrics-server does; that the API server keeps them as objects is otherwise.
 */
export async function measurePods(
  t: { teardown(end: () => unknown): void },
  { request, apply }: Pick<ControlPlane, 'request' | 'apply'>,
): Promise<void> {
  const address = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  const { status, body } = await request(address, { method: 'POST', body: definition });
  if (status !== 201) throw new Error(JSON.stringify(body));
  const ended = new AbortController();
  let before = new Map<string, Numbers>();

  async function look(): Promise<void> {
    const now = await read();
    const told = [...now].flatMap(([key, { at, seconds, bytes, labels, namespace }]) => {
      const last = before.get(key);
      if (last === undefined || at <= last.at) return [];
      const cores = Math.max(0, (seconds - last.seconds) / ((at - last.at) / 1000));
      const usage = { cpu: `${Math.round(cores * 1e9)}n`, memory: String(bytes) };
      const metadata = { name: key.split('/')[1], namespace, labels };
      return [
        { apiVersion: 'metrics.k8s.io/v1beta1', kind: 'PodMetrics', metadata, containers: [{ name: 'all', usage }] },
      ];
    });
    before = now;
    if (told.length > 0) await apply(...told);
  }

  /** By namespace and name of the pod; what has no number yet is left out. */
  async function read(): Promise<Map<string, Numbers>> {
    const [numbers, pods] = await Promise.all([
      request(`/api/v1/nodes/${nodeName}/proxy/metrics/resource`),
      request('/api/v1/pods?labelSelector=knot/service'),
    ]);
    const found = new Map<string, Numbers>();
    for (const { metadata } of pods.body.items as {
      metadata: { name: string; namespace: string; labels: Record<string, string> };
    }[]) {
      const { name, namespace, labels } = metadata;
      const valueOf = (metric: string) =>
        new RegExp(`^${metric}{namespace="${namespace}",pod="${name}"} (\\S+) (\\d+)$`, 'm').exec(String(numbers.body));
      const [, seconds, at] = valueOf('pod_cpu_usage_seconds_total') ?? [];
      const [, bytes] = valueOf('pod_memory_working_set_bytes') ?? [];
      if (seconds !== undefined)
        found.set(`${namespace}/${name}`, {
          at: Number(at),
          seconds: Number(seconds),
          bytes: Number(bytes ?? 0),
          labels,
          namespace,
        });
    }
    return found;
  }

  const loop = (async () => {
    while (!ended.signal.aborted) {
      await look().catch((error: unknown) => {
        if (!ended.signal.aborted) console.error(error);
      });
      await delay(1000, undefined, { signal: ended.signal }).catch(() => undefined);
    }
  })();
  t.teardown(() => {
    ended.abort();
    return loop;
  });
}
