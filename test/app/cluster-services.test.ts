import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Launched, OwnPlace, ServiceList } from '../../gateway/api/contract.ts';
import { asGateway } from '../charts/as-gateway.ts';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';
import { httpRouteDefinition } from '../cluster/gateway-api.ts';
import { registryMissing, startHarbor } from '../contracts/harbor/harbor.ts';
import { httpRoute, ingress, service } from '../discovery/things.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/net/free-port.ts';
import { openPeople } from '../support/process/people.ts';
import { becomes, launch } from '../support/process/services.ts';
import { launchesPushed, releaseOf } from './pushed-chart.ts';

const cluster = await startControlPlane(t);
if ('skip' in cluster) t.test('services in a cluster', { skip: cluster.skip }, async () => undefined);
else await behaves(cluster);

async function behaves(cluster: ControlPlane): Promise<void> {
  const account = await asGateway(cluster);
  const definition = await httpRouteDefinition();
  const noRegistry = registryMissing();
  const server = await startHarbor({ withRegistry: noRegistry === undefined });
  t.teardown(server.stop);
  const admin = join(cluster.folder, 'harbor-admin');
  writeFileSync(admin, server.adminPassword);
  const at = `127.0.0.1:${await freePort()}`;
  const { gateway, person } = await openPeople(t, {
    config: {
      engine: 'kubernetes',
      kubernetes: {
        ...{ kubeconfig: account.kubeconfig, helm: cluster.programs.helm[0] },
        admission: { listen: at, url: `https://${at}` },
      },
      integrations: {
        jupyterhub: { mode: 'off' },
        harbor: { upstream: server.origin, admin: { fromFile: admin } },
      },
    },
    others: ['joanna'],
  });
  const joanna = await person('joanna');
  await eventually(
    'her place',
    async () =>
      (await cluster.request('/apis/rbac.authorization.k8s.io/v1/namespaces/knot-joanna/rolebindings/knot-user'))
        .status === 200,
  );

  const healthy = async (t: Test) => {
    const { components } = (await (await fetch(`${gateway.ops}/healthz`)).json()) as {
      components: { name: string; status: string; message: string }[];
    };
    for (const name of ['cluster', 'cluster-services', 'places'])
      t.match(
        components.find((one) => one.name === name),
        { status: 'ok' },
        name,
      );
  };

  t.test(
    'what a person launches runs as a release in their namespace, and is told, stopped, started and removed',
    async (t) => {
      const wanted = { template: 'web', name: 'site', values: { folder: '/files/private/public' } };
      await joanna.api('POST', '/files/private/public?op=mkdir', {});
      const checked = await joanna.api('POST', '/services', { ...wanted, dryRun: true });
      t.match(checked.json(), { obstacles: [] }, checked.text);
      const { id } = await launch(joanna, wanted);
      // Until now the cluster does not know HTTPRoutes, which holds nothing up; from now on it does, and nobody starts anything again.
      await healthy(t);
      if (!('skip' in definition)) await cluster.apply(definition);
      const is = (state: string) => becomes(joanna, id, state);
      await is('ready');
      const { config } = (await releaseOf(cluster, 'site', 1))!;
      const registry = `harbor.localhost:${gateway.port}`;
      t.match(config, { knot: { registry: { private: `${registry}/joanna`, shared: `${registry}/library` } } });
      const { body: deployment } = await cluster.request('/apis/apps/v1/namespaces/knot-joanna/deployments/site');
      t.match(deployment, { metadata: { labels: { 'knot/service': id } }, status: { readyReplicas: 1 } });
      await joanna.api('POST', `/services/${id}/stop`, {});
      await is('stopped');
      await joanna.api('POST', `/services/${id}/start`, {});
      await is('ready');
      // Nothing is really in simulated pods: what it would keep for itself is written as if it were.
      const home = `.services/site-${id}`;
      t.equal((await joanna.api('GET', `/services/${id}`)).json<{ home?: string }>().home, home);
      for (const folder of ['.services', home, '.services/others'])
        await joanna.api('POST', `/files/private/${folder}?op=mkdir`, {});
      await joanna.api('POST', `/files/private/${home}/data?op=mkdir`, {});
      await joanna.api('DELETE', `/services/${id}`);
      await eventually(
        'nothing of it is left',
        async () =>
          (await cluster.kubectl(
            'get',
            'all,configmaps,secrets',
            '-n',
            'knot-joanna',
            '-l',
            `knot/service=${id}`,
            '-o',
            'name',
          )) === '',
      );
      await eventually('it is known no more', async () => (await joanna.api('GET', `/services/${id}`)).status === 404);
      const names = (await joanna.api('GET', '/files/private/.services')).json<{ entries: { name: string }[] }>();
      t.strictSame(
        names.entries.map(({ name }) => name),
        ['others'],
        'what it kept for itself is not among her files any more',
      );
      const { trash } = (await joanna.api('GET', '/files/private?list=trash')).json<{ trash: object[] }>();
      t.match(trash, [{ path: home, kind: 'folder', deletedBy: 'Knot, with the service site' }]);
      t.equal((await joanna.api('GET', '/files/private/public')).status, 200, 'and what she chose is');
    },
  );

  t.test(
    'a chart that a person pushes becomes a release in their namespace, by their account there',
    { skip: noRegistry ?? false },
    async (t) => launchesPushed(t, cluster, { gateway, joanna, ann: await person('ann'), server }),
  );

  t.test(
    'what a person applies by hand is reached at the host that it names, told as what it is, and goes with its object',
    { skip: 'skip' in definition ? String(definition.skip) : false },
    async (t) => {
      const inHers = ['-n', 'knot-joanna', '--as=system:serviceaccount:knot-joanna:knot-user'];
      const apply = (...items: object[]) =>
        cluster.kubectlWith(
          { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) },
          ...['apply', '-f', '-', ...inHers],
        );
      const listed = async () => (await joanna.api('GET', '/services')).json<ServiceList>().addresses!;
      const shown = async () => (await listed()).map(({ object, state }) => `${object} ${state}`).sort();
      const becomes = (...wanted: string[]) =>
        eventually(wanted.join(', '), async () => JSON.stringify(await shown()) === JSON.stringify(wanted));
      const host = (name: string) => `${name}-joanna.localhost`;
      const urlOf = (name: string) => `${gateway.origin.replace('localhost', host(name))}/`;
      const labels = { app: 'hand' };
      const container = { name: 'web', image: 'example.org/web:1' };
      await apply(
        {
          ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'hand' } },
          spec: {
            selector: { matchLabels: labels },
            template: { metadata: { labels }, spec: { containers: [container] } },
          },
        },
        service('hand', { selector: labels, ports: [{ port: 80, targetPort: 8080 }] }, 'knot-joanna'),
        ingress('hand', [host('hand')], { to: 'hand', namespace: 'knot-joanna' }),
      );
      await becomes('Ingress hand open');
      const [address] = await listed();
      t.match(address, { owner: { name: 'joanna' }, url: urlOf('hand'), canOpen: true, canView: true });
      const explained = await gateway.knot(['policy', 'explain', '--as', 'joanna', '--url', urlOf('hand')]);
      t.match(explained.stdout, /ALLOW +joanna .*route hand-joanna, .*Service::"joanna\/hand"/s);
      const scale = (replicas: number) =>
        cluster.kubectl('scale', 'deployment/hand', `--replicas=${replicas}`, '-n', 'knot-joanna');
      await scale(0);
      await becomes('Ingress hand waiting');
      t.match((await joanna.visit(urlOf('hand'))).text, 'Nothing answers at this address now.');
      await scale(1);
      await becomes('Ingress hand open');
      const bob = await person('ann');
      t.equal((await bob.visit(urlOf('hand'))).status, 403, 'an admin does not enter what is hers');
      const everybodys = (await bob.api('GET', '/services?owner=*')).json<ServiceList>();
      t.match(everybodys.addresses, [{ object: 'Ingress hand', canOpen: false }], 'but sees that it is there');

      const rule = { backendRefs: [{ name: 'hand', port: 80 }] };
      await apply(
        httpRoute('way', [host('way')], rule, 'knot-joanna'),
        ingress('z-late', [host('way')], { to: 'hand', namespace: 'knot-joanna' }),
      );
      await becomes('HTTPRoute way open', 'Ingress hand open', 'Ingress z-late refused');
      const status = await gateway.knot(['provision', 'status', 'joanna']);
      t.match(status.stdout, /Ingress z-late +way-joanna\.localhost +refused .*HTTPRoute way has this host already/);
      const place = (await joanna.api('GET', '/provisioning/user/joanna')).json<OwnPlace>();
      t.match(
        place.addresses?.find(({ object }) => object === 'Ingress z-late'),
        { reason: /is older/ },
      );
      for (const [what, object] of [
        ['the host of ann', ingress('x', ['x-ann.localhost'], { to: 'hand', namespace: 'knot-joanna' })],
        ['a look-alike', ingress('x', ['x-anna.localhost'], { to: 'hand', namespace: 'knot-joanna' })],
        [
          'what another namespace granted',
          httpRoute(
            'x',
            [host('x')],
            { backendRefs: [{ name: 'web', port: 80, namespace: 'knot-ann' }] },
            'knot-joanna',
          ),
        ],
      ] as const)
        await t.rejects(apply(object), /ValidatingAdmissionPolicy 'knot-hosts'/, what);

      const wanted = { template: 'web', name: 'hand', values: { folder: '/files/private/public' } };
      const check = (await joanna.api('POST', '/services', { ...wanted, dryRun: true })).json<Launched>();
      t.match(check.obstacles, [{ field: 'name' }], 'nothing is launched at an address that is taken');
      await cluster.kubectl('delete', 'crd', 'httproutes.gateway.networking.k8s.io');
      await becomes('Ingress hand open', 'Ingress z-late open');
      await healthy(t);
      await cluster.kubectl('delete', 'ingress/hand', ...inHers);
      await becomes('Ingress z-late open');
      await t.rejects(joanna.visit(urlOf('hand')), /unrecognized name/, 'no such host any more');
      await cluster.kubectl('delete', 'ingress/z-late', 'deployment/hand', 'service/hand', ...inHers);
      await becomes();
      const { refused, used } = await account.rights();
      t.strictSame(refused, [], 'the rights of the chart are enough');
      for (const right of ['watch networking.k8s.io/ingresses', 'watch gateway.networking.k8s.io/httproutes'])
        t.ok(used.has(right), right);
    },
  );
}
