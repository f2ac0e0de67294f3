import type { KubeObject } from '../../kube/index.ts';
import type { Limits } from '../../owners/index.ts';
import { nominalBytes } from './storage.ts';
import { bytesQuantity, countQuantity } from './quantity.ts';
import type { ClusterSettings, Wanted } from './wanted.ts';

/** How many there may be of what costs the cluster itself something, whatever the plan: far more than anybody uses. */
const counts = {
  pods: 200,
  services: 200,
  secrets: 1000,
  configmaps: 1000,
  persistentvolumeclaims: 100,
  'count/deployments.apps': 200,
  'count/statefulsets.apps': 200,
  'count/jobs.batch': 1000,
};

/** Every way into the cluster is the gateway's. */
const waysIn = { 'services.nodeports': '0', 'services.loadbalancers': '0' };

const counted = Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, countQuantity(count)]));

/** ResourceQuota: what the owner may have together, by the plan. Nothing new runs of who is paused. */
export function quotaOf({ limits, isPaused, areas }: Pick<Wanted, 'limits' | 'isPaused' | 'areas'>): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'knot' },
    spec: { hard: { ...counted, ...waysIn, ...ofPlan(limits, areas.length), ...(isPaused && { pods: '0' }) } },
  };
}

function ofPlan({ cpu, memory, storage, resources = {} }: Limits, areas: number): Record<string, string> {
  return {
    ...(cpu !== undefined && { 'requests.cpu': countQuantity(cpu), 'limits.cpu': countQuantity(cpu) }),
    ...(memory !== undefined && { 'requests.memory': bytesQuantity(memory), 'limits.memory': bytesQuantity(memory) }),
    // Volumes that charts ask for; those of the owner's files are let through.
    ...(storage !== undefined && { 'requests.storage': bytesQuantity(storage + areas * nominalBytes) }),
    // Extended resources have one amount for both ("Resource quota for extended resources").
    ...Object.fromEntries(Object.entries(resources).map(([name, count]) => [`requests.${name}`, countQuantity(count)])),
  };
}

/** LimitRange: what a container gets that asks for nothing. Where a quota counts, every container must have some. */
export function limitRangeOf({ limits }: Pick<Wanted, 'limits'>, { defaultSize }: ClusterSettings): KubeObject {
  const most = {
    cpu: Math.min(defaultSize.cpu, limits.cpu ?? Infinity),
    memory: Math.min(defaultSize.memory, limits.memory ?? Infinity),
  };
  const least = { cpu: Math.min(asked.cpu, most.cpu), memory: Math.min(asked.memory, most.memory) };
  const amounts = ({ cpu, memory }: typeof most) => ({ cpu: countQuantity(cpu), memory: bytesQuantity(memory) });
  return {
    apiVersion: 'v1',
    kind: 'LimitRange',
    metadata: { name: 'knot' },
    spec: { limits: [{ type: 'Container', default: amounts(most), defaultRequest: amounts(least) }] },
  };
}

/** Of a node, for a container that says nothing. */
const asked = { cpu: 0.1, memory: 128 * 1024 * 1024 };
