import type { Test } from 'tap';
import type { ControlPlane } from '../cluster/control-plane.ts';
import { eventually } from '../support/eventually.ts';
import { lookingAt } from './looking.ts';
import type { openPlaces } from './places.ts';

/** Somebody is deleted: nobody acts at once, after the time of grace nothing is left, and while something holds that up it is named. */
export async function leaves(
  t: Test,
  cluster: ControlPlane,
  { open: start, person, accounts, actor, acts, clock }: Awaited<ReturnType<typeof openPlaces>>,
): Promise<void> {
  const { request } = cluster;
  const { become, of, leftOf } = lookingAt(cluster);
  await accounts.createUser(
    { username: 'zoe', email: 'r@example.org', state: 'active', isAdmin: true, password: 'correct horse battery 7' },
    actor,
  );
  const ida = await person('ida');
  const provisioning = start();
  await provisioning.start();
  await become(provisioning, ida.id, 'ready');
  const bindings = await of('/apis/rbac.authorization.k8s.io/v1/namespaces/knot-ida/rolebindings');
  t.equal(bindings.items.length, 3, 'hers, and those of workflows');
  // As an operator does whose controller is to tidy up first, and is not there any more.
  const held = { name: 'held', namespace: 'knot-ida', finalizers: ['example.org/tidies-up'] };
  await cluster.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: held });
  await accounts.deleteUser(ida.id, actor);
  await become(provisioning, ida.id, 'leaving');
  await eventually(
    'no rights',
    async () => (await of('/apis/rbac.authorization.k8s.io/v1/namespaces/knot-ida/rolebindings')).items.length === 0,
  );
  t.equal((await request('/api/v1/namespaces/knot-ida')).status, 200, 'in the time of grace it is there');

  clock.advance(8 * 24 * 3600 * 1000);
  const look = async () => {
    await provisioning.ask(ida.id);
    return provisioning.find(ida.id);
  };
  const step = await eventually('what holds it up', async () =>
    (await look())?.steps.find(({ cause }) => /which waits/.test(cause ?? '')),
  );
  t.match(step, { name: 'namespace', state: 'doing', cause: /example\.org\/tidies-up in 1 resource/ });
  await request('/api/v1/namespaces/knot-ida/configmaps/held', {
    method: 'PATCH',
    body: { metadata: { finalizers: null } },
    contentType: 'application/merge-patch+json',
  });
  await eventually('that it is gone', async () => (await look()) === undefined);
  t.strictSame(await leftOf('knot-ida', ida.id), []);
  t.strictSame(await acts('user:ida'), ['place.removed', 'place.leaving']);
}
