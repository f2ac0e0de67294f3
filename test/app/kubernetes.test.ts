import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import type { Place } from '../../gateway/provisioning/index.ts';
import { openStore } from '../../gateway/store/index.ts';
import { asGateway } from '../charts/as-gateway.ts';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';
import { startHarbor } from '../contracts/harbor/harbor.ts';
import { eventually } from '../support/eventually.ts';
import { startGateway } from '../support/process/gateway.ts';

const cluster = await startControlPlane(t, { nodes: 0 });
if ('skip' in cluster) t.test('a gateway on a cluster', { skip: cluster.skip }, async () => undefined);
else behaves(cluster);

function behaves(cluster: ControlPlane): void {
  t.test('a gateway on a cluster makes a place for whoever comes, and says how far it is', async (t) => {
    const { kubeconfig } = await asGateway(cluster);
    const harbor = await startHarbor({ withRegistry: false });
    t.teardown(harbor.stop);
    const admin = join(t.testdir({}), 'harbor');
    writeFileSync(admin, harbor.adminPassword);
    const gateway = await startGateway({
      config: {
        engine: 'kubernetes',
        kubernetes: { kubeconfig, graceDays: 0 },
        integrations: {
          jupyterhub: { mode: 'off' },
          harbor: { upstream: harbor.origin, admin: { fromFile: admin } },
        },
        plans: [{ name: 'small', defaultFor: ['people'], cpu: 2, resources: [{ name: 'nvidia.com/gpu', count: 1 }] }],
      },
    });
    t.teardown(() => gateway.stop());
    const add = ['user', 'add', 'ann', '--email', 'ann@example.org', '--password-file', '-'];
    t.equal((await gateway.knot(add, 'correct-horse-staple-7')).status, 0);
    const status = async (): Promise<Place[]> =>
      JSON.parse((await gateway.knot(['provision', 'status', '--json'])).stdout) as Place[];
    const [place] = await eventually('her place', async () => {
      const places = await status();
      return places[0]?.state === 'ready' && places;
    });
    t.match(place, { owner: { name: 'ann' }, namespace: 'knot-ann' });
    const names = await eventually('what Harbor lacks', async () => {
      const { components } = (await (await fetch(`${gateway.ops}/healthz`)).json()) as {
        components: { name: string }[];
      };
      const told = components.map(({ name }) => name);
      return told.includes('harbor:sign-in') && told;
    });
    // Nobody told it to trust the authority of this Knot.
    const wanted = ['cluster-services', 'helm', 'cluster', 'places', 'admission', 'harbor', 'harbor:sign-in'];
    t.strictSame(names.slice(4, -1), wanted);
    const { body: quota } = await cluster.request('/api/v1/namespaces/knot-ann/resourcequotas/knot');
    t.match(quota.spec.hard, { 'limits.cpu': '2', 'requests.nvidia.com/gpu': '1' });
    const folder = `${gateway.data}/files/private/${place!.owner.id}`;
    const { body: volume } = await cluster.request('/api/v1/persistentvolumes/knot-ann.knot-private');
    t.equal(volume.spec.hostPath.path, folder, 'her files as the dashboard has them');
    t.ok(existsSync(folder), 'and there before a pod asks for them');

    // Her pods pull the images of her project with no further word.
    const account = await cluster.request('/api/v1/namespaces/knot-ann/serviceaccounts/default');
    t.match(account.body, { imagePullSecrets: [{ name: 'knot-harbor' }] });
    const secret = await eventually('a pull secret', async () => {
      const { status, body } = await cluster.request('/api/v1/namespaces/knot-ann/secrets/knot-harbor');
      return status === 200 && body;
    });
    t.equal(secret.type, 'kubernetes.io/dockerconfigjson');
    const { auths } = JSON.parse(Buffer.from(secret.data['.dockerconfigjson'], 'base64').toString());
    const { username, password } = auths[`harbor.localhost:${gateway.port}`];
    await eventually('a robot that has it', () =>
      harbor.state.robots.some((robot) => robot.name === username && robot.secret === password),
    );

    t.match(await gateway.knot(['provision', 'status', 'ann']), {
      status: 0,
      stdout: /knot-ann is ready[^]*Network +done/,
    });
    t.match(await gateway.knot(['provision', 'diff']), { status: 0, stdout: /as it shall be/ });
    t.match(await gateway.knot(['provision', 'status', 'nobody']), { status: 1, stderr: /no person and no team/ });
    const marked = await cluster.request('/api/v1/namespaces/knot-ann/limitranges/knot', {
      method: 'PATCH',
      body: { metadata: { annotations: { 'knot/override': 'the course' } } },
      contentType: 'application/merge-patch+json',
    });
    t.equal(marked.status, 200);
    t.match(await gateway.knot(['provision', 'diff', 'ann']), {
      stdout: /ann +LimitRange\/knot +overridden +the course/,
    });
    t.match(await gateway.knot(['provision', 'run', 'ann']), { status: 0, stdout: /looks at it now/ });
    const asked = await gateway.knot(['provision', 'run', 'ann', '--json']);
    t.match(JSON.parse(asked.stdout), { asked: 'user:ann' });

    // A rule takes the files of her team from her programs, though neither she nor the team has changed.
    t.equal((await gateway.knot(['team', 'add', 'chemistry', '--title', 'Chemistry', '--manager', 'ann'])).status, 0);
    const claimIs = (wanted: number) =>
      eventually(`a claim on the files of her team: ${wanted}`, async () => {
        const { status } = await cluster.request(
          '/api/v1/namespaces/knot-ann/persistentvolumeclaims/knot-team-chemistry',
        );
        return status === wanted;
      });
    await claimIs(200);
    const store = await openStore({
      url: `sqlite:${join(gateway.data, 'knot.db')}`,
      clock: systemClock,
      log: silentLog,
    });
    t.teardown(() => store.close());
    const looksAtAll = async (): Promise<number> =>
      (
        await store.db
          .selectFrom('changes')
          .select('id')
          .where('topic', '=', 'place-wishes')
          .where('key', '=', '*')
          .execute()
      ).length;
    t.equal(await looksAtAll(), 0);
    writeFileSync(
      join(gateway.policies, 'closed.cedar'),
      '@id("closed") forbid (principal, action == Action::"writeFiles", resource == FileArea::"team/chemistry");\n',
    );
    // At once: what is looked at again and again would see it, too, but a minute later.
    await eventually('all places are to be looked at', async () => (await looksAtAll()) > 0);
    await claimIs(404);
  });

  t.test('it starts while the cluster is away, and says so', async (t) => {
    await cluster.apiserver.stop();
    const { kubeconfig } = cluster;
    const gateway = await startGateway({
      config: { engine: 'kubernetes', kubernetes: { kubeconfig }, integrations: { jupyterhub: { mode: 'off' } } },
    });
    t.teardown(() => gateway.stop());
    await gateway.line(/the cluster does not answer as it should/);
    t.match(gateway.output(), /ready https:/);
  });
}
