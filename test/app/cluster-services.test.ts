import t from 'tap';
import { asGateway } from '../charts/as-gateway.ts';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/net/free-port.ts';
import { openPeople } from '../support/process/people.ts';

t.setTimeout(240_000);

type Shown = { id: string; state: string; url: string; cause?: { what: string; remedy: string } };

const cluster = await startControlPlane(t);
if ('skip' in cluster) t.test('services in a cluster', { skip: cluster.skip }, async () => undefined);
else behaves(cluster);

function behaves(cluster: ControlPlane): void {
  t.test(
    'what a person launches runs as a release in their namespace, and is told, stopped, started and removed',
    async (t) => {
      const { kubeconfig } = await asGateway(cluster);
      const at = `127.0.0.1:${await freePort()}`;
      const { person } = await openPeople(t, {
        config: {
          engine: 'kubernetes',
          kubernetes: { kubeconfig, helm: cluster.programs.helm[0], admission: { listen: at, url: `https://${at}` } },
          integrations: { jupyterhub: { mode: 'off' } },
        },
        others: ['joanna'],
      });
      const joanna = await person('joanna');
      await eventually(
        'her place',
        async () =>
          (await cluster.request('/apis/rbac.authorization.k8s.io/v1/namespaces/knot-joanna/rolebindings/knot-user'))
            .status === 200,
        60_000,
      );
      const wanted = { template: 'web', name: 'site', values: { folder: '/files/private/public' } };
      await joanna.api('POST', '/files/private/public?op=mkdir', {});
      const checked = await joanna.api('POST', '/services', { ...wanted, dryRun: true });
      t.match(checked.json(), { obstacles: [] }, checked.text);
      const launched = await joanna.api('POST', '/services', wanted);
      t.equal(launched.status, 202, launched.text);
      const { id } = launched.json<{ service: Shown }>().service;
      const is = (state: string) =>
        eventually(
          `it is ${state}`,
          async () => {
            const service = (await joanna.api('GET', `/services/${id}`)).json<Shown>();
            if (service.state === 'failed' && state !== 'failed') throw new Error(JSON.stringify(service.cause));
            return service.state === state;
          },
          60_000,
        );
      await is('ready');
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
        60_000,
      );
      await eventually(
        'it is known no more',
        async () => (await joanna.api('GET', `/services/${id}`)).status === 404,
        60_000,
      );
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
}
