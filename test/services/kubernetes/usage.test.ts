import t from 'tap';
import { kinds } from '../../../gateway/kube/index.ts';
import { amountOf, createUsages } from '../../../gateway/services/kubernetes/usage.ts';
import { openFake } from '../../support/kube/open.ts';

const pod = (name: string, service: string | undefined, containers: object[]) => ({
  ...{ apiVersion: 'metrics.k8s.io/v1beta1', kind: 'PodMetrics' },
  metadata: { name, namespace: 'knot-ann', ...(service !== undefined && { labels: { 'knot/service': service } }) },
  containers,
});
const using = (cpu: string, memory: string) => ({ usage: { cpu, memory } });

t.test('what the pods of a service use is told together, and summed up over time', async (t) => {
  const { kube } = await openFake(t);
  const clock = { at: 1_000_000, now: () => clock.at };
  const usages = createUsages({ kube, clock });
  t.strictSame([...(await usages.read())], [], 'nothing is measured');
  await kube.create(pod('a', 'one', [using('250m', '1Mi'), using('250000000n', '1Mi')]), { kind: kinds.podMetrics });
  await kube.create(pod('b', 'one', [using('1', '512Ki')]), { kind: kinds.podMetrics });
  await kube.create(pod('c', 'two', [{}]), { kind: kinds.podMetrics });
  await kube.create(pod('d', undefined, [using('4', '1Gi')]), { kind: kinds.podMetrics });
  const first = await usages.read();
  t.strictSame(first.get('one'), { processorMs: 0, memory: 2.5 * 2 ** 20 });
  t.strictSame(first.get('two'), { processorMs: 0, memory: 0 }, 'what nothing is said of uses nothing');
  t.equal(first.size, 2);
  t.equal(await usages.processors('one'), 1.5);
  t.equal(await usages.processors('nobody'), 0);
  clock.at += 10_000;
  t.equal((await usages.read()).get('one')?.processorMs, 15_000);
  await kube.remove(kinds.podMetrics, 'a', 'knot-ann');
  await kube.remove(kinds.podMetrics, 'b', 'knot-ann');
  t.notOk((await usages.read()).has('one'), 'of what does not run nothing is known');
  t.equal(await usages.processors('one'), 0);
  await kube.create(pod('e', 'one', [using('20m', '1Mi')]), { kind: kinds.podMetrics });
  t.equal(await usages.processors('one'), 0.02, 'it is asked anew, whenever all were read');
});

t.test('a cluster that measures nothing is asked again after a while', async (t) => {
  const { fake, kube } = await openFake(t);
  const clock = { at: 1_000_000, now: () => clock.at };
  const usages = createUsages({ kube, clock });
  fake.fail({ status: 404 });
  t.equal((await usages.read()).size, 0);
  const asked = fake.requests.length;
  clock.at += 60_000;
  await usages.read();
  t.equal(fake.requests.length, asked);
  clock.at += 5 * 60_000;
  await usages.read();
  t.equal(fake.requests.length, asked + 1);
});

t.test('amounts are read as Kubernetes writes them', async (t) => {
  const amounts: [unknown, number][] = [
    ...([
      ['100m', 0.1],
      ['1500u', 0.0015],
      ['12n', 1.2e-8],
      ['2', 2],
      ['1.5Gi', 1.5 * 2 ** 30],
    ] as [string, number][]),
    ...([
      ['1e3', 1000],
      ['64M', 64e6],
      ['5k', 5000],
      ['', 0],
      ['many', 0],
      ['1Xi', 0],
      [undefined, 0],
    ] as [unknown, number][]),
  ];
  for (const [text, amount] of amounts) t.ok(Math.abs(amountOf(text) - amount) <= amount * 1e-9, String(text));
});
