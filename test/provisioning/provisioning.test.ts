import t, { type Test } from 'tap';
import { asGateway } from '../charts/as-gateway.ts';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';
import { databaseOf } from '../cluster/full.ts';
import { eventually } from '../support/eventually.ts';
import { leaves } from './leaving.ts';
import { lookingAt } from './looking.ts';
import { movesFiles } from './moves.ts';
import { left, openPlaces, watched } from './places.ts';
import { comesBack } from './removed-by-hand.ts';

const cluster = await startControlPlane(t, { nodes: 0 });
if ('skip' in cluster) t.test('places in a cluster', { skip: cluster.skip }, async () => undefined);
else await behaves(cluster);

async function behaves(cluster: ControlPlane): Promise<void> {
  const { request } = cluster;
  const way = await asGateway(cluster);
  const open = (t: Test, given?: Parameters<typeof openPlaces>[2]) => openPlaces(t, way, given);

  const { become, of, inNamespace, patch, shapeOf } = lookingAt(cluster);

  t.test('a person gets a place, step by step, in few calls, and a second look writes nothing', async (t) => {
    const { open: start, person, kube, acts } = await open(t);
    const ann = await person('ann');
    const first = watched(kube);
    const provisioning = start(first.kube);
    await provisioning.start();
    const place = await become(provisioning, ann.id, 'ready');
    t.equal(place.namespace, 'knot-ann');
    t.strictSame(
      place.steps.map(({ name, state }) => `${name} ${state}`),
      ['namespace', 'accounts', 'limits', 'network', 'files', 'rights', 'tidy', 'workloads'].map(
        (name) => `${name} done`,
      ),
    );
    // Until the claims are bound it looks again, which costs reads only.
    t.ok(first.seen.writes.length <= 20, `${first.seen.writes.length} writes: ${first.seen.writes.join(', ')}`);
    t.comment(`${first.seen.calls} calls, ${first.seen.writes.length} of them writes`);
    t.equal((await inNamespace('knot-ann', 'persistentvolumeclaims', 'knot-private')).status.phase, 'Bound');
    await provisioning.close();

    const second = watched(kube);
    const again = start(second.kube);
    await again.start();
    t.strictSame(second.seen.writes, []);
    t.ok(second.seen.calls <= 10, `one list of each kind: ${second.seen.calls} calls`);
    t.strictSame(await again.differences(ann.id), [], 'the amounts and parts are as the API server writes them');
    t.strictSame(await acts('user:ann'), [], 'making it is no repair');
  });

  t.test('what somebody else changed is put right and recorded; what an administrator took over is left', async (t) => {
    const { open: start, person, acts } = await open(t);
    const bea = await person('bea');
    const provisioning = start();
    await provisioning.start();
    await become(provisioning, bea.id, 'ready');
    const namespace = '/api/v1/namespaces/knot-bea';
    const policies = '/apis/networking.k8s.io/v1/namespaces/knot-bea/networkpolicies';
    await patch('/api/v1/namespaces/knot-bea', {
      metadata: { labels: { 'knot/owner-id': null, 'app.kubernetes.io/managed-by': null } },
    });
    await patch(`${namespace}/resourcequotas/knot`, { spec: { hard: { pods: '1k', 'requests.cpu': '4' } } });
    await patch(`${policies}/knot-deny`, { spec: { ingress: [{}] } });
    await request(`/apis/rbac.authorization.k8s.io/v1/namespaces/knot-bea/rolebindings/knot-user`, {
      method: 'DELETE',
    });
    await request(`${namespace}/persistentvolumeclaims/knot-shared`, { method: 'DELETE' });
    await patch(`${policies}/knot-world`, {
      metadata: { annotations: { 'knot/override': 'no world during the exam' } },
      spec: { egress: [] },
    });
    // It is seen by watching: nobody asks for a look.
    let left = '';
    await eventually(
      () => `a repair of all of it: ${left}`,
      async () => {
        const off = (await provisioning.differences(bea.id)) ?? [];
        left = off.map(({ is, key }) => `${is} ${key}`).join();
        return left === 'overridden NetworkPolicy/knot-world';
      },
    );
    const place = await eventually('that it is told', async () => {
      const found = await provisioning.find(bea.id);
      return found?.state === 'ready' && found.overrides.length > 0 && found;
    });
    t.strictSame(place.overrides, [{ object: 'NetworkPolicy/knot-world', reason: 'no world during the exam' }]);
    t.strictSame(Object.keys((await of(`${policies}/knot-deny`)).spec).sort(), ['podSelector', 'policyTypes']);
    t.notOk('requests.cpu' in (await of(`${namespace}/resourcequotas/knot`)).spec.hard);
    await eventually(
      'its claim with the volume it had',
      async () => (await of(`${namespace}/persistentvolumeclaims/knot-shared`)).status?.phase === 'Bound',
    );
    t.match((await acts('user:bea')).at(-1), 'place.repaired');
  });

  t.test("a namespace of that name that is not ours is refused, and taken by an admin's mark only", async (t) => {
    await cluster.apply({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'knot-carl', labels: { mine: 'yes' } },
    });
    const { open: start, person, acts } = await open(t);
    const carl = await person('carl');
    const dora = await person('dora');
    const provisioning = start();
    await provisioning.start();
    const { steps } = await become(provisioning, carl.id, 'failed');
    t.match(steps[0], { state: 'failed', cause: /not Knot's.*kubectl annotate namespace knot-carl knot\/adopt=carl/ });
    t.match(provisioning.health(), [{ status: 'warning', message: /carl/ }]);
    t.strictSame((await inNamespace('knot-carl', 'serviceaccounts')).items.length, 1, 'nothing was put into it');
    await become(provisioning, dora.id, 'ready');
    await patch('/api/v1/namespaces/knot-carl', { metadata: { annotations: { 'knot/adopt': 'somebody' } } });
    await become(provisioning, carl.id, 'failed');
    await patch('/api/v1/namespaces/knot-carl', { metadata: { annotations: { 'knot/adopt': 'carl' } } });
    await become(provisioning, carl.id, 'ready');
    const { metadata } = await of('/api/v1/namespaces/knot-carl');
    t.match(metadata.labels, { mine: 'yes', 'knot/owner-id': carl.id });
    t.notOk(metadata.annotations?.['knot/adopt'], 'the mark is used up');
    t.strictSame(await acts('user:carl'), ['place.adopted']);
    t.match(provisioning.health(), [{ status: 'ok' }]);
  });

  t.test('a plan changes the quota, and taking it back takes away what it limited', async (t) => {
    const { open: start, person, plans, actor, acts } = await open(t);
    const ed = await person('ed');
    const provisioning = start();
    await provisioning.start();
    await become(provisioning, ed.id, 'ready');
    const hard = async () => (await of('/api/v1/namespaces/knot-ed/resourcequotas/knot')).spec.hard;
    const owner = { kind: 'user', id: ed.id, name: 'ed', title: 'ed' } as const;
    await plans.give(owner, 'small', { actor: actor.name });
    await eventually('the quota of the plan', async () => (await hard())['limits.memory'] === '4Gi');
    await plans.give(owner, null, { actor: actor.name });
    await eventually('no such quota', async () => !('limits.memory' in (await hard())));
    t.equal((await hard())['services.loadbalancers'], '0');
    t.strictSame(await acts('user:ed'), [], 'what we wanted ourselves is no repair');
  });

  t.test('what a release before this one made, and none wants any more, is taken away', async (t) => {
    const { open: start, person } = await open(t);
    const otto = await person('otto');
    const provisioning = start();
    await provisioning.start();
    await become(provisioning, otto.id, 'ready');
    const labels = (await of('/api/v1/namespaces/knot-otto')).metadata.labels as Record<string, string>;
    await cluster.apply(...left('knot-otto', labels));
    await provisioning.ask(otto.id);
    const isLeft = async () => (await shapeOf('knot-otto', 'otto', otto.id)).filter((one) => /earlier/.test(one));
    await eventually('all of it is gone', async () => (await isLeft()).length === 0);
  });

  t.test('who joins a team has its files, and who leaves it has them no more, whatever still uses them', async (t) => {
    const { open: start, person, accounts, actor } = await open(t);
    const fay = await person('fay');
    const team = await accounts.createTeam({ name: 'physics', title: 'Physics' }, actor);
    const provisioning = start();
    await provisioning.start();
    await become(provisioning, team.id, 'ready');
    await become(provisioning, fay.id, 'ready');
    const claims = async (): Promise<string[]> =>
      (await inNamespace('knot-fay', 'persistentvolumeclaims')).items
        .map(({ metadata }: { metadata: { name: string } }) => metadata.name)
        .sort();
    t.strictSame(await claims(), ['knot-private', 'knot-shared']);
    await accounts.setMember(team.id, fay.id, 'member', actor);
    await eventually('the claim', async () => (await claims()).includes('knot-team-physics'));
    await become(provisioning, fay.id, 'ready');
    await cluster.apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'keeps', namespace: 'knot-fay' },
      spec: {
        containers: [{ name: 'main', image: 'registry.test/web:1' }],
        volumes: [{ name: 'team', persistentVolumeClaim: { claimName: 'knot-team-physics' } }],
      },
    });
    // Whoever may write claims can take our labels off.
    await patch('/api/v1/namespaces/knot-fay/persistentvolumeclaims/knot-team-physics', {
      metadata: { labels: { 'knot/owner-id': null, 'app.kubernetes.io/managed-by': null } },
    });
    await accounts.removeMember(team.id, fay.id, actor);
    await eventually('no claim', async () => !(await claims()).includes('knot-team-physics'));
    await eventually('no pod', async () => (await inNamespace('knot-fay', 'pods')).items.length === 0);
    await eventually(
      'no volume',
      async () => (await request('/api/v1/persistentvolumes/knot-fay.knot-team-physics')).status === 404,
    );
    await become(provisioning, fay.id, 'ready');
    t.equal((await request('/api/v1/persistentvolumes/knot-team-physics.knot-team-physics')).status, 200);
  });

  t.test('a gateway that cannot open files gives none, and says so', async (t) => {
    const { open: start, person, kube } = await open(t);
    const nofa = await person('nofa');
    const provisioning = start(kube, { hasFiles: false });
    await provisioning.start();
    const place = await become(provisioning, nofa.id, 'failed');
    const files = place.steps.find(({ name }) => name === 'files');
    t.match(files, { state: 'failed', cause: /cannot open files/ });
    await provisioning.close();
  });

  t.test('files that lie elsewhere now are connected anew, once nothing uses them where they were', async (t) =>
    movesFiles(t, cluster, await open(t)),
  );

  t.test('of who is disabled nothing runs; what ran comes back as it was', async (t) => {
    const { open: start, person, accounts, actor, acts } = await open(t);
    await person('gail');
    const hal = await person('hal');
    const provisioning = start();
    await provisioning.start();
    await become(provisioning, hal.id, 'ready');
    const template = {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'main', image: 'registry.test/web:1' }] },
    };
    const metadata = { name: 'web', namespace: 'knot-hal' };
    const job = { template: { spec: { ...template.spec, restartPolicy: 'Never' } } };
    await cluster.apply(
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata,
        spec: { replicas: 3, selector: { matchLabels: { app: 'web' } }, template },
      },
      {
        apiVersion: 'batch/v1',
        kind: 'CronJob',
        metadata,
        spec: { schedule: '0 0 * * *', jobTemplate: { spec: job } },
      },
      { apiVersion: 'batch/v1', kind: 'Job', metadata, spec: job },
      { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name: 'alone' }, spec: template.spec },
    );
    const pods = async () => (await inNamespace('knot-hal', 'pods')).items.length;
    await eventually('five pods', async () => (await pods()) === 5);
    await accounts.setState(hal.id, 'disabled', actor);
    await become(provisioning, hal.id, 'paused');
    await eventually('no pods', async () => (await pods()) === 0);
    t.equal((await of('/apis/apps/v1/namespaces/knot-hal/deployments/web')).spec.replicas, 0);
    t.equal((await of('/apis/batch/v1/namespaces/knot-hal/cronjobs/web')).spec.suspend, true);
    t.strictSame((await of('/apis/rbac.authorization.k8s.io/v1/namespaces/knot-hal/rolebindings')).items, []);
    t.equal((await inNamespace('knot-hal', 'persistentvolumeclaims')).items.length, 2, 'the files stay connected');
    await accounts.setState(hal.id, 'active', actor);
    await become(provisioning, hal.id, 'ready');
    t.equal((await of('/apis/apps/v1/namespaces/knot-hal/deployments/web')).spec.replicas, 3);
    t.equal((await of('/apis/batch/v1/namespaces/knot-hal/cronjobs/web')).spec.suspend, false);
    await eventually('the pods of before', async () => (await pods()) === 4);
    t.strictSame(await acts('user:hal'), ['place.resumed', 'place.paused']);
  });

  t.test('of who is deleted nothing is left after the time of grace, and what holds that up is named', async (t) => {
    const argo = { upstream: 'http://127.0.0.1:2746', title: 'Workflows', namespace: 'argo', auth: 'token' } as const;
    await leaves(t, cluster, await open(t, { config: { integrations: { argo } } }));
  });

  t.test('a namespace that was deleted by hand is told while it hangs, and made anew', async (t) =>
    comesBack(t, cluster, await open(t)),
  );

  t.test('whoever acts as the person cannot touch what bounds them, nor anybody else', async (t) => {
    const { open: start, person } = await open(t);
    const [jo, kim] = [await person('jo'), await person('kim')];
    const provisioning = start();
    await provisioning.start();
    for (const { id } of [jo, kim]) await become(provisioning, id, 'ready');
    const token = await cluster.serviceAccountToken('knot-jo', 'knot-user');
    const asJo = async (method: string, path: string, body?: unknown) =>
      (
        await request(path, {
          method,
          token,
          ...(body !== undefined && {
            body,
            contentType: method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
          }),
        })
      ).status;
    const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces/knot-jo/rolebindings';
    const policies = '/apis/networking.k8s.io/v1/namespaces/knot-jo/networkpolicies';
    const change = { metadata: { labels: { a: 'b' } } };
    const refused: [string, string, unknown?][] = [
      [
        'PATCH',
        '/api/v1/namespaces/knot-jo',
        { metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'privileged' } } },
      ],
      ['DELETE', '/api/v1/namespaces/knot-jo'],
      ['PATCH', '/api/v1/namespaces/knot-jo/resourcequotas/knot', change],
      ['DELETE', '/api/v1/namespaces/knot-jo/limitranges/knot'],
      ['DELETE', `${policies}/knot-deny`],
      ['POST', policies, { metadata: { name: 'open' }, spec: { podSelector: {}, ingress: [{}] } }],
      ['PATCH', `${rbac}/knot-user`, change],
      [
        'POST',
        rbac,
        {
          metadata: { name: 'more' },
          roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
        },
      ],
      ['POST', '/api/v1/namespaces/knot-jo/serviceaccounts', { metadata: { name: 'mine' } }],
      ['POST', '/api/v1/namespaces/knot-jo/serviceaccounts/knot-notebook/token', {}],
      ['GET', '/api/v1/namespaces/knot-kim/secrets'],
      ['GET', '/api/v1/namespaces/knot-kim/pods'],
      ['GET', '/api/v1/persistentvolumes'],
      ['GET', '/api/v1/namespaces'],
    ];
    for (const [method, path, body] of refused) t.equal(await asJo(method, path, body), 403, `${method} ${path}`);
    t.equal(await asJo('GET', '/api/v1/namespaces/knot-jo/resourcequotas/knot'), 200);
    t.equal(await asJo('POST', '/api/v1/namespaces/knot-jo/configmaps', { metadata: { name: 'mine' } }), 201);
  });

  t.test('a run that is ended after any write is followed by one that does the rest', async (t) => {
    const { open: start, person, kube, accounts, actor } = await open(t);
    const whole = await person('whole');
    const first = watched(kube);
    const provisioning = start(first.kube);
    await provisioning.start();
    await become(provisioning, whole.id, 'ready');
    await provisioning.close();
    const reference = await shapeOf('knot-whole', 'whole', whole.id);
    const names = first.seen.writes.map((_, index) => `p${index + 1}`);
    for (const [index, name] of names.entries()) {
      const { id } = await person(name);
      const dying = watched(kube, { killAfter: index + 1 });
      const killed = start(dying.kube);
      await killed.start();
      t.ok(dying.seen.isDead, `ended after ${dying.seen.writes.at(-1)}`);
      await killed.close();
      const next = start();
      await next.start();
      await become(next, id, 'ready');
      t.strictSame(await shapeOf(`knot-${name}`, name, id), reference);
      await next.close();
    }
    // And the same where it ends what runs.
    const pausing = await person('pausing');
    const next = start();
    await next.start();
    await become(next, pausing.id, 'ready');
    await next.close();
    await accounts.setState(pausing.id, 'disabled', actor);
    for (let writes = 1; ; writes += 1) {
      const dying = watched(kube, { killAfter: 1 });
      const killed = start(dying.kube);
      await killed.start();
      await killed.close();
      if (!dying.seen.isDead) break;
      t.ok(writes < 20, dying.seen.writes.join());
    }
    const last = start();
    await last.start();
    await become(last, pausing.id, 'paused');
  });

  t.test('it asked for nothing that the chart gives it no right to, and took away what it may', async (t) => {
    // Before the API server is started again, which knows of no roles for a moment then.
    const { refused, neverUsed } = await way.rights();
    t.strictSame(refused, []);
    // Whatever of a place may be taken away was, in a call that the record of the API server shows.
    t.strictSame(
      neverUsed.filter((right) => right.startsWith('delete ') && !/admissionregistration|secrets=/.test(right)),
      [],
    );
  });

  t.test(
    'while the cluster cannot write, or is away, nothing is lost, and what was asked for is done then',
    async (t) => {
      const { open: start, person } = await open(t);
      const lea = await person('lea');
      const provisioning = start();
      await provisioning.start();
      await become(provisioning, lea.id, 'ready');
      const database = databaseOf(cluster);
      await database.fill();
      const mona = await person('mona');
      const [{ cause } = {}] = (await become(provisioning, mona.id, 'failed')).steps;
      t.match(cause, /^The database of the cluster is full/);
      await database.makeRoom();
      await become(provisioning, mona.id, 'ready');
      await cluster.apiserver.stop();
      const mia = await person('mia');
      await eventually('that it is away', () => provisioning.health()[0]?.status === 'failed');
      t.match(provisioning.health(), [{ message: /has not answered/ }]);
      t.match(await provisioning.find(lea.id), { state: 'ready' });
      const why = async () => (await provisioning.find(mia.id))?.steps[0]?.cause;
      t.match(await eventually('why she waits', why), /^The cluster does not answer now/);
      await cluster.apiserver.start();
      // The cluster's own controllers come back in their own time.
      await become(provisioning, mia.id, 'ready');
      t.match(provisioning.health(), [{ status: 'ok' }]);
    },
  );
}
