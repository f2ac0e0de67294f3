import t from 'tap';
import { onBothStores } from '../support/house/stores.ts';
import { by, house } from './people.ts';

await onBothStores(t, async (t, open) => {
  await t.test('people are found, counted and put in each order there is', async (t) => {
    const { accounts, add, clock } = await house(t, open);
    for (const [username, more] of [
      ['ann', { isAdmin: true }],
      ['bob', { state: 'pending' }],
      ['carla', { email: 'ZOE_100%@example.org' }],
    ] as const) {
      await add(username, more);
      clock.advance(1_000);
    }
    const team = await accounts.createTeam({ name: 'physics', title: 'Physics' }, by);
    const carla = (await accounts.findSignIn('carla'))!;
    await accounts.setMember(team.id, carla.id, 'manager', by);
    const names = async (query: Parameters<typeof accounts.listUsers>[0]) =>
      (await accounts.listUsers(query)).users.map(({ username }) => username);

    t.strictSame(await names({}), ['bob', 'ann', 'carla'], 'who waits comes first');
    for (const [sort, order] of Object.entries({
      name: ['ann', 'bob', 'carla'],
      email: ['ann', 'bob', 'carla'],
      state: ['bob', 'ann', 'carla'],
      createdAt: ['ann', 'bob', 'carla'],
    })) {
      t.strictSame(await names({ sort: { by: sort as 'name', isDescending: false } }), order, sort);
      t.strictSame(await names({ sort: { by: sort as 'name', isDescending: true } }), order.toReversed(), `-${sort}`);
    }
    t.equal((await names({ sort: { by: 'lastSignInAt', isDescending: true } })).length, 3);
    t.strictSame(await names({ search: '_100%' }), ['carla'], 'nothing of a search is a pattern');
    t.strictSame(await names({ search: 'EXAMPLE', state: 'pending' }), ['bob']);
    t.strictSame(await names({ team: 'physics' }), ['carla']);
    t.strictSame(await names({ isAdmin: true }), ['ann']);
    t.strictSame(await names({ sort: { by: 'name', isDescending: false }, limit: 1, offset: 1 }), ['bob']);
    const { total, counts } = await accounts.listUsers({ search: 'a', state: 'active' });
    t.strictSame([total, counts], [2, { pending: 1, active: 2, disabled: 0, admin: 1 }]);
  });

  await t.test('somebody is found by the beginning of the name, and only while active', async (t) => {
    const { accounts, add } = await house(t, open);
    for (const name of ['carl', 'carla', 'carlo']) await add(name);
    await add('carlene', { state: 'disabled' });
    await add('carlos', { state: 'pending' });
    t.strictSame(await accounts.findActiveNames('car', 20), ['carl', 'carla', 'carlo']);
    t.strictSame(await accounts.findActiveNames('carlo', 20), ['carlo'], 'who waits has no name yet');
    t.strictSame(await accounts.findActiveNames('carl', 1), ['carl']);
    t.strictSame(await accounts.findActiveNames('ca', 20), []);
    t.strictSame(await accounts.findActiveNames('ca_l\0%', 20), []);
  });

  await t.test('teams and members are found, counted and put in each order there is', async (t) => {
    const { accounts, add } = await house(t, open);
    const [ann, bob] = [await add('ann'), await add('bob')];
    const physics = await accounts.createTeam({ name: 'physics', title: 'a Physics' }, by);
    await accounts.createTeam({ name: 'biology', title: 'B Biology' }, by);
    await accounts.setMember(physics.id, ann.id, 'member', by);
    await accounts.setMember(physics.id, bob.id, 'manager', by);
    const page = { limit: 10, offset: 0 };
    for (const [sort, order] of Object.entries({
      title: ['physics', 'biology'],
      name: ['biology', 'physics'],
      members: ['biology', 'physics'],
    })) {
      const { teams, total } = await accounts.findTeams({ sort: { by: sort as 'name', isDescending: false }, ...page });
      t.strictSame([teams.map(({ name }) => name), total], [order, 2], sort);
    }
    const found = await accounts.findTeams({ names: ['physics'], search: 'PHY', ...page });
    t.match(found, { total: 1, teams: [{ name: 'physics', members: 2, managers: 1 }] });
    for (const [sort, order] of Object.entries({ name: ['ann', 'bob'], role: ['bob', 'ann'], since: ['ann', 'bob'] })) {
      const query = { sort: { by: sort as 'name', isDescending: false }, searchesEmail: true, ...page };
      const { members, counts } = await accounts.findMembers(physics.id, query);
      if (sort !== 'since')
        t.strictSame(
          members.map(({ username }) => username),
          order,
          sort,
        );
      t.strictSame([members.length, counts], [2, { manager: 1, member: 1 }], sort);
    }
    const some = await accounts.findMembers(physics.id, {
      search: 'BOB@',
      searchesEmail: true,
      role: 'manager',
      ...page,
    });
    t.match(some, { total: 1, members: [{ username: 'bob' }] });
  });
});
