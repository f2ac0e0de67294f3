import t from 'tap';
import { allPlaces, deletePlace, findPlace, type PlaceRecord, writePlace } from '../../gateway/provisioning/records.ts';
import { newSteps } from '../../gateway/provisioning/steps.ts';
import { onBothStores } from '../support/house/stores.ts';

const place = (name: string, more: Partial<PlaceRecord> = {}): PlaceRecord => ({
  owner: { kind: 'user', id: `id-of-${name}`, name },
  namespace: `knot-${name}`,
  ...{ state: 'making', since: 1, steps: newSteps(1), overrides: [] },
  ...more,
});

void onBothStores(t, async (t, open) => {
  t.test('a place is kept as it was seen last, and forgotten', async (t) => {
    const { store } = await open(t);
    const ready = place('ann', {
      ...{ state: 'ready', since: 2, namespaceUid: 'uid', converged: 'hash' },
      overrides: [{ object: 'ResourceQuota/knot', reason: 'the course' }],
    });
    await writePlace(store.db, place('bob'));
    await writePlace(store.db, place('ann'));
    t.strictSame(await findPlace(store.db, 'id-of-ann'), place('ann'));
    await writePlace(store.db, ready);
    t.strictSame(await allPlaces(store.db), [ready, place('bob')]);
    await deletePlace(store.db, 'id-of-ann');
    t.equal(await findPlace(store.db, 'id-of-ann'), undefined);
  });
});
