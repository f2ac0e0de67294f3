import { setTimeout as delay } from 'node:timers/promises';
import { asGateway } from '../../charts/as-gateway.ts';
import type { ControlPlane } from '../../cluster/control-plane.ts';
import { freePort } from '../../support/net/free-port.ts';
import { eventually } from '../../support/eventually.ts';
import { openPeople } from '../../support/process/people.ts';
import { median } from '../generators.ts';
import type { Note } from './cluster.ts';

type Shown = { service: { id: string } };

/**
 * From the moment that the API server tells of ready endpoints until the gateway says that the service is ready, which it does when its
 * route leads there: a whole gateway, asked each 10 ms, as is the API server.
 */
export async function measureRoute(cluster: ControlPlane, rounds: number, note: Note): Promise<void> {
  const endings: (() => unknown)[] = [];
  try {
    const { kubeconfig } = await asGateway(cluster);
    const at = `127.0.0.1:${await freePort()}`;
    const kubernetes = { kubeconfig, helm: cluster.programs.helm[0], admission: { listen: at, url: `https://${at}` } };
    const t = { teardown: (end: () => unknown) => void endings.push(end) };
    const { person } = await openPeople(t, {
      config: { engine: 'kubernetes', kubernetes },
      others: ['joanna'],
    });
    const joanna = await person('joanna');
    const rights = '/apis/rbac.authorization.k8s.io/v1/namespaces/knot-joanna/rolebindings/knot-user';
    await eventually('her place', async () => (await cluster.request(rights)).status === 200);
    await joanna.api('POST', '/files/private/public?op=mkdir', {});
    const wish = { template: 'web', name: 'site', values: { folder: '/files/private/public' } };
    const { id } = (await joanna.api('POST', '/services', wish)).json<Shown>().service;
    const says = async (state: string) => (await joanna.api('GET', `/services/${id}`)).json().state === state;
    const hasEndpoints = async () => {
      const query = 'labelSelector=kubernetes.io/service-name%3Dsite';
      const { body } = await cluster.request(
        `/apis/discovery.k8s.io/v1/namespaces/knot-joanna/endpointslices?${query}`,
      );
      const slices = (body.items ?? []) as { endpoints: { conditions: { ready?: boolean } }[] | null }[];
      return slices.some(({ endpoints }) => endpoints?.some(({ conditions }) => conditions.ready));
    };
    const times: number[] = [];
    await moment(() => says('ready'));
    for (let round = 0; round < rounds * 3; round++) {
      await joanna.api('POST', `/services/${id}/stop`, {});
      await eventually('it is stopped', () => says('stopped'));
      await joanna.api('POST', `/services/${id}/start`, {});
      const [told, routed] = await Promise.all([moment(hasEndpoints), moment(() => says('ready'))]);
      times.push(Math.max(0, routed - told) / 1000);
    }
    const [value, worst] = [median(times), Math.max(...times)];
    note({ what: 'a route, after its endpoints (median)', value, unit: 's' });
    note({ what: 'a route, after its endpoints (worst)', value: worst, unit: 's', bar: '≤ 1', isMet: worst <= 1 });
  } finally {
    for (const end of endings.reverse()) await end();
  }
}

/** When something became so. */
async function moment(isSo: () => Promise<boolean>): Promise<number> {
  for (const deadline = performance.now() + 60_000; !(await isSo()); await delay(10))
    if (performance.now() > deadline) throw new Error('it did not come to be within a minute');
  return performance.now();
}
