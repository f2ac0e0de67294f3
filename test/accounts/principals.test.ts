import t from 'tap';
import { systemClock } from '../../gateway/lib/index.ts';
import { onBothStores } from '../support/house/stores.ts';
import { accountsOn, by, goodPassword, house } from './people.ts';
import { eventually } from '../support/eventually.ts';

await onBothStores(t, async (t, open) => {
  await t.test('a principal says who someone is, and is kept', async (t) => {
    const { accounts, add } = await house(t, open);
    const ann = await add('ann', { isAdmin: true });
    for (const name of ['vision', 'audio']) {
      const team = await accounts.createTeam({ name, title: name }, by);
      await accounts.setMember(team.id, ann.id, name === 'vision' ? 'manager' : 'member', by);
    }
    t.equal(accounts.peekPrincipal(ann.id), undefined);
    const principal = await accounts.principal(ann.id);
    t.strictSame(principal, {
      id: ann.id,
      username: 'ann',
      email: 'ann@example.org',
      isEmailProven: false,
      isAdmin: true,
      state: 'active',
      teams: [
        { name: 'audio', role: 'member' },
        { name: 'vision', role: 'manager' },
      ],
      groups: ['knot-admins', 'knot:team:audio', 'knot:team:vision', 'knot:user:ann'],
      version: 3,
    });
    t.equal(accounts.peekPrincipal(ann.id), principal, 'the very same object');
    t.equal(await accounts.principalByName('ann'), principal);
    t.equal(await accounts.principalByName('nobodyhere'), undefined);
    t.equal(await accounts.principal('00000000-0000-4000-8000-000000000000'), undefined);
  });

  await t.test(
    'every change is heard, gives a new version and empties the cache before anyone hears of it',
    async (t) => {
      const { accounts, add } = await house(t, open);
      await add('root1x', { isAdmin: true, password: goodPassword });
      const { id } = await add('ben', { state: 'pending' });
      const team = await accounts.createTeam({ name: 'vision', title: 'Vision' }, by);
      const heard: (string | boolean)[] = [];
      const stop = accounts.onChange((userId) => heard.push(userId, accounts.peekPrincipal(userId) === undefined));
      let version = (await accounts.principal(id))!.version;
      const changes: [string, () => Promise<unknown>][] = [
        ['approve', () => accounts.setState(id, 'active', by)],
        ['promote', () => accounts.setAdmin(id, true, by)],
        ['demote', () => accounts.setAdmin(id, false, by)],
        ['address', () => accounts.setEmail(id, 'b@x.org', by)],
        ['password', () => accounts.setPassword({ id, credentialVersion: 1 }, goodPassword, by)],
        ['join', () => accounts.setMember(team.id, id, 'member', by)],
        ['role', () => accounts.setMember(team.id, id, 'manager', by)],
        ['leave', () => accounts.removeMember(team.id, id, by)],
        ['join again', () => accounts.setMember(team.id, id, 'member', by)],
        ['team deleted', () => accounts.deleteTeam(team.id, by)],
        ['disable', () => accounts.setState(id, 'disabled', by)],
      ];
      for (const [what, change] of changes) {
        heard.length = 0;
        await change();
        t.strictSame(heard, [id, true], what);
        t.equal(accounts.peekPrincipal(id), undefined, what);
        const next = (await accounts.principal(id))!.version;
        t.ok(next > version, what);
        version = next;
      }
      await accounts.deleteUser(id, by);
      t.equal(accounts.peekPrincipal(id), undefined);
      t.equal(await accounts.principal(id), undefined);
      stop();
      heard.length = 0;
      await add('cleo');
      t.strictSame(heard, []);
    },
  );

  await t.test('a sign-in that is noted re-judges nothing', async (t) => {
    const { accounts, add, store } = await house(t, open);
    const ben = await add('ben');
    const principal = await accounts.principal(ben.id);
    await store.transaction((transaction) => accounts.admit(transaction, ben));
    t.equal(accounts.peekPrincipal(ben.id), principal);
  });

  await t.test('a load that a change overtakes is not kept', async (t) => {
    const { accounts, add, store } = await house(t, open);
    const ben = await add('ben');
    for (let round = 0; round < 20; round += 1) {
      await Promise.all([
        accounts.principal(ben.id),
        accounts.setAdmin(ben.id, round % 2 === 0, by).catch(() => undefined),
        accounts.principal(ben.id),
      ]);
      const { version } = await store.db.selectFrom('users').select('version').executeTakeFirstOrThrow();
      t.equal((await accounts.principal(ben.id))?.version, version);
    }
  });

  await t.test('a change by another process is in force within a second', async (t) => {
    const { accounts, add, openAgain } = await house(t, open);
    const elsewhere = accountsOn(await openAgain(systemClock), systemClock).accounts;
    const ben = await add('ben');
    t.equal((await elsewhere.principal(ben.id))?.state, 'active');
    const heard: string[] = [];
    elsewhere.onChange((userId) => heard.push(userId));
    await accounts.setState(ben.id, 'disabled', by);
    t.ok(await eventually('the change of ben is heard', () => heard.includes(ben.id)));
    t.equal((await elsewhere.principal(ben.id))?.state, 'disabled');
  });
});
