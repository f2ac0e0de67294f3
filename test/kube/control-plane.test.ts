import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { hold, isHeld, kinds, type KubeObject, letGo, openKube, takeLease } from '../../gateway/kube/index.ts';
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import { startControlPlane } from '../cluster/control-plane.ts';
import { databaseOf } from '../cluster/full.ts';
import { eventually } from '../support/eventually.ts';
import { quick } from '../support/kube/open.ts';
import { describeApiServer } from './api-server.ts';

const cluster = await startControlPlane(t);
if ('skip' in cluster) {
  t.test('a real API server', { skip: cluster.skip }, async () => undefined);
} else {
  const { kubeconfig } = cluster;
  const kube = await openKube(
    { kubeconfig },
    { clock: systemClock, log: silentLog, pace: { ...quick, mostPauseMs: 200 } },
  );
  t.teardown(() => kube.close());
  const pod = (name: string): KubeObject => ({
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' } },
    spec: { containers: [{ name: 'main', image: 'registry.test/web:1' }] },
  });

  t.test('the API server is as the fake is', async (t) => {
    describeApiServer(t, () => Promise.resolve(kube));
  });

  t.test('a log and a program of a pod', async (t) => {
    await kube.create(pod('streams'));
    await eventually('it runs', async () => {
      const found = await kube.get<KubeObject & { status?: { phase?: string } }>(kinds.pod, 'streams', 'default');
      return found?.status?.phase === 'Running';
    });
    const lines: string[] = [];
    for await (const { text } of kube.logs('default', 'streams')) lines.push(text);
    t.strictSame(lines, ['listening on :8080', 'ready']);
    await t.rejects(kube.exec('default', 'streams', { command: ['true'], container: 'none' }), {
      code: 'KNOT_KUBE_INVALID',
    });
    const execution = await kube.exec('default', 'streams', { command: ['cat'], stdin: true });
    execution.stdin.write('through the API server');
    t.equal(String(((await once(execution.stdout, 'data')) as [Buffer])[0]), 'through the API server');
    execution.end();
    const said = await kube.exec('default', 'streams', { command: ['echo', '$HOME', 'a b'] });
    t.equal(await text(said.stdout), '$HOME a b\n', 'no shell reads what is run');
    t.strictSame(await said.exit, { code: 0 });
  });

  t.test('what is held for two reasons runs again when the last is taken back, whichever that is', async (t) => {
    const namespace = 'held';
    await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    const template = {
      metadata: { labels: { app: 'web' } },
      spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'registry.test/web:1' }] },
    };
    const program = (name: string, replicas: number) => ({
      ...{ apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name, namespace } },
      spec: {
        ...{ replicas, serviceName: 'web', selector: { matchLabels: template.metadata.labels } },
        template: { ...template, spec: { ...template.spec, restartPolicy: 'Always' } },
      },
    });
    const job = (name: string, image: string) => ({
      ...{ apiVersion: 'batch/v1', kind: 'Job', metadata: { name, namespace } },
      spec: {
        backoffLimit: 0,
        template: { spec: { ...template.spec, containers: [{ name: 'main', image }] } },
      },
    });
    await cluster.apply(
      program('web', 2),
      program('empty', 0),
      job('works', 'hang.test/a:1'),
      job('over', 'fail.test/a:1'),
    );
    type Seen = KubeObject & {
      spec: { replicas?: number; suspend?: boolean };
      status?: { conditions?: { type: string }[] };
    };
    await eventually('a job has ended', async () =>
      ((await kube.get<Seen>(kinds.job, 'over', namespace))?.status?.conditions ?? []).some(
        ({ type }) => type === 'Failed',
      ),
    );
    const seen = async () => {
      const items = await Promise.all(
        [kinds.statefulSet, kinds.job].map(async (kind) => (await kube.list<Seen>(kind, { namespace })).items),
      );
      return Object.fromEntries(
        items
          .flat()
          .map(({ metadata, spec }) => [metadata.name, `${spec.replicas ?? spec.suspend} ${isHeld(metadata)}`]),
      );
    };
    const before = { empty: '0 false', web: '2 false', over: 'false false', works: 'false false' };
    const held = { empty: '0 false', web: '0 true', over: 'false false', works: 'true true' };
    t.strictSame(await seen(), before);
    const [night, exam] = [
      { namespace, by: 'night' },
      { namespace, by: 'exam' },
    ];
    for (const [first, last] of [
      [night, exam],
      [exam, night],
      [night, night],
    ] as const) {
      // At once, as two that know nothing of each other.
      await Promise.all([hold(kube, night), hold(kube, exam), hold(kube, night)]);
      t.strictSame(await seen(), held);
      if (first === last) await Promise.all([letGo(kube, night), letGo(kube, exam)]);
      else {
        await letGo(kube, first);
        t.strictSame(await seen(), held, `it is held for the ${last.by} yet`);
        await letGo(kube, last);
      }
      t.strictSame(await seen(), before);
    }
    const mark = async (text: string, replicas: number) => {
      await hold(kube, night);
      await kube.merge(kinds.statefulSet, 'web', namespace, {
        metadata: { annotations: { 'knot/before-night': text } },
        spec: { replicas },
      });
      await letGo(kube, night);
      return (await seen())['web'];
    };
    t.equal(
      await mark('99999999999999999999', 0),
      '1 false',
      'what somebody wrote into the mark keeps nobody from running',
    );
    t.equal(await mark('; rm', 0), '1 false');
    t.equal(await mark('2', 3), '3 false', 'what was begun by hand stays as it is');
  });

  t.test('a Lease changes hands when who leads ends', async (t) => {
    const take = (told: string[]) =>
      takeLease(kube, {
        ...{ namespace: 'default', name: 'writer', log: silentLog },
        onLead: () => void told.push('leads'),
        onLose: () => void told.push('stopped'),
      });
    const told: string[][] = [[], []];
    const first = take(told[0]!);
    t.teardown(() => first.close());
    await eventually('one leads', () => first.isLeader());
    const second = take(told[1]!);
    t.teardown(() => second.close());
    await eventually('the other knows', () => second.holder() === first.holder());
    await first.close();
    await eventually('the other leads', () => second.isLeader());
    t.strictSame(told, [['leads', 'stopped'], ['leads']]);
  });

  t.test(
    'while the database of the cluster is full nothing can be written, which is said, and nobody leads',
    async (t) => {
      const lease = takeLease(kube, {
        ...{ namespace: 'default', name: 'full', log: silentLog, durationMs: 3_000 },
        onLead: () => undefined,
        onLose: () => undefined,
      });
      t.teardown(() => lease.close());
      await eventually('it leads', () => lease.isLeader());
      t.match(lease.health(), { name: 'leader', status: 'ok', message: /This gateway/ });
      const database = databaseOf(cluster);
      await database.fill();
      t.teardown(() => database.makeRoom());
      const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'one-more', namespace: 'default' } };
      await t.rejects(kube.apply(map), { code: 'KNOT_KUBE_FULL', remedy: /etcd/ });
      t.match((await kube.list(kinds.configMap, { namespace: 'default' })).items, [], 'reading goes on');
      await eventually('it leads no more', () => !lease.isLeader());
      await eventually('that is told', () => lease.health(0).status === 'failed');
      t.match(lease.health(0), { message: /No gateway[^]* full/, remedy: /etcd/ });
      await database.makeRoom();
      await eventually('it leads again', () => lease.isLeader());
      t.match(lease.health(0), { status: 'ok' });
    },
  );

  t.test('a restart of the API server in the middle of a watch loses nothing', async (t) => {
    const map = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' } });
    const cache = kube.watch<KubeObject>(kinds.configMap, { namespace: 'default' });
    t.teardown(() => cache.close());
    const told: string[] = [];
    await cache.ready;
    cache.onChange((object, type) => void told.push(`${type} ${object.metadata.name}`));
    await kube.create(map('before'));
    await eventually('the first', () => told.length === 1);
    await cluster.apiserver.stop();
    await eventually('it is seen to be away', () => cache.health().lastFault);
    t.ok(cache.get('default', 'before'), 'what was known is still known');
    await t.rejects(kube.get(kinds.configMap, 'before', 'default'), { code: 'KNOT_KUBE_UNREACHABLE' });
    await cluster.apiserver.start();
    await kube.create(map('after'));
    await kube.remove(kinds.configMap, 'before', 'default');
    await eventually(
      () => told.join(),
      () => told.length === 3,
    );
    t.strictSame(told, ['added before', 'added after', 'deleted before']);
    t.match(cache.health(), { isSynced: true, lastFault: undefined });
  });
}
