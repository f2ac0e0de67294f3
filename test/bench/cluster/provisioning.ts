import type { ControlPlane } from '../../cluster/control-plane.ts';
import { openPlaces, watched } from '../../provisioning/places.ts';
import { eventually } from '../../support/eventually.ts';
import type { ClusterSetting, Note } from './cluster.ts';

/** Places of five hundred people from nothing, and a gateway that starts and finds them all as they should be. */
export async function measureProvisioning(
  cluster: ControlPlane,
  { isQuick }: ClusterSetting,
  note: Note,
): Promise<void> {
  const people = isQuick ? 50 : 500;
  const endings: (() => unknown)[] = [];
  try {
    const places = await openPlaces({ teardown: (end) => void endings.push(end) }, cluster);
    for (let n = 0; n < people; n++) await places.person(`person${n}`);
    const first = watched(places.kube);
    const provisioning = places.open(first.kube);
    const startedAt = performance.now();
    await provisioning.start();
    await eventually(
      'a place for everybody',
      async () => {
        const all = await provisioning.all();
        return all.length === people && all.every(({ state }) => state === 'ready');
      },
      600_000,
    );
    const seconds = (performance.now() - startedAt) / 1000;
    await provisioning.close();
    const calls = first.seen.calls / people;
    note({ what: `${people} namespaces from nothing`, value: seconds, unit: 's' });
    note({ what: 'calls for each', value: calls, unit: 'calls', bar: '≤ 25', isMet: calls <= 25 });
    const second = watched(places.kube);
    const again = places.open(second.kube);
    const againAt = performance.now();
    await again.start();
    const value = (performance.now() - againAt) / 1000;
    await again.close();
    const writes = second.seen.writes.length;
    note({ what: 'a second pass over all', value, unit: 's', bar: '≤ 2', isMet: value <= 2 });
    note({ what: 'what it writes', value: writes, unit: 'writes', bar: '0', isMet: writes === 0 });
    note({ what: 'what it asks', value: second.seen.calls, unit: 'calls' });
  } finally {
    for (const end of endings.reverse()) await end();
  }
}
