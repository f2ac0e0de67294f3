import t, { type Test } from 'tap';
import { areaResource, createOwners, namespaceResource } from '../../gateway/owners/index.ts';
import { accountsOn, by, house } from '../accounts/people.ts';
import { onBothStores, type OpenDatabase } from '../support/house/stores.ts';
import { eventually } from '../support/eventually.ts';

await onBothStores(t, async (t, open) => {
  async function given(t: Test, openOne: OpenDatabase) {
    const people = await house(t, openOne);
    const owners = createOwners({ store: people.store, findOwner: people.accounts.findOwner });
    t.teardown(() => owners.close());
    const ann = await people.add('ann');
    const team = await people.accounts.createTeam({ name: 'physics', title: 'Physics' }, by);
    const principal = async () => (await people.accounts.principal(ann.id))!;
    return { ...people, owners, ann, team, principal };
  }

  await t.test('an owner is a person or a team, found by name while it exists', async (t) => {
    const { owners, ann, team, accounts } = await given(t, open);
    t.strictSame(await owners.find('ann'), { kind: 'user', id: ann.id, name: 'ann', title: 'ann' });
    t.strictSame(await owners.find('physics'), { kind: 'team', id: team.id, name: 'physics', title: 'Physics' });
    for (const nobody of ['nobodyhere', 'Ann', '', 'a b', 'ann\0', '../ann', 'constructor', '__proto__']) {
      t.equal(await owners.find(nobody), undefined, JSON.stringify(nobody));
    }
    await accounts.deleteTeam(team.id, by);
    t.equal(await owners.find('physics'), undefined, 'a team that is deleted owns nothing');
  });

  await t.test('an owner that another process removes is forgotten here', async (t) => {
    const { owners, openAgain, clock, team } = await given(t, open);
    t.ok(await owners.find('physics'));
    const elsewhere = accountsOn(await openAgain(), clock);
    await elsewhere.accounts.deleteTeam(team.id, by);
    t.ok(await eventually('the team is gone elsewhere', async () => (await owners.find('physics')) === undefined));
  });

  await t.test('people choose themselves or a team they are in, with their role', async (t) => {
    const { owners, accounts, ann, team, principal } = await given(t, open);
    const chosen = async () => (await owners.of(await principal())).map(({ name, role }) => `${name} ${role}`);
    t.strictSame(await chosen(), ['ann self']);
    await accounts.setMember(team.id, ann.id, 'manager', by);
    t.strictSame(await chosen(), ['ann self', 'physics manager']);
    await accounts.removeMember(team.id, ann.id, by);
    t.strictSame(await chosen(), ['ann self']);
  });

  await t.test('areas are named by what they are to who asks, and kept by ids', async (t) => {
    const { owners, accounts, ann, team, principal, add } = await given(t, open);
    const bob = await add('bob');
    await accounts.setMember(team.id, ann.id, 'member', by);
    const me = await principal();
    t.match(await owners.area('private', me), { kind: 'private', key: `private/${ann.id}`, name: 'private' });
    t.match(await owners.area('user:ann', me), { key: `private/${ann.id}`, name: 'private' });
    t.match(await owners.area('user:bob', me), { key: `private/${bob.id}`, name: 'user:bob' });
    t.match(await owners.area('team:physics', me), { kind: 'team', key: `team/${team.id}`, title: 'Physics' });
    t.match(await owners.area('shared', me), { key: 'shared' });
    t.match(await owners.area('admin', me), { key: 'admin' });
    for (const none of ['team:ann', 'user:physics', 'team:', 'team:no', 'privat', '', 'Shared', 'team:physics/../x']) {
      t.equal(await owners.area(none, me), undefined, none);
    }
    t.equal(await owners.area('private', { ...me, state: 'guest' }), undefined, 'a guest has no folder');
    const names = async (isAdmin: boolean) => (await owners.areasOf({ ...me, isAdmin })).map(({ name }) => name);
    t.strictSame(await names(false), ['private', 'shared', 'team:physics']);
    t.strictSame(await names(true), ['private', 'shared', 'team:physics', 'admin']);
  });

  await t.test('policies see an owner by name, and a team as one', async (t) => {
    const { owners, principal } = await given(t, open);
    const me = await principal();
    const ofTeam = areaResource((await owners.area('team:physics', me))!);
    t.match(ofTeam, { type: 'FileArea', id: 'team/physics', attributes: { owner: 'physics', team: 'physics' } });
    const own = areaResource((await owners.area('private', me))!);
    t.match(own, { type: 'FileArea', id: 'private/ann', attributes: { owner: 'ann' } });
    t.notOk('team' in own.attributes);
    t.match(areaResource((await owners.area('shared', me))!), { id: 'shared', attributes: { owner: '' } });
    t.match(namespaceResource((await owners.find('physics'))!), { id: 'physics', attributes: { team: 'physics' } });
  });
});
