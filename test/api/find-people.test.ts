import t from 'tap';
import { openHouse } from './house.ts';

type Found = { people: { kind: string; name: string; title: string }[] };

async function given() {
  const house = await openHouse(t);
  const ann = await house.person('ann', { isAdmin: true });
  const bob = await house.person('bob');
  for (const name of ['carla', 'carlo', 'carlottta']) await house.person(name);
  const by = { name: 'test' };
  const gone = await house.person('carmen');
  await house.accounts.setState(gone.id, 'disabled', by);
  const physics = await house.accounts.createTeam({ name: 'physics', title: 'Carbon physics' }, by);
  await house.accounts.createTeam({ name: 'chemistry', title: 'Carbon chemistry' }, by);
  await house.accounts.setMember(physics.id, bob.id, 'manager', by);
  const find = async (q: string, cookie = bob.cookie) => {
    const { status, json } = await house.call({ url: `/people?q=${encodeURIComponent(q)}`, cookie });
    if (status !== 200) return status;
    return (json as Found).people.map(({ kind, name }) => `${kind}:${name}`);
  };
  return { ...house, ann, bob, find };
}

t.test('people are found by the beginning of their name, and listed to nobody', async (t) => {
  const { find } = await given();
  t.same(await find('car'), ['user:carla', 'user:carlo', 'user:carlottta', 'team:physics'], 'own teams by their title');
  t.same(await find('CARLO'), ['user:carlo', 'user:carlottta'], 'the exact one first');
  t.same(await find('carm'), [], 'who may not sign in is not found');
  t.same(await find('ca'), ['team:physics'], 'two letters list nobody');
  t.same(await find('bo'), []);
  t.same(await find('physics'), ['team:physics']);
  t.same(await find('chem'), [], 'a team of others only by its whole name');
  t.same(await find('chemistry'), ['team:chemistry']);
  for (const pattern of ['%%%', '___', 'ca%', "car'", 'carl\\', 'car\0', 'é', 'a@example.org', ' ']) {
    t.same(await find(pattern), [], JSON.stringify(pattern));
  }
  t.equal(await find(''), 400);
});

t.test('who asks more often than anybody types has to wait, and nobody else has', async (t) => {
  const { find, ann, clock, call, bob } = await given();
  for (let count = 0; count < 60; count += 1) await find('car');
  const refused = await call({ url: '/people?q=car', cookie: bob.cookie });
  t.match(refused, { status: 429, json: { code: 'KNOT_API_TOO_MANY_LOOKUPS' }, headers: { 'retry-after': /^\d+$/ } });
  t.type(await find('car', ann.cookie), Array);
  clock.advance(60_000);
  t.type(await find('car'), Array);
});
