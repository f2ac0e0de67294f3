import type { Test } from 'tap';
import type { ControlPlane } from '../cluster/control-plane.ts';
import { eventually } from '../support/eventually.ts';
import { lookingAt } from './looking.ts';
import type { openPlaces } from './places.ts';

/** An administrator deletes the namespace of somebody who is there, and something in it holds up its end: it is told, and made anew then. */
export async function comesBack(
  t: Test,
  cluster: ControlPlane,
  { open: start, person }: Awaited<ReturnType<typeof openPlaces>>,
): Promise<void> {
  const { request } = cluster;
  const { become, of, inNamespace, patch } = lookingAt(cluster);
  const [pia, quinn] = [await person('pia'), await person('quinn')];
  const provisioning = start();
  await provisioning.start();
  await become(provisioning, pia.id, 'ready');
  const uid = async () => (await of('/api/v1/namespaces/knot-pia')).metadata?.uid as string | undefined;
  const folder = async () => (await of('/api/v1/persistentvolumes/knot-pia.knot-private')).spec.hostPath.path as string;
  const before = { uid: await uid(), folder: await folder() };
  const held = { name: 'held', namespace: 'knot-pia', finalizers: ['example.org/tidies-up'] };
  await cluster.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: held });
  await request('/api/v1/namespaces/knot-pia', { method: 'DELETE' });

  const place = await eventually('what holds it up', async () => {
    await provisioning.ask(pia.id);
    const found = await provisioning.find(pia.id);
    return /which waits/.test(found?.steps[0]?.cause ?? '') && found;
  });
  t.match(place.steps[0], { name: 'namespace', state: 'doing', cause: /example\.org\/tidies-up in 1 resource/ });
  t.not(place.state, 'ready');
  await become(provisioning, quinn.id, 'ready');

  await patch('/api/v1/namespaces/knot-pia/configmaps/held', { metadata: { finalizers: null } });
  await become(provisioning, pia.id, 'ready');
  t.not(await uid(), before.uid, 'it is another one');
  t.equal(await folder(), before.folder, 'with the files that there were');
  await eventually('they are there', async () => {
    const { items } = await inNamespace('knot-pia', 'persistentvolumeclaims');
    const phases = (items as { status: { phase: string } }[]).map(({ status }) => status.phase);
    return phases.length === 2 && phases.every((phase) => phase === 'Bound');
  });
}
