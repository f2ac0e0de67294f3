import t from 'tap';
import type { OwnPlace, PlaceList } from '../../gateway/api/contract.ts';
import { createPlaces, type Places } from '../../gateway/provisioning/index.ts';
import { writePlace } from '../../gateway/provisioning/records.ts';
import { newSteps } from '../../gateway/provisioning/steps.ts';
import { openHouse } from './house.ts';

async function given({ hasCluster = true } = {}) {
  type Known = Pick<Places, 'find' | 'all' | 'ask'>;
  const later = Promise.withResolvers<Known>();
  const known: Known = {
    find: async (id) => (await later.promise).find(id),
    all: async () => (await later.promise).all(),
    ask: async (id, by) => (await later.promise).ask(id, by),
  };
  const house = await openHouse(t, hasCluster ? { places: known } : {});
  later.resolve(createPlaces({ store: house.store, record: house.audit.record }));
  const ann = await house.person('ann', { isAdmin: true });
  const bob = await house.person('bob');
  const carl = await house.person('carl');
  const by = { name: 'test' };
  const physics = await house.accounts.createTeam({ name: 'physics', title: 'Physics' }, by);
  await house.accounts.setMember(physics.id, carl.id, 'member', by);
  const as = (who: 'ann' | 'bob' | 'carl', method: 'GET' | 'POST', url: string) =>
    house.call({ method, url: `/provisioning${url}`, cookie: { ann, bob, carl }[who].cookie });
  const steps = newSteps(5).with(0, {
    ...{ name: 'namespace', title: 'Namespace', state: 'failed', since: 5, attempts: 2 },
    cause: 'There is a namespace knot-bob that is not Knot’s.',
  });
  await writePlace(house.store.db, {
    owner: { kind: 'user', id: bob.id, name: 'bob' },
    ...{ namespace: 'knot-bob', state: 'failed', since: 5, steps, namespaceUid: 'not for anybody', converged: 'hash' },
    overrides: [{ object: 'ResourceQuota/knot', reason: 'the course' }],
  });
  return { ...house, as, bob, physics };
}

t.test('a person sees how far their own place is, and that of their team; whoever else sees none', async (t) => {
  const { as, bob } = await given();
  const { place } = (await as('bob', 'GET', '/user/bob')).json as OwnPlace;
  t.match(place, { id: bob.id, namespace: 'knot-bob', state: 'failed', overrides: [{ reason: 'the course' }] });
  t.match(place?.steps[0], { title: 'Namespace', state: 'failed', attempts: 2, cause: /not Knot’s/ });
  t.notMatch(JSON.stringify(place), /not for anybody/);
  t.strictSame((await as('carl', 'GET', '/team/physics')).json, {}, 'nothing has been made yet');
  for (const path of ['/user/bob', '/team/bob', '/user/nobody', '/user/physics'])
    t.equal((await as('carl', 'GET', path)).status, 404, path);
  t.equal((await as('bob', 'GET', '/team/physics')).status, 404);
  t.equal((await as('bob', 'GET', '')).status, 403);
});

t.test('an admin sees everybody’s, and has one looked at, which is recorded', async (t) => {
  const { as, store, bob, audit } = await given();
  t.strictSame(
    ((await as('ann', 'GET', '')).json as PlaceList).places.map(({ name, state }) => [name, state]),
    [['bob', 'failed']],
  );
  const asked: string[] = [];
  store.onChange('place-wishes', (key) => void asked.push(key));
  t.equal((await as('ann', 'POST', '/user/bob/run')).status, 204);
  t.strictSame(asked, [bob.id]);
  t.match(await audit.list({ subject: 'user:bob' }), [{ action: 'place.asked', actor: 'ann' }]);
  t.equal((await as('bob', 'POST', '/user/bob/run')).status, 403);
  t.equal((await as('ann', 'POST', '/user/nobody/run')).status, 404);
});

t.test('where there is no cluster there are no places', async (t) => {
  const { as } = await given({ hasCluster: false });
  for (const [method, path] of [
    ['GET', ''],
    ['GET', '/user/ann'],
    ['POST', '/user/ann/run'],
  ] as const)
    t.match(await as('ann', method, path), { status: 404, json: { code: 'KNOT_API_NO_CLUSTER' } });
});
