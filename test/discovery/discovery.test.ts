import t, { type Test } from 'tap';
import { createAudit } from '../../gateway/audit/index.ts';
import { createDiscovery } from '../../gateway/discovery/index.ts';
import { kinds, type KubeObject } from '../../gateway/kube/index.ts';
import { silentLog } from '../../gateway/lib/index.ts';
import { createRoutes, type Route } from '../../gateway/routes/index.ts';
import { eventually } from '../support/eventually.ts';
import { onBothStores, type TestDatabase } from '../support/house/stores.ts';
import { openFake } from '../support/kube/open.ts';
import { httpRoute, ingress, pod, service, slice } from './things.ts';

const ann = { kind: 'user', id: 'id-of-ann', name: 'ann' } as const;
const namespaceOfAnn = (uid?: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: 'knot-ann', labels: { 'knot/owner-id': ann.id }, ...(uid && { uid }) },
});

void onBothStores(t, async (t, open) => {
  /** Discovery beside a fake API server, in which ann has a namespace with a Service that a pod answers. */
  async function opened(t: Test) {
    const database = await open(t);
    const { fake, kube } = await openFake(t);
    const { metadata } = await kube.create(namespaceOfAnn());
    await kube.create(service('web'));
    const { metadata: made } = await kube.create(pod('p', '10.1.0.5'));
    await kube.create(slice('web', [{ ip: '10.1.0.5', pod: made.uid! }]));
    return { database, fake, kube, podUid: made.uid!, ...(await begun(t, database, kube, metadata.uid!)) };
  }

  async function begun(
    t: Test,
    { store, clock }: TestDatabase,
    kube: Parameters<typeof createDiscovery>[0]['kube'],
    namespaceUid: string,
  ) {
    const routes = await createRoutes({ store, clock, log: silentLog });
    const audit = createAudit({ store, clock });
    const state = { isOpen: true, launched: new Set<string>(), leads: true };
    const discovery = createDiscovery({
      ...{ kube, store, routes, clock, log: silentLog, record: audit.record, leads: () => state.leads },
      places: {
        ownerIn: async (namespace) =>
          state.isOpen && namespace === 'knot-ann' ? { owner: ann, namespaceUid } : undefined,
        namespaceOf: async () => 'knot-ann',
      },
      isLaunched: async (label) => state.launched.has(label),
      hostOfService: (label) => `${label}.example.org`,
    });
    discovery.start();
    t.teardown(async () => {
      await discovery.close();
      routes.close();
    });
    const said = async () =>
      (await discovery.of([ann])).map(({ object, host, state: is }) => `${object} ${host} ${is}`).sort();
    const becomes = (what: string, wanted: readonly string[]) =>
      eventually(what, async () => JSON.stringify(await said()) === JSON.stringify(wanted));
    const leadsTo = (host: string, to: string | undefined) =>
      eventually(`${host} leads to ${to}`, () => routes.find(host)?.upstream.hostname === to);
    const look = () => store.transaction(async (act) => act.announce({ topic: 'places', key: ann.id }));
    return { routes, audit, discovery, state, said, becomes, leadsTo, look };
  }

  t.test('an address comes with its object, leads where its pods are, and goes with it', async (t) => {
    const { kube, routes, becomes, leadsTo, podUid, audit } = await opened(t);
    const host = 'mine-ann.example.org';
    await kube.create(ingress('mine', [host]));
    await leadsTo(host, '10.1.0.5');
    t.match(routes.find(host), {
      ...{ kind: 'discovered', name: 'mine-ann', audience: 'everyone' },
      service: { label: 'mine', owner: 'ann', isTeam: false },
      upstream: { port: 8080, allowLoopback: false },
    });
    t.match(routes.resourceAt(routes.find(host)!, '/x'), {
      ...{ type: 'Service', id: 'ann/mine' },
      attributes: { name: 'mine', owner: 'ann' },
    });
    await becomes('open', [`Ingress mine ${host} open`]);
    await kube.apply(slice('web', []));
    await leadsTo(host, 'nowhere.invalid');
    await becomes('waiting', [`Ingress mine ${host} waiting`]);
    await kube.apply(slice('web', [{ ip: '10.1.0.5', pod: podUid }]));
    await leadsTo(host, '10.1.0.5');
    await kube.remove(kinds.ingress, 'mine', 'knot-ann');
    await leadsTo(host, undefined);
    await becomes('nothing', []);
    const acts = (await audit.list({})).map(({ action }) => action);
    t.strictSame(acts.sort(), ['address.closed', 'address.opened']);
  });

  t.test('an HTTPRoute does the same; one of two objects has a host, and the other comes after it', async (t) => {
    const { kube, becomes, leadsTo } = await opened(t);
    const host = 'way-ann.example.org';
    const rule = { backendRefs: [{ name: 'web', port: 80 }] };
    await kube.create(httpRoute('way', [host], rule));
    await leadsTo(host, '10.1.0.5');
    await kube.create(ingress('way', [host], { at: '2099-01-01T00:00:00Z' }));
    await becomes('a conflict', [`HTTPRoute way ${host} open`, `Ingress way ${host} refused`]);
    await kube.remove(kinds.httpRoute, 'way', 'knot-ann');
    await becomes('the other', [`Ingress way ${host} open`]);
    await leadsTo(host, '10.1.0.5');
  });

  t.test('what was launched, or is of the house, keeps its address; who waits for it gets it afterwards', async (t) => {
    const { kube, routes, becomes, state, leadsTo, discovery } = await opened(t);
    const taken: Route = {
      ...{ host: 'site-ann.example.org', name: 'site-ann', kind: 'service', title: 'site', audience: 'everyone' },
      service: { id: 's1', label: 'site', owner: 'ann', isTeam: false },
      upstream: { protocol: 'http:', hostname: '10.1.0.77', port: 80, allowLoopback: false },
      ...{ ownedPrefixes: [], untouchedPrefixes: [], switches: { encodedSlash: true, methods: [] } },
    };
    await routes.put(taken);
    state.launched.add('soon-ann');
    await kube.create(ingress('x', ['site-ann.example.org', 'soon-ann.example.org', 'web-bob.example.org']));
    await becomes('refusals', [
      'Ingress x site-ann.example.org refused',
      'Ingress x soon-ann.example.org refused',
      'Ingress x web-bob.example.org refused',
    ]);
    t.match(await discovery.all(), [{ reason: /./ }, { reason: /./ }, { reason: /./ }]);
    t.equal(routes.find('site-ann.example.org')?.kind, 'service');
    t.equal(routes.find('soon-ann.example.org'), undefined);
    t.equal(routes.find('web-bob.example.org'), undefined);
    await routes.remove('site-ann.example.org');
    await leadsTo('site-ann.example.org', '10.1.0.5');
    await t.rejects(routes.put(taken), { code: 'KNOT_ROUTES_HOST_TAKEN' }, 'and then a service cannot have it');
  });

  t.test('nothing leads into a namespace that is not the one of the record, or whose owner is away', async (t) => {
    const { kube, becomes, leadsTo, state, look, routes } = await opened(t);
    const host = 'mine-ann.example.org';
    await kube.create(ingress('mine', [host]));
    await leadsTo(host, '10.1.0.5');
    state.isOpen = false;
    await look();
    await leadsTo(host, undefined);
    await becomes('nothing', []);
    state.isOpen = true;
    await look();
    await leadsTo(host, '10.1.0.5');
    // Somebody else's of the same name, with the labels of ours.
    await kube.remove(kinds.namespace, 'knot-ann');
    await leadsTo(host, undefined);
    await kube.create(namespaceOfAnn());
    await look();
    t.equal(routes.find(host), undefined);
    await kube.create({ ...ingress('x', ['x-bob.example.org'], { namespace: 'knot-bob' }) });
    await look();
    await becomes('nothing', []);
  });

  t.test('what was left by a gateway that ended in between is put right by the next', async (t) => {
    const { kube, leadsTo, discovery, routes, database, becomes } = await opened(t);
    await kube.create(ingress('a', ['a-ann.example.org', 'b-ann.example.org']));
    await leadsTo('b-ann.example.org', '10.1.0.5');
    await becomes('both', ['Ingress a a-ann.example.org open', 'Ingress a b-ann.example.org open']);
    await discovery.rest();
    t.ok(routes.find('a-ann.example.org'), 'who rests takes nothing away');
    await database.store.db.deleteFrom('discovered_addresses').where('host', '=', 'b-ann.example.org').execute();
    await kube.apply(ingress('a', ['c-ann.example.org']));
    discovery.start();
    await leadsTo('c-ann.example.org', '10.1.0.5');
    await leadsTo('a-ann.example.org', undefined);
    await leadsTo('b-ann.example.org', undefined);
    await becomes('the one', ['Ingress a c-ann.example.org open']);
  });

  t.test('where nobody asks for an address, Services and pods are not looked at', async (t) => {
    const { kube, fake, leadsTo } = await opened(t);
    const lists = () => new Set(fake.requests.filter(({ method }) => method === 'GET').map(({ path }) => path));
    await eventually('a list', () => lists().has('/apis/networking.k8s.io/v1/ingresses'));
    await eventually('the watches', () => fake.watchers() >= 2);
    t.notOk(lists().has('/api/v1/pods'));
    await kube.create(ingress('mine', ['mine-ann.example.org']));
    await leadsTo('mine-ann.example.org', '10.1.0.5');
    t.ok(lists().has('/api/v1/pods'));
  });
});
