import t from 'tap';
import { onBothStores } from '../support/house/stores.ts';
import { by, house } from './people.ts';

await onBothStores(t, async (t, open) => {
  await t.test('a team has members with roles, seen from both sides', async (t) => {
    const { accounts, add, acts } = await house(t, open);
    const [ann, ben] = [await add('ann'), await add('ben')];
    const team = await accounts.createTeam({ name: 'vision', title: ' Computer vision ' }, by);
    t.match(team, { name: 'vision', title: 'Computer vision', members: [] });
    await accounts.setMember(team.id, ben.id, 'member', by);
    await accounts.setMember(team.id, ann.id, 'manager', by);
    await accounts.setMember(team.id, ann.id, 'manager', by);
    t.strictSame((await accounts.listTeams())[0]?.members, [
      { userId: ann.id, username: 'ann', role: 'manager' },
      { userId: ben.id, username: 'ben', role: 'member' },
    ]);
    await accounts.setMember(team.id, ben.id, 'manager', by);
    t.strictSame((await accounts.findUser(ben.id))?.teams, [{ name: 'vision', role: 'manager' }]);
    await accounts.removeMember(team.id, ben.id, by);
    await accounts.removeMember(team.id, ben.id, by);
    t.strictSame((await accounts.findUser(ben.id))?.teams, []);
    t.strictSame((await acts()).slice(2), [
      'team.created team:vision',
      'team.member-set team:vision',
      'team.member-set team:vision',
      'team.member-set team:vision',
      'team.member-removed team:vision',
    ]);
  });

  await t.test('names are one space with those of users, and are never given twice', async (t) => {
    const { accounts, add } = await house(t, open);
    await add('ben');
    const make = (name: string) => accounts.createTeam({ name, title: 'x' }, by);
    await t.rejects(make('ben'), { code: 'KNOT_ACCOUNTS_NAME_TAKEN' });
    await t.rejects(make('8en'), { code: 'KNOT_ACCOUNTS_NAME_INVALID' });
    await t.rejects(make('root'), { code: 'KNOT_ACCOUNTS_NAME_RESERVED' });
    const team = await make('vision');
    await t.rejects(add('visi0n'), { code: 'KNOT_ACCOUNTS_NAME_ALIKE' });
    await accounts.deleteTeam(team.id, by);
    await t.rejects(make('vision'), { code: 'KNOT_ACCOUNTS_NAME_TAKEN' });
    t.strictSame(await accounts.listTeams(), []);
  });

  await t.test('a title is one short line', async (t) => {
    const { accounts } = await house(t, open);
    for (const title of ['', '   ', 'x'.repeat(61), 'a\nb', 'a\0b', 'a\u202eb', 'a\u2028b']) {
      const made = accounts.createTeam({ name: 'vision', title }, by);
      await t.rejects(made, { code: 'KNOT_ACCOUNTS_TITLE_INVALID' });
    }
  });

  await t.test('what is not there is said to be not there', async (t) => {
    const { accounts, add } = await house(t, open);
    const ben = await add('ben');
    const team = await accounts.createTeam({ name: 'vision', title: 'Vision' }, by);
    for (const id of ['', 'x', '\0', ben.id]) {
      await t.rejects(accounts.deleteTeam(id, by), { code: 'KNOT_ACCOUNTS_NO_TEAM' });
      await t.rejects(accounts.setMember(id, ben.id, 'member', by), { code: 'KNOT_ACCOUNTS_NO_TEAM' });
    }
    await t.rejects(accounts.setMember(team.id, team.id, 'member', by), { code: 'KNOT_ACCOUNTS_NO_USER' });
  });

  await t.test('a deleted user leaves the teams', async (t) => {
    const { accounts, add } = await house(t, open);
    const ben = await add('ben');
    const team = await accounts.createTeam({ name: 'vision', title: 'Vision' }, by);
    await accounts.setMember(team.id, ben.id, 'member', by);
    await accounts.deleteUser(ben.id, by);
    t.strictSame((await accounts.listTeams())[0]?.members, []);
  });
});
