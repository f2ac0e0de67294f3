import t from 'tap';
import type { KubeObject } from '../../../gateway/kube/index.ts';
import { createManualClock, silentLog } from '../../../gateway/lib/index.ts';
import { createAccelerators, waitsOf } from '../../../gateway/services/kubernetes/accelerators.ts';
import type { Rendered } from '../../../gateway/services/kubernetes/manifest.ts';

const gpu = 'nvidia.com/gpu';
const node = (name: string, allocatable: Record<string, string>, spec: object = {}, ready = 'True'): KubeObject => ({
  ...{ apiVersion: 'v1', kind: 'Node', metadata: { name }, spec },
  status: { allocatable: { cpu: '8', memory: '16Gi', ...allocatable }, conditions: [{ type: 'Ready', status: ready }] },
});
/** As the API server tells it, or as a chart writes it. */
const taking = (amount: number | string) => ({ resources: { limits: { [gpu]: amount } } });
const pod = (nodeName: string, containers: object[], initContainers: object[] = []): KubeObject => ({
  ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { nodeName, containers, initContainers } },
});

function cluster(nodes: KubeObject[], pods: KubeObject[]) {
  const asked: string[] = [];
  const clock = createManualClock();
  const list = async ({ plural }: { plural: string }) => {
    asked.push(plural);
    return { items: plural === 'nodes' ? nodes : pods, resourceVersion: '1' };
  };
  return { asked, clock, accelerators: createAccelerators({ kube: { list: list as never }, clock, log: silentLog }) };
}

t.test('what machines have is counted, and what pods on them take of it, of whomever they are', async (t) => {
  const { accelerators, asked, clock } = cluster(
    [
      node('a', { [gpu]: '4', 'hugepages-2Mi': '0', 'attachable-volumes-x': '9', 'x.kubernetes.io/y': '3' }),
      node('b', { [gpu]: '2', 'amd.com/gpu': '1' }),
      node('emptied', { [gpu]: '8' }, { unschedulable: true }),
      node('gone', { [gpu]: '8' }, {}, 'Unknown'),
    ],
    [
      pod('a', [taking(1), taking(1)]),
      pod('b', [{}], [taking(2), taking(1)]),
      pod('emptied', [taking(8)]),
      pod('a', [{ resources: { limits: { cpu: '1' } } }]),
    ],
  );
  t.strictSame(await accelerators.read(), [
    { name: 'amd.com/gpu', total: 1, free: 1, mostTogether: 1, mostFreeTogether: 1 },
    { name: gpu, total: 6, free: 2, mostTogether: 4, mostFreeTogether: 2 },
  ]);
  await Promise.all([accelerators.read(), accelerators.read()]);
  t.strictSame(asked, ['nodes', 'pods'], 'asked once in a while, however many forms are open');
  clock.advance(6000);
  await accelerators.read();
  t.equal(asked.length, 4);
});

t.test('where no machine has any, pods are not asked for; where it cannot be told, nothing is', async (t) => {
  const none = cluster([node('a', {})], []);
  t.strictSame(await none.accelerators.read(), []);
  t.strictSame(none.asked, ['nodes']);
  const list = async () => Promise.reject(new Error('forbidden'));
  const away = createAccelerators({ kube: { list }, clock: createManualClock(), log: silentLog });
  t.strictSame(await away.read(), []);
});

t.test('a release waits for what is not free, of all its pods together and of one by itself', async (t) => {
  const program = (amount: number | string, replicas?: number) =>
    ({
      ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'x' } },
      spec: { ...(replicas !== undefined && { replicas }), template: { spec: { containers: [taking(amount)] } } },
    }) as unknown as Rendered;
  const told = (objects: Rendered[], free: number, most = free) =>
    waitsOf(objects, [{ name: gpu, total: 4, free, mostTogether: 4, mostFreeTogether: most }]).map(
      ({ message }) => message,
    );
  t.strictSame(told([program(2)], 2), []);
  t.strictSame(told([program('2')], 1), ['It waits for 2 nvidia.com/gpu: 1 of 4 are free.']);
  t.strictSame(told([program(1)], 0), ['It waits for 1 nvidia.com/gpu: 0 of 4 are free.']);
  t.strictSame(told([program(1, 3)], 2), ['It waits for 3 nvidia.com/gpu: 2 of 4 are free.']);
  t.strictSame(told([program(1), program(1)], 1), ['It waits for 2 nvidia.com/gpu: 1 of 4 are free.']);
  t.strictSame(told([program(2)], 2, 1), ['It waits for 2 nvidia.com/gpu: 2 of 4 are free.'], 'on two machines');
  t.match(told([program(5)], 4), [/the machines here have 4, and 4 in one/]);
  t.match(waitsOf([program(1)], [])[0], { isWait: true, message: /no machine here has any/ });
});
