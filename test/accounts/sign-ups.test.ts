import { sql } from 'kysely';
import t from 'tap';
import { onBothStores } from '../support/house/stores.ts';
import { by, goodPassword, house } from './people.ts';

const stranger = { name: 'anonymous', address: '192.0.2.9' };
const wish = (username: string, email = `${username}@example.org`) => ({ username, email, password: goodPassword });
const day = 24 * 3600_000;

await onBothStores(t, async (t, open) => {
  await t.test('several may wish for one name and address; who is approved first gets them', async (t) => {
    const { accounts, add } = await house(t, open);
    for (let count = 0; count < 3; count += 1)
      t.strictSame(await accounts.askForAccount(wish('ann'), stranger, { isTold: false }), { outcome: 'waiting' });
    const { users } = await accounts.listUsers({ state: 'pending' });
    t.strictSame(
      users.map(({ username, email }) => [username, email]),
      Array.from({ length: 3 }, () => ['ann', 'ann@example.org']),
    );
    t.equal(await accounts.verifyPassword('ann', goodPassword), undefined, 'none of them is signed in by it');
    t.equal((await accounts.setState(users[1]!.id, 'active', by)).username, 'ann');
    t.equal((await accounts.verifyPassword('ann', goodPassword))?.user.id, users[1]!.id);
    t.equal((await accounts.verifyPassword('ann@example.org', goodPassword))?.user.id, users[1]!.id);
    await t.rejects(accounts.setState(users[0]!.id, 'active', by), {
      code: 'KNOT_ACCOUNTS_INPUT',
      statusCode: 409,
      details: {
        problems: [
          { field: 'username', message: /taken/ },
          { field: 'email', message: /another account/ },
        ],
      },
    });
    t.equal((await accounts.findUser(users[0]!.id))?.state, 'pending', 'and goes on waiting');
    await accounts.setEmail(users[0]!.id, 'other@example.org', by);
    await t.rejects(accounts.setState(users[0]!.id, 'active', by), { code: 'KNOT_ACCOUNTS_NAME_TAKEN' });
    t.ok(await add('bob'), 'and nobody else is in the way');
  });

  await t.test('who waits, is refused or is forgotten keeps nobody from the name or the address', async (t) => {
    const { accounts, add, clock, store } = await house(t, open);
    await accounts.askForAccount(wish('ann'), stranger, { isTold: false });
    await accounts.askForAccount(wish('bob'), stranger, { isTold: false });
    const [ann, bob] = (await accounts.listUsers({ state: 'pending' })).users;
    await accounts.setState(bob!.id, 'disabled', by);
    t.equal((await store.db.selectFrom('names').select('name').execute()).length, 0);
    await add('ann');
    await add('bob');
    await t.rejects(
      accounts.setState(bob!.id, 'active', by),
      { code: 'KNOT_ACCOUNTS_INPUT' },
      'a refusal that is taken back late',
    );
    clock.advance(31 * day);
    await accounts.askForAccount(wish('carla'), stranger, { isTold: false });
    t.equal(await accounts.findUser(ann!.id), undefined);
    t.equal(await accounts.findUser(bob!.id), undefined);
    t.equal((await accounts.listUsers({})).total, 3);
  });

  await t.test('names that look alike are judged when they are taken', async (t) => {
    const { accounts, add } = await house(t, open);
    await accounts.askForAccount(wish('ann0'), stranger, { isTold: false });
    await add('anno');
    const [waiting] = (await accounts.listUsers({ state: 'pending' })).users;
    await t.rejects(accounts.setState(waiting!.id, 'active', by), { code: 'KNOT_ACCOUNTS_NAME_ALIKE' });
  });

  await t.test('where the mailbox is told, what cannot become an account is not kept', async (t) => {
    const { accounts, add } = await house(t, open);
    await add('ann');
    const ask = (username: string, email: string) =>
      accounts.askForAccount(wish(username, email), stranger, { isTold: true });
    t.strictSame(await ask('new', 'Ann@Example.org'), { outcome: 'known', username: 'ann' });
    t.strictSame(await ask('ann', 'new@example.org'), { outcome: 'name-taken' });
    t.strictSame(await ask('new', 'new@example.org'), { outcome: 'waiting' });
    t.equal((await accounts.listUsers({ state: 'pending' })).total, 1);
    const lifetimeSeconds = 60;
    t.match(await accounts.askForLink({ email: 'ANN@example.org', lifetimeSeconds }, stranger), { outcome: 'known' });
    t.match(await accounts.askForLink({ email: 'x@example.org', lifetimeSeconds }, stranger), { outcome: 'link' });
  });

  await t.test('all that is wrong with a form is told at once, at the fields', async (t) => {
    const { accounts, add } = await house(t, open);
    await add('ann');
    const problems = [{ field: 'username' }, { field: 'email' }, { field: 'password', message: /10 characters/ }];
    const bad = { username: 'ann', email: 'ann@example.org', password: 'short' };
    await t.rejects(accounts.createUser({ ...bad, state: 'active' }, by), {
      code: 'KNOT_ACCOUNTS_INPUT',
      statusCode: 400,
      details: { problems },
    });
    await t.rejects(accounts.askForAccount({ ...bad, username: 'Ann!', email: 'no' }, stranger, { isTold: false }), {
      code: 'KNOT_ACCOUNTS_INPUT',
      details: { problems },
    });
    await t.rejects(accounts.createTeam({ name: 'ann', title: 'x'.repeat(61) }, by), {
      code: 'KNOT_ACCOUNTS_INPUT',
      details: { problems: [{ field: 'title' }, { field: 'name' }] },
    });
    const { token } = await accounts.createLink({ kind: 'invitation', lifetimeSeconds: 60 }, by);
    await t.rejects(accounts.redeemLink(token, 'invitation', bad, by), {
      code: 'KNOT_ACCOUNTS_INPUT',
      details: { problems },
    });
    t.equal((await accounts.listUsers({})).total, 1);
  });

  await t.test('the present password is no new one', async (t) => {
    const { accounts, add } = await house(t, open);
    const ann = await add('ann', { password: goodPassword });
    const refused = {
      code: 'KNOT_ACCOUNTS_PASSWORD_WEAK',
      details: { rule: 'present', problems: [{ field: 'password', message: /present password/ }] },
    };
    await t.rejects(accounts.setPassword(ann, goodPassword, by), refused);
    const { token } = await accounts.createLink({ kind: 'reset', userId: ann.id, lifetimeSeconds: 60 }, by);
    await t.rejects(accounts.redeemLink(token, 'reset', { password: goodPassword }, by), refused);
    t.ok(await accounts.findLink(token, 'reset'), 'the link still works');
  });

  await t.test('no more than a thousand wait', async (t) => {
    const { accounts, store } = await house(t, open);
    await accounts.askForAccount(wish('ann'), stranger, { isTold: false });
    const columns = sql`wished_name, email, is_admin, state, password_hash, credential_version, version, created_at`;
    for (let size = 1; size < 1000; size *= 2) {
      await sql`insert into users (id, username, email_key, ${columns})
        select id || '-' || ${size}, username || '-' || ${size}, email_key || '-' || ${size}, ${columns} from users limit ${1000 - size}`.execute(
        store.db,
      );
    }
    await t.rejects(accounts.askForAccount(wish('bob'), stranger, { isTold: false }), {
      code: 'KNOT_ACCOUNTS_SIGN_UPS_FULL',
      statusCode: 503,
    });
  });

  await t.test('sign-ups that waited before this rule give their names back', async (t) => {
    const { accounts, store } = await house(t, open);
    await accounts.askForAccount(wish('ann'), stranger, { isTold: false });
    const [ann] = (await accounts.listUsers({})).users;
    // As an older Knot left it.
    const { db } = store;
    await sql`update users set username = 'ann', email_key = 'ann@example.org', wished_name = null`.execute(db);
    await sql`insert into names (name, skeleton, kind, owner_id, created_at) values ('ann', 'ann', 'user', ${ann!.id}, 1)`.execute(
      db,
    );
    for (const index of ['users_name', 'users_state', 'users_waiting'])
      await sql`drop index if exists ${sql.ref(index)}`.execute(db);
    await sql`alter table users drop column wished_name`.execute(db);
    await (await import('../../gateway/store/migrations/0008-wished-names.ts')).up(db as never);
    t.match((await accounts.listUsers({ search: 'ANN' })).users, [{ username: 'ann', email: 'ann@example.org' }]);
    t.equal((await accounts.setState(ann!.id, 'active', by)).username, 'ann');
  });
});
