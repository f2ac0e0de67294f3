import { type Kube, type KubeObject, kinds } from '../../kube/index.ts';
import { type Clock, isJsonObject, type JsonObject, type JsonValue, type Log } from '../../lib/index.ts';
import type { Accelerator } from '../engine.ts';
import type { Obstacle } from '../refusals.ts';
import type { Rendered } from './manifest.ts';
import { amountOf } from './usage.ts';

/** What the machines of the cluster have beside processors and memory, and how much of it nobody has. */
export type Accelerators = { read(): Promise<readonly Accelerator[]> };

/** Forms ask as often as somebody opens one. */
const keptMs = 5_000;
const ofRunning = 'spec.nodeName!=,status.phase!=Succeeded,status.phase!=Failed';

/** As the API server tells them, or as a chart writes them: `1` may be a number. */
type Amounts = Record<string, string | number> | undefined;
type NodeObject = {
  spec?: { unschedulable?: boolean };
  status?: { allocatable?: Amounts; conditions?: { type: string; status: string }[] };
};
type Container = { restartPolicy?: string; resources?: { limits?: Amounts; requests?: Amounts } };
type PodObject = { spec?: { nodeName?: string; containers?: Container[]; initContainers?: Container[] } };

/**
 * By what machines offer (extended resources, `nvidia.com/gpu`) and what pods on them have, of whomever they are. Pods are asked for only
 * where a machine has some.
 */
export function createAccelerators({
  kube,
  clock,
  log,
}: {
  kube: Pick<Kube, 'list'>;
  clock: Clock;
  log: Log;
}): Accelerators {
  let kept: { until: number; answer: Promise<readonly Accelerator[]> } | undefined;

  async function ask(): Promise<readonly Accelerator[]> {
    const nodes = (await kube.list(kinds.node)).items.filter(takesPods);
    const offered = new Map(
      nodes.map((node) => [node.metadata.name, specialOf((node as NodeObject).status?.allocatable)]),
    );
    if (![...offered.values()].some(({ size }) => size > 0)) return [];
    const pods = (await kube.list(kinds.pod, { fields: ofRunning })).items as (KubeObject & PodObject)[];
    const free = new Map([...offered].map(([name, amounts]) => [name, new Map(amounts)]));
    for (const { spec } of pods)
      for (const [name, amount] of askedBy(spec)) {
        const left = free.get(spec?.nodeName ?? '');
        if (left?.has(name)) left.set(name, Math.max(0, left.get(name)! - amount));
      }
    const names = new Set([...offered.values()].flatMap((amounts) => [...amounts.keys()]));
    return [...names].sort().map((name) => {
      const of = (all: ReadonlyMap<string, ReadonlyMap<string, number>>) =>
        [...all.values()].map((one) => one.get(name) ?? 0);
      const sum = (amounts: readonly number[]) => amounts.reduce((total, amount) => total + amount, 0);
      return {
        name,
        total: sum(of(offered)),
        free: sum(of(free)),
        mostTogether: Math.max(...of(offered)),
        mostFreeTogether: Math.max(...of(free)),
      };
    });
  }

  return {
    read() {
      const now = clock.now();
      if (kept === undefined || now >= kept.until)
        kept = {
          until: now + keptMs,
          // What cannot be told keeps nobody from launching.
          answer: ask().catch((error: unknown) => {
            log.warn({ err: error }, 'what the machines of the cluster have beside processors and memory is not known');
            return [];
          }),
        };
      return kept.answer;
    },
  };
}

/** One that is there and is not being emptied. */
function takesPods(node: KubeObject): boolean {
  const { spec, status } = node as NodeObject;
  const isReady = status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true;
  return isReady && spec?.unschedulable !== true;
}

/** Extended resources have a domain in their names that is not Kubernetes' own (Kubernetes documentation, "Extended resources"). */
const specialOf = (amounts: Amounts): Map<string, number> =>
  new Map(
    Object.entries(amounts ?? {})
      .filter(([name]) => name.includes('/') && !/(^|\.)kubernetes\.io\//.test(name))
      .map(([name, amount]) => [name, amountOf(String(amount))] as const)
      .filter(([, amount]) => amount > 0),
  );

/** What a pod takes: its containers together, or the largest of those that come before them. */
function askedBy(spec: PodObject['spec']): Map<string, number> {
  const asked = new Map<string, number>();
  const of = ({ resources }: Container) => specialOf({ ...resources?.limits, ...resources?.requests });
  const sidecars = (spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  for (const container of [...(spec?.containers ?? []), ...sidecars])
    for (const [name, amount] of of(container)) asked.set(name, (asked.get(name) ?? 0) + amount);
  for (const container of spec?.initContainers ?? [])
    for (const [name, amount] of of(container)) asked.set(name, Math.max(asked.get(name) ?? 0, amount));
  return asked;
}

/** What the programs of a release would wait for, as things are now. They can be launched: it may be free by then. */
export function waitsOf(objects: readonly Rendered[], accelerators: readonly Accelerator[]): Obstacle[] {
  const together = new Map<string, number>();
  const atOnce = new Map<string, number>();
  for (const { spec } of objects) {
    const pod = isJsonObject(spec) ? specIn(spec) : undefined;
    if (pod === undefined || !isJsonObject(spec)) continue;
    const replicas = typeof spec['replicas'] === 'number' ? spec['replicas'] : 1;
    for (const [name, amount] of askedBy(pod as PodObject['spec'])) {
      together.set(name, (together.get(name) ?? 0) + amount * replicas);
      atOnce.set(name, Math.max(atOnce.get(name) ?? 0, amount));
    }
  }
  return [...together].flatMap(([name, amount]): Obstacle[] => {
    const one = atOnce.get(name)!;
    const known = accelerators.find((each) => each.name === name);
    const wait = (message: string, remedy: string) => [{ field: 'template', message, remedy, isWait: true as const }];
    if (known === undefined || known.total < amount || known.mostTogether < one)
      return wait(
        `It waits for ${amount} ${name}: ${known === undefined ? 'no machine here has any' : `the machines here have ${known.total}, and ${known.mostTogether} in one`}.`,
        'Choose fewer, or ask an administrator.',
      );
    if (known.free < amount || known.mostFreeTogether < one)
      return wait(
        `It waits for ${amount} ${name}: ${known.free} of ${known.total} are free.`,
        'It starts when enough are free; or choose fewer.',
      );
    return [];
  });
}

function specIn(spec: JsonObject): JsonValue | undefined {
  const template = spec['template'];
  return isJsonObject(template) ? template['spec'] : undefined;
}
