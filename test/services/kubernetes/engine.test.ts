import t from 'tap';
import { kinds } from '../../../gateway/kube/index.ts';
import type { Engine } from '../../../gateway/services/index.ts';
import type { Service } from '../../../gateway/services/service.ts';
import { startControlPlane } from '../../cluster/control-plane.ts';
import { databaseOf } from '../../cluster/full.ts';
import { eventually } from '../../support/eventually.ts';
import { survivesKills } from './helm-killed.ts';
import { openKubernetesEngine, web } from './house.ts';
import { restsAndRuns } from './rests.ts';
import { tellsUnknownKinds } from './unknown-kinds.ts';

const phase = (engine: Engine, service: Service, wanted: string, revision = service.revision) =>
  eventually(`the engine sees it ${wanted}`, async () => {
    const seen = engine.observe(service);
    return seen.phase === wanted && ('revision' in seen ? seen.revision === revision : true);
  });

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
      const deployment = await kube.get(kinds.deployment, one.name, namespace);
      t.match(deployment, { spec: { replicas: 2 } }, 'with as many as there were');
      await engine.stop(one);
      await engine.remove(one);
      await eventually('nothing is left', async () => (await left(one)).length === 0);
      t.strictSame((await account.rights()).refused, [], 'it asked for nothing that the chart gives it no right to');
    },
  );

  t.test(
    'what its chart lets rest, and what somebody suspended, rests on after a stop; a place that is paused meanwhile neither wakes it nor is woken by it',
    async (t) => restsAndRuns(t, await openKubernetesEngine(t, cluster), phase),
  );

  t.test('what keeps it from running is told within seconds, with what to do', async (t) => {
    const { engine, service } = await openKubernetesEngine(t, cluster);
    // As of an image whose pull never ends: the kubelet says nothing.
    const silent = await service(web({ image: 'hang.test/web:1' }));
    await engine.start(silent);
    const told: [image: string, wanted: object][] = [
      [
        'missing.test/none:1',
        { phase: 'gone', cause: { code: 'no-image', what: 'There is no image missing.test/none:1.' } },
      ],
      ['crash.test/web:1', { phase: 'gone', cause: { code: 'ended', what: 'Its program ended with exit code 1.' } }],
    ];
    await Promise.all(
      told.map(async ([image, wanted]) => {
        const one = await service(web({ image }));
        await engine.start(one);
        await phase(engine, one, 'gone');
        t.match(engine.observe(one), wanted);
        t.match(engine.steps(one).at(-1), { name: 'answer', state: 'waiting' });
        await engine.stop(one);
        t.strictSame(engine.observe(one), { phase: 'absent' }, 'what was given up runs no more');
      }),
    );
    const late = await service(web({ container: 'resources: { limits: { nvidia.com/gpu: 1 } }' }));
    await engine.start(late);
    await eventually('it waits', async () => 'cause' in engine.observe(late));
    t.match(engine.observe(late), {
      phase: 'starting',
      cause: { code: 'waits', what: /waits for 1 nvidia\.com\/gpu/ },
    });
    const gpus = async (count: number) => {
      const { id: _, ...candidate } = await service(
        web({ container: `resources: { limits: { nvidia.com/gpu: ${count} } }` }),
      );
      return engine.obstacles(candidate);
    };
    const free = (count: number) =>
      eventually(`${count} free`, async () => (await engine.accelerators!())[0]?.free === count);
    await cluster.addNode('with-gpu', { 'nvidia.com/gpu': '1' });
    await phase(engine, late, 'running');
    await free(0);
    t.match(await gpus(1), [{ isWait: true, message: 'It waits for 1 nvidia.com/gpu: 0 of 1 are free.' }]);
    await engine.stop(late);
    await free(1);
    t.strictSame(await gpus(1), []);
    await eventually('a word about what nothing is heard of', () => 'cause' in engine.observe(silent));
    t.match(engine.observe(silent), { phase: 'starting', cause: { code: 'not-begun-yet', what: /./, remedy: /./ } });
    await engine.stop(silent);
    t.strictSame(engine.observe(silent), { phase: 'absent' });
  });

  t.test('quota, Pod Security and kinds that are not there are told before anything is made', async (t) => {
    const { engine, namespace, service } = await openKubernetesEngine(t, cluster);
    await cluster.apply(
      {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: namespace, labels: { 'pod-security.kubernetes.io/enforce': 'baseline' } },
      },
      {
        apiVersion: 'v1',
        kind: 'ResourceQuota',
        metadata: { name: 'q', namespace },
        spec: { hard: { 'requests.cpu': '1' } },
      },
    );
    await eventually('the quota counts', async () => {
      const { body } = await cluster.request(`/api/v1/namespaces/${namespace}/resourcequotas/q`);
      return body.status?.hard !== undefined;
    });
    const asking = async (more: string) => {
      const { id: _, ...candidate } = await service(web({ container: more }));
      return engine.obstacles(candidate);
    };
    t.strictSame(await asking('resources: { requests: { cpu: 500m } }'), []);
    t.match(await asking('resources: { requests: { cpu: 3 } }'), [
      {
        field: 'template',
        message: /plan of its owner has no room for it: it asks for 3 processors, of 1 processor in all/,
      },
    ]);
    t.match(
      await asking('resources: { requests: { cpu: 1m } }, securityContext: { capabilities: { add: [SYS_ADMIN] } }'),
      [{ field: 'template', message: /Pod Security baseline.*non-default capabilities/ }],
    );
    t.match(await engine.obstacles(await service(web({ more: '---\n{{ fail "the folder is missing" }}' }))), [
      { message: 'Its template says: the folder is missing' },
    ]);
    t.match(await engine.obstacles(await service(web({ more: '---\n{{ .Values.a.b.c }}' }))), [
      { message: /Its template has a mistake in web\/templates\/web\.yaml on line \d+/ },
    ]);
    t.match(
      await engine.obstacles(
        await service(web({ more: '---\napiVersion: v1\nkind: Namespace\nmetadata: { name: x }' })),
      ),
      [{ message: /may not have namespaces/ }],
    );
    const many =
      '{{ range until 10000 }}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: c{{ . }} }\n{{ end }}';
    t.match(await engine.obstacles(await service(web({ more: many }))), [{ message: /a service may have 200/ }]);
    t.match(await engine.obstacles(await service({ 'templates/a.yaml': '{{ if false }}a{{ end }}' })), [
      { message: /renders nothing/ },
    ]);
    t.match(
      await engine.obstacles(
        await service(
          web({
            more: `---\napiVersion: v1\nkind: Secret\nmetadata: { name: sh.helm.release.v1.x.v1 }\ntype: helm.sh/release.v1`,
          }),
        ),
      ),
      [{ message: /pretends to be a release/ }],
    );
  });

  t.test(
    'it is upgraded and goes back; what a failed attempt added is gone then, and what somebody changed by hand too',
    async (t) => {
      const { engine, kube, namespace, service, left } = await openKubernetesEngine(t, cluster);
      const one = await service(web());
      await engine.start(one);
      await phase(engine, one, 'running');
      await kube.merge(kinds.deployment, one.name, namespace, {
        spec: { replicas: 3 },
        metadata: { labels: { by: 'hand' } },
      });
      await kube.remove(kinds.configMap, one.name, namespace);
      const extra =
        '---\napiVersion: v1\nkind: Service\nmetadata: { name: extra-{{ .Release.Name }} }\nspec: { selector: { app: x }, ports: [{ port: 1 }] }\n';
      const bad =
        '---\napiVersion: batch/v1\nkind: Job\nmetadata: { name: job-{{ .Release.Name }}, annotations: { helm.sh/hook: post-upgrade } }\nspec: { backoffLimit: 0, template: { spec: { restartPolicy: Never, containers: [{ name: a, image: fail.test/a:1 }] } } }\n';
      const two = { ...one, revision: 2, template: (await service(web({ more: extra + bad }))).template };
      await engine.start(two);
      await phase(engine, two, 'gone');
      t.match(engine.observe(two), { cause: { code: 'hook' } });
      t.ok((await left(one)).includes(`service/extra-${one.name}`), 'it added something');
      await engine.stop(two);
      const three = { ...one, revision: 3 };
      await engine.start(three);
      await phase(engine, three, 'running');
      t.notOk(
        (await left(one)).some((name) => /extra|job/.test(name)),
        (await left(one)).join(' '),
      );
      t.match(await kube.get(kinds.configMap, one.name, namespace), { data: { host: `${one.name}-ann.example.org` } });
      t.match(await kube.get(kinds.deployment, one.name, namespace), { spec: { replicas: 1 } });
      await engine.stop(three);
      await engine.remove(three);
      t.strictSame(await left(one), [], 'nothing is left, of hooks neither');
    },
  );

  t.test('what Helm forgets is not forgotten: releases that somebody removed, and what hooks made', async (t) => {
    const { engine, kube, namespace, service, left } = await openKubernetesEngine(t, cluster);
    const hook =
      '---\napiVersion: apps/v1\nkind: Deployment\nmetadata: { name: made-{{ .Release.Name }}, annotations: { helm.sh/hook: post-install } }\nspec: { selector: { matchLabels: { app: made } }, template: { metadata: { labels: { app: made } }, spec: { containers: [{ name: a, image: registry.test/a:1 }] } } }\n';
    const one = await service(web({ more: hook }));
    await engine.start(one);
    await phase(engine, one, 'running');
    const releases = { namespace, labels: `owner=helm,name=${one.name}` };
    const records = (await kube.list(kinds.secret, releases)).items;
    t.ok(records.length > 0);
    for (const { metadata } of records) await kube.remove(kinds.secret, metadata.name, namespace);
    t.match(engine.observe(one), { phase: 'running' }, 'it runs, whatever Helm knows of it');
    const two = { ...one, revision: 2, values: { say: 'more' } };
    await engine.start(two);
    await phase(engine, two, 'running');
    t.match(await kube.get(kinds.configMap, one.name, namespace), { data: { say: 'more' } });
    await engine.stop(two);
    await engine.remove(two);
    await eventually('nothing is left', async () => (await left(two)).length === 0);
  });

  t.test('a hook that hangs does not keep it from being stopped and removed', async (t) => {
    const { engine, service, left } = await openKubernetesEngine(t, cluster);
    const hook = (moment: string) =>
      `---\napiVersion: batch/v1\nkind: Job\nmetadata: { name: ${moment}-{{ .Release.Name }}, annotations: { helm.sh/hook: ${moment} } }\nspec: { template: { spec: { restartPolicy: Never, containers: [{ name: a, image: hang.test/a:1 }] } } }\n`;
    const one = await service(web({ more: hook('pre-install') }));
    await engine.start(one);
    await eventually('the hook is there', async () => (await left(one)).some((name) => name.includes('pre-install')));
    t.match(engine.observe(one), { phase: 'starting' });
    await engine.stop(one);
    t.strictSame(engine.observe(one), { phase: 'absent' });
    await engine.remove(one);
    await eventually('nothing is left', async () => (await left(one)).length === 0);
  });

  t.test(
    'a gateway that is killed while Helm works is followed by one that goes on; while it lives, nobody else does',
    async (t) => {
      const first = await openKubernetesEngine(t, cluster, { run: 'first' });
      const { namespace, folder } = first;
      const hook =
        '---\napiVersion: batch/v1\nkind: Job\nmetadata: { name: wait-{{ .Release.Name }}, annotations: { helm.sh/hook: {{ .Values.moment }} } }\nspec: { template: { spec: { restartPolicy: Never, containers: [{ name: a, image: {{ .Values.hook | quote }} }] } } }\n';
      const one = await first.service(web({ more: hook }), {
        values: { moment: 'post-install', hook: 'hang.test/a:1' },
      });
      await first.engine.start(one);
      await eventually('Helm works', async () => (await first.left(one)).some((name) => name.includes('wait-')));
      let isAlive = true;
      const second = await openKubernetesEngine(t, cluster, {
        run: 'second',
        namespace,
        folder,
        isAlive: async (run) => run === 'first' && isAlive,
      });
      const next = { ...one, revision: 2, values: { moment: 'post-install', hook: 'registry.test/a:1' } };
      await second.engine.start(next);
      await phase(second.engine, next, 'gone');
      t.match(second.engine.observe(next), { cause: { code: 'busy' } }, 'what another works on is left alone');
      // Its Helm is killed with it: what it was at is left as it is.
      await first.engine.close();
      isAlive = false;
      const third = { ...next, revision: 3 };
      await second.engine.start(third);
      await phase(second.engine, third, 'running');
      await second.engine.stop(third);
      await second.engine.remove(third);
      await eventually('nothing is left', async () => (await second.left(third)).length === 0);
    },
  );

  t.test('Helm is killed after each of its writes, and what it was at is done all the same', (t) =>
    survivesKills(t, cluster),
  );

  t.test('a kind that the cluster does not know is told, and is no obstacle any more when it does', (t) =>
    tellsUnknownKinds(t, cluster),
  );

  t.test('what passes by itself ends nothing: a webhook that is not trusted, a database that is full', async (t) => {
    const { engine, kube, namespace, service } = await openKubernetesEngine(t, cluster);
    const name = `broken-${namespace}`;
    const webhook = {
      ...{ name: 'pods.broken.test', sideEffects: 'None', admissionReviewVersions: ['v1'], timeoutSeconds: 1 },
      clientConfig: { url: 'https://127.0.0.1:1/' },
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
      rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
    };
    const kind = { ...kinds.mutatingWebhook };
    await cluster.apply({
      ...{ apiVersion: kind.apiVersion, kind: kind.kind, metadata: { name }, webhooks: [webhook] },
    });
    t.teardown(() => kube.remove(kind, name));
    const one = await service(web());
    await engine.start(one);
    const seen = await eventually('why it does not start', async () => {
      const now = engine.observe(one);
      return 'cause' in now && now.cause !== undefined && now;
    });
    t.match(seen, { phase: 'starting', cause: { code: 'webhook' } }, 'it is not given up');
    await kube.remove(kind, name);
    await phase(engine, one, 'running');

    const database = databaseOf(cluster);
    await database.fill();
    t.teardown(() => database.makeRoom());
    const two = await service(web());
    t.match(await engine.obstacles(two), [], 'nothing is written by a look');
    await engine.start(two);
    const full = await eventually('why it was not made', async () => {
      const now = engine.observe(two);
      return now.phase === 'gone' && now;
    });
    t.match(full, { cause: { code: 'full', what: /database of the cluster is full/ } });
    await database.makeRoom();
    await engine.start({ ...two, revision: 2 });
    await phase(engine, { ...two, revision: 2 }, 'running');
    for (const each of [one, two]) await engine.remove(each);
  });

  t.test('a release of that name that is somebody else’s is not touched', async (t) => {
    const { engine, kube, namespace, service } = await openKubernetesEngine(t, cluster);
    await cluster.apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: 'sh.helm.release.v1.mine.v1',
        namespace,
        labels: { owner: 'helm', name: 'mine', status: 'deployed', version: '1' },
      },
      type: 'helm.sh/release.v1',
      stringData: { release: 'no release at all' },
    });
    const { id, ...candidate } = await service(web(), { name: 'mine' });
    t.match(await engine.obstacles(candidate), [{ field: 'name', message: /Helm release of that name/ }]);
    const one = { ...candidate, id };
    await engine.start(one);
    await phase(engine, one, 'gone');
    t.match(engine.observe(one), { cause: { code: 'name-taken' } });
    await engine.remove(one);
    t.ok(await kube.get(kinds.secret, 'sh.helm.release.v1.mine.v1', namespace), 'it is there as it was');
  });
}
