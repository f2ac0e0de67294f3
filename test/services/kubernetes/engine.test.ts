import t from 'tap';
import type { Engine } from '../../../gateway/services/index.ts';
import type { Service } from '../../../gateway/services/service.ts';
import { startControlPlane } from '../../cluster/control-plane.ts';
import { eventually } from '../../support/eventually.ts';
import { openKubernetesEngine, web } from './house.ts';

t.setTimeout(240_000);

const phase = (engine: Engine, service: Service, wanted: string, revision = service.revision) =>
  eventually(
    `the engine sees it ${wanted}`,
    async () => {
      const seen = engine.observe(service);
      return seen.phase === wanted && ('revision' in seen ? seen.revision === revision : true);
    },
    30_000,
  );

const cluster = await startControlPlane(t);
if ('skip' in cluster) {
  t.test('services as releases', { skip: cluster.skip }, async () => undefined);
} else {
  t.test(
    'a chart is installed, is ready, is stopped, comes back as it was, and is removed without a trace',
    async (t) => {
      const { engine, kube, namespace, service, left, account } = await openKubernetesEngine(t, cluster);
      const one = await service(web({ replicas: '2' }));
      t.strictSame(await engine.obstacles(one), []);
      t.strictSame(engine.observe(one), { phase: 'absent' });
      await engine.start(one);
      await engine.start(one);
      t.match(engine.observe(one), { phase: 'starting', revision: 1 }, 'it is begun in the background');
      await phase(engine, one, 'running');
      t.match(engine.upstreamOf(one), { protocol: 'http:', port: 8080 });
      t.match(
        engine.steps(one).map(({ name, state }) => `${name} ${state}`),
        ['rendered done', 'accepted done', 'image done', 'started done', 'answer done'],
      );
      await engine.stop(one);
      t.strictSame(engine.observe(one), { phase: 'absent' });
      await engine.start({ ...one, revision: 2 });
      await phase(engine, { ...one, revision: 2 }, 'running');
      const deployment = await kube.get(
        { apiVersion: 'apps/v1', kind: 'Deployment', plural: 'deployments', isNamespaced: true },
        one.name,
        namespace,
      );
      t.match(deployment, { spec: { replicas: 2 } }, 'with as many as there were');
      await engine.stop(one);
      await engine.remove(one);
      await eventually('nothing is left', async () => (await left(one)).length === 0);
      t.strictSame((await account.rights()).refused, [], 'it asked for nothing that the chart gives it no right to');
    },
  );
}
