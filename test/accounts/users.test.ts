import t from 'tap';
import { createAccounts, type NewUser } from '../../gateway/accounts/index.ts';
import { newId, silentLog } from '../../gateway/lib/index.ts';
import { onBothStores } from '../support/house/stores.ts';
import { accountsOn, by, goodPassword, house } from './people.ts';

await onBothStores(t, async (t, open) => {
  await t.test('a user is kept as given, with an id that never changes', async (t) => {
    const { store, accounts, acts, clock } = await house(t, open);
    const user = await accounts.createUser(
      { username: 'ann', email: '  Ann@Example.org ', password: goodPassword, isAdmin: true, state: 'active' },
      by,
    );
    t.match(user.id, /^[0-9a-f-]{36}$/);
    t.strictSame(user, {
      id: user.id,
      username: 'ann',
      email: 'Ann@Example.org',
      isEmailProven: false,
      isAdmin: true,
      state: 'active',
      hasName: true,
      hasPassword: true,
      credentialVersion: 1,
      createdAt: clock.now(),
      lastSignInAt: null,
      teams: [],
    });
    t.strictSame(await accounts.findUser(user.id), user);
    t.strictSame(await accounts.findUserByName('ann'), user);
    t.strictSame(await acts(), ['user.created user:ann']);
    clock.advance(5000);
    t.equal(await store.transaction((transaction) => accounts.admit(transaction, user)), true);
    t.equal((await accounts.findUser(user.id))?.lastSignInAt, clock.now());
  });

  const refusals: { what: string; user: Partial<NewUser>; code: string }[] = [
    { what: 'an empty name', user: { username: '' }, code: 'KNOT_ACCOUNTS_NAME_INVALID' },
    { what: 'a capital letter', user: { username: 'Ben' }, code: 'KNOT_ACCOUNTS_NAME_INVALID' },
    { what: 'a name of 31 characters', user: { username: 'b'.repeat(31) }, code: 'KNOT_ACCOUNTS_NAME_INVALID' },
    { what: 'a name with a dash', user: { username: 'ben-x' }, code: 'KNOT_ACCOUNTS_NAME_INVALID' },
    { what: 'a reserved name', user: { username: 'admin' }, code: 'KNOT_ACCOUNTS_NAME_RESERVED' },
    { what: 'a look-alike of a reserved name', user: { username: 'adm1n' }, code: 'KNOT_ACCOUNTS_NAME_RESERVED' },
    { what: 'a name that is taken', user: { username: 'cornelia' }, code: 'KNOT_ACCOUNTS_NAME_TAKEN' },
    { what: 'a look-alike of a taken name', user: { username: 'come1ia' }, code: 'KNOT_ACCOUNTS_NAME_ALIKE' },
    { what: 'the name of a team', user: { username: 'vision' }, code: 'KNOT_ACCOUNTS_NAME_TAKEN' },
    { what: 'a look-alike of a team', user: { username: 'v1s1on' }, code: 'KNOT_ACCOUNTS_NAME_ALIKE' },
    { what: 'an address that is taken', user: { email: 'CORNELIA@example.ORG' }, code: 'KNOT_ACCOUNTS_EMAIL_TAKEN' },
    { what: 'no address', user: { email: '' }, code: 'KNOT_ACCOUNTS_EMAIL_INVALID' },
    { what: 'an address without @', user: { email: 'ben.example.org' }, code: 'KNOT_ACCOUNTS_EMAIL_INVALID' },
    { what: 'two addresses', user: { email: 'ben@example.org,x@y.org' }, code: 'KNOT_ACCOUNTS_EMAIL_INVALID' },
    {
      what: 'a header in the address',
      user: { email: 'ben@example.org\nBcc: x' },
      code: 'KNOT_ACCOUNTS_EMAIL_INVALID',
    },
    { what: 'NUL in the address', user: { email: 'ben\0@example.org' }, code: 'KNOT_ACCOUNTS_EMAIL_INVALID' },
    { what: 'two dots', user: { email: 'b..n@example.org' }, code: 'KNOT_ACCOUNTS_EMAIL_INVALID' },
    {
      what: 'a letter that only looks Latin',
      user: { email: 'b\u0435n@example.org' },
      code: 'KNOT_ACCOUNTS_EMAIL_INVALID',
    },
    {
      what: 'a letter that lower-cases to ASCII',
      user: { email: 'ben@\u212Anot.org' },
      code: 'KNOT_ACCOUNTS_EMAIL_INVALID',
    },
    { what: 'a local part of 65', user: { email: `${'b'.repeat(65)}@x.org` }, code: 'KNOT_ACCOUNTS_EMAIL_INVALID' },
    { what: 'a weak password', user: { password: 'short' }, code: 'KNOT_ACCOUNTS_PASSWORD_WEAK' },
  ];
  await t.test('what may not become a user leaves no trace', async (t) => {
    const { accounts, add, acts } = await house(t, open);
    await add('cornelia');
    await accounts.createTeam({ name: 'vision', title: 'Vision' }, by);
    const before = await acts();
    for (const { what, user, code } of refusals) await t.rejects(add('ben', user), { code }, what);
    t.strictSame(await acts(), before);
    t.equal((await accounts.listUsers({})).total, 1);
    t.ok(await add('ben'), 'the name of the refused is still free');
  });

  await t.test('of two who want the same at once exactly one gets it', async (t) => {
    const { accounts, add } = await house(t, open);
    const names = await Promise.allSettled([add('ben', { email: 'a@x.org' }), add('ben', { email: 'b@x.org' })]);
    t.strictSame(names.map((result) => result.status).sort(), ['fulfilled', 'rejected']);
    const emails = await Promise.allSettled([add('cleo', { email: 'c@x.org' }), add('dora', { email: 'C@x.org' })]);
    t.strictSame(emails.map((result) => result.status).sort(), ['fulfilled', 'rejected']);
    t.equal((await accounts.listUsers({})).total, 2);
  });

  await t.test('a name is never given twice, an address is', async (t) => {
    const { accounts, add } = await house(t, open);
    const first = await add('ben');
    await accounts.deleteUser(first.id, by);
    t.equal(await accounts.findUser(first.id), undefined);
    await t.rejects(add('ben', { email: 'other@x.org' }), { code: 'KNOT_ACCOUNTS_NAME_TAKEN' });
    await t.rejects(accounts.createTeam({ name: 'ben', title: 'Ben' }, by), { code: 'KNOT_ACCOUNTS_NAME_TAKEN' });
    t.ok(await add('benno', { email: 'ben@example.org' }));
  });

  await t.test('states change and each change is recorded once', async (t) => {
    const { accounts, add, acts } = await house(t, open);
    const { id } = await add('ben', { state: 'pending' });
    t.equal((await accounts.setState(id, 'active', by)).state, 'active');
    t.equal((await accounts.setState(id, 'active', by)).state, 'active', 'again: nothing to do');
    t.equal((await accounts.setState(id, 'disabled', by)).state, 'disabled');
    t.equal((await accounts.setState(id, 'active', by)).state, 'active');
    t.equal((await accounts.setAdmin(id, true, by)).isAdmin, true);
    t.equal((await accounts.setEmail(id, 'new@x.org', by)).email, 'new@x.org');
    t.strictSame((await acts()).slice(1), [
      'user.approved user:ben',
      'user.disabled user:ben',
      'user.enabled user:ben',
      'user.promoted user:ben',
      'user.email-changed user:ben',
    ]);
  });

  await t.test('an address can change its letter case but not become that of another', async (t) => {
    const { accounts, add } = await house(t, open);
    const ben = await add('ben');
    await add('cleo');
    t.equal((await accounts.setEmail(ben.id, 'BEN@example.org', by)).email, 'BEN@example.org');
    await t.rejects(accounts.setEmail(ben.id, 'Cleo@example.org', by), { code: 'KNOT_ACCOUNTS_EMAIL_TAKEN' });
  });

  await t.test('the last active admin stays', async (t) => {
    const { accounts, add, acts } = await house(t, open);
    const ann = await add('ann', { isAdmin: true, password: goodPassword });
    await add('off', { isAdmin: true, password: goodPassword, state: 'disabled' });
    await add('waiting', { isAdmin: true, password: goodPassword, state: 'pending' });
    const before = await acts();
    const code = 'KNOT_ACCOUNTS_LAST_ADMIN';
    await t.rejects(accounts.setAdmin(ann.id, false, by), { code });
    await t.rejects(accounts.setState(ann.id, 'disabled', by), { code });
    await t.rejects(accounts.deleteUser(ann.id, by), { code });
    t.strictSame(await acts(), before);
    await add('nopass', { isAdmin: true });
    await t.rejects(accounts.setAdmin(ann.id, false, by), { code }, 'someone who cannot sign in does not count');
    const bea = await add('bea', { isAdmin: true, password: goodPassword });
    t.equal((await accounts.setAdmin(ann.id, false, by)).isAdmin, false);
    await t.rejects(accounts.deleteUser(bea.id, by), { code });
    t.equal(await accounts.hasAdmin(), true);
  });

  await t.test('two admins who remove one another at once leave one', async (t) => {
    const { accounts, clock, openAgain, add } = await house(t, open);
    const other = accountsOn(await openAgain(), clock).accounts;
    const pair = [
      await add('ann', { isAdmin: true, password: goodPassword }),
      await add('bea', { isAdmin: true, password: goodPassword }),
    ] as const;
    for (const act of ['demote', 'disable', 'demote', 'disable'] as const) {
      const on = (service: typeof accounts, id: string) =>
        act === 'demote' ? service.setAdmin(id, false, by) : service.setState(id, 'disabled', by);
      const results = await Promise.allSettled([on(accounts, pair[0].id), on(other, pair[1].id)]);
      t.equal(results.filter((result) => result.status === 'fulfilled').length, 1, act);
      t.equal(await accounts.hasAdmin(), true);
      for (const { id } of pair) {
        await accounts.setAdmin(id, true, by);
        await accounts.setState(id, 'active', by);
      }
    }
  });

  await t.test('the list is searched, filtered and paged', async (t) => {
    const { accounts, add } = await house(t, open);
    for (const name of ['ann', 'ben', 'cleo', 'dora']) await add(name);
    await add('eve', { state: 'pending', email: 'eve_100%@example.org' });
    const names = async (query: Parameters<typeof accounts.listUsers>[0]) => {
      const { users, total } = await accounts.listUsers(query);
      return [users.map((user) => user.username).join(' '), total];
    };
    t.strictSame(await names({}), ['eve ann ben cleo dora', 5], 'who waits comes first');
    t.strictSame(await names({ limit: 2, offset: 1 }), ['ann ben', 5]);
    t.strictSame(await names({ state: 'pending' }), ['eve', 1]);
    t.strictSame(await names({ search: ' BEN@ex' }), ['ben', 1]);
    t.strictSame(await names({ search: '%' }), ['eve', 1], 'a wildcard is a character');
    t.strictSame(await names({ search: '_' }), ['eve', 1]);
    t.strictSame(await names({ search: '\\' }), ['', 0]);
    t.strictSame(await names({ search: "'; drop table users" }), ['', 0]);
    t.strictSame(await names({ search: '\0ben' }), ['ben', 1]);
  });

  await t.test('everyone can be listed at once, teams included', async (t) => {
    const { accounts, add, store, clock } = await house(t, open);
    const ben = await add('ben');
    const team = await accounts.createTeam({ name: 'vision', title: 'Vision' }, by);
    await accounts.setMember(team.id, ben.id, 'member', by);
    const row = { is_admin: 0, state: 'active' as const, password_hash: null, version: 1, last_sign_in_at: null };
    for (let from = 0; from < 2500; from += 500) {
      const rows = Array.from({ length: 500 }, (_, index) => {
        const username = `a${from + index}`;
        const email = `${username}@example.org`;
        return { ...row, id: newId(), username, email, email_key: email, created_at: clock.now() };
      });
      await store.db.insertInto('users').values(rows).execute();
    }
    const { users, total } = await accounts.listUsers({ limit: 100_000 });
    t.strictSame([users.length, total], [2501, 2501]);
    t.strictSame(users.at(-1)?.teams, [{ name: 'vision', role: 'member' }]);
    t.equal((await accounts.listUsers({})).users.length, 50);
  });

  await t.test('ids and names of any form are simply unknown', async (t) => {
    const { accounts } = await house(t, open);
    for (const text of ['', '\0', 'x', "' or 1=1 --", 'é'.repeat(5000)]) {
      t.equal(await accounts.findUser(text), undefined);
      t.equal(await accounts.findUserByName(text), undefined);
      t.equal(await accounts.principal(text), undefined);
      t.equal(await accounts.verifyPassword(text, goodPassword), undefined);
      await t.rejects(accounts.setState(text, 'active', by), { code: 'KNOT_ACCOUNTS_NO_USER' });
      await t.rejects(accounts.deleteUser(text, by), { code: 'KNOT_ACCOUNTS_NO_USER' });
    }
  });

  await t.test('a change whose record cannot be written does not happen', async (t) => {
    const { store, clock, add, accounts } = await house(t, open);
    const ben = await add('ben');
    const careless = createAccounts({
      store,
      clock,
      record: () => Promise.reject(new Error('no ledger')),
      onLoss: async () => undefined,
      passwordRules: { minimumLength: 10 },
      log: silentLog,
    });
    await t.rejects(careless.setState(ben.id, 'disabled', by));
    await t.rejects(careless.deleteUser(ben.id, by));
    await t.rejects(careless.createUser({ username: 'cleo', email: 'c@x.org', state: 'active' }, by));
    t.equal((await accounts.findUser(ben.id))?.state, 'active');
    t.equal((await accounts.listUsers({})).total, 1);
  });
});
