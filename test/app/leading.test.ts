import { dirname, join } from 'node:path';
import t from 'tap';
import { openKubernetes } from '../../gateway/app/kubernetes.ts';
import { publicAddress } from '../../gateway/config/index.ts';
import { kinds, type KubeObject } from '../../gateway/kube/index.ts';
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import { eventually } from '../support/eventually.ts';
import { configWith, openTestFacts } from '../support/house/facts.ts';
import { openFake } from '../support/kube/open.ts';
import { freePort } from '../support/net/free-port.ts';

/** Of several gateways the one that leads writes to the cluster; when another does, it is at rest. */

t.test(
  'who leads no more has all that it does in the cluster rest, and begins again when it leads again',
  async (t) => {
    const { kube, kubeconfig } = await openFake(t);
    const folder = dirname(kubeconfig);
    const admission = `127.0.0.1:${await freePort()}`;
    const kubernetes = { kubeconfig, admission: { ...configWith().kubernetes.admission, listen: admission } };
    const config = configWith({ engine: 'kubernetes', data: folder, kubernetes });
    const facts = await openTestFacts(t, { clock: systemClock });
    const cluster = await openKubernetes(config, {
      // On one of these there may be several gateways.
      facts: { ...facts, store: { ...facts.store, kind: 'postgres' } },
      policy: { decide: () => t.fail('nobody is asked') as never, onReload: () => () => undefined },
      files: undefined,
      routes: facts.routes,
      publicAddress: publicAddress({ domain: 'localhost' }, 8443),
      clock: systemClock,
      log: silentLog,
    });
    let isClosed = false;
    t.teardown(() => (isClosed ? undefined : cluster.close()));
    const { engine, replicas } = await cluster.services({
      outputs: {} as never,
      publicAddress: publicAddress({ domain: 'localhost' }, 8443),
      files: { pathBeside: (name: string) => join(folder, name) } as never,
      registry: undefined,
    });
    const seen: string[] = [];
    replicas!.onLead(() => void seen.push('leads'));
    const parts = { places: cluster.provisioning, addresses: cluster.discovery, services: engine };
    for (const [name, part] of Object.entries(parts)) {
      const rest = part.rest.bind(part);
      part.rest = async () => {
        await rest();
        seen.push(`${name} rest`);
      };
    }
    const leads = (isTold: number) =>
      eventually('it leads', () => seen.filter((one) => one === 'leads').length === isTold);
    const leaseOf = (holderIdentity: string) =>
      kube.merge(kinds.lease, 'knot', config.kubernetes.namespace, {
        spec: { holderIdentity, renewTime: new Date().toISOString().replace('Z', '000Z') },
      });

    cluster.start();
    await leads(1);
    t.ok(replicas!.leads());
    await leaseOf('another');
    await eventually('all rest', () => seen.length === 4);
    t.strictSame(seen.slice(1).sort(), ['addresses rest', 'places rest', 'services rest']);
    t.notOk(replicas!.leads());
    await leaseOf('');
    await leads(2);
    const holder = async () =>
      (
        await kube.get<KubeObject & { spec: { holderIdentity: string } }>(
          kinds.lease,
          'knot',
          config.kubernetes.namespace,
        )
      )?.spec.holderIdentity;
    t.ok(await holder());
    await cluster.close();
    isClosed = true;
    t.equal(await holder(), '', 'who ends leaves it to others, who need not wait');
    await t.rejects(cluster.kube.get(kinds.lease, 'knot', config.kubernetes.namespace), 'and asks nothing any more');
  },
);
