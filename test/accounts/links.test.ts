import t from 'tap';
import type { LinkKind } from '../../gateway/accounts/index.ts';
import { onBothStores } from '../support/house/stores.ts';
import { accountsOn, by, goodPassword, house } from './people.ts';

const visitor = { name: 'anonymous', address: '198.51.100.4' };
const dead = { code: 'KNOT_ACCOUNTS_LINK_INVALID', statusCode: 410 };
const lifetimeSeconds = 3600;

await onBothStores(t, async (t, open) => {
  await t.test('the setup link makes the first admin, once', async (t) => {
    const { accounts, acts } = await house(t, open);
    t.equal(await accounts.hasAdmin(), false);
    const { link, token } = await accounts.createLink({ kind: 'setup', lifetimeSeconds }, { name: 'system' });
    t.match(token, /^[A-Za-z0-9_-]{43}$/);
    t.strictSame(await accounts.findLink(token, 'setup'), link);
    const input = { username: 'ann', email: 'ann@example.org', password: goodPassword };
    const ann = await accounts.redeemLink(token, 'setup', input, visitor);
    t.match(ann, { username: 'ann', isAdmin: true, state: 'active', hasPassword: true });
    t.ok(await accounts.verifyPassword('ann', goodPassword));
    t.equal(await accounts.findLink(token, 'setup'), undefined);
    await t.rejects(
      accounts.redeemLink(token, 'setup', { ...input, username: 'eve', email: 'e@x.org' }, visitor),
      dead,
    );
    await t.rejects(accounts.createLink({ kind: 'setup', lifetimeSeconds }, by), { code: 'KNOT_ACCOUNTS_SETUP_DONE' });
    t.strictSame(await acts(), [
      `link.created link:${link.id}`,
      `link.redeemed link:${link.id}`,
      'user.created user:ann',
    ]);
  });

  await t.test('a setup link dies when an admin appears by another way, and when a newer one is made', async (t) => {
    const { accounts, add } = await house(t, open);
    const first = await accounts.createLink({ kind: 'setup', lifetimeSeconds }, by);
    const second = await accounts.createLink({ kind: 'setup', lifetimeSeconds }, by);
    t.equal(await accounts.findLink(first.token, 'setup'), undefined);
    t.ok(await accounts.findLink(second.token, 'setup'));
    t.equal((await accounts.listLinks()).length, 1);
    await add('ann', { isAdmin: true });
    t.ok(await accounts.findLink(second.token, 'setup'), 'an admin who cannot sign in yet is none');
    await add('bea', { isAdmin: true, password: goodPassword });
    t.equal(await accounts.findLink(second.token, 'setup'), undefined);
    t.strictSame(await accounts.listLinks(), []);
    const input = { username: 'eve', email: 'e@x.org', password: goodPassword };
    await t.rejects(accounts.redeemLink(second.token, 'setup', input, visitor), dead);
  });

  await t.test('of two who use one link at once exactly one wins', async (t) => {
    const { accounts, add, clock, openAgain } = await house(t, open);
    const elsewhere = accountsOn(await openAgain(), clock).accounts;
    const race = async (kind: LinkKind, token: string) => {
      const results = await Promise.allSettled(
        [accounts, elsewhere, accounts].map((service, index) => {
          const name = `${'abc'[index]}${kind}`;
          const input = { username: name, email: `${name}@x.org`, password: goodPassword };
          return service.redeemLink(token, kind, input, visitor);
        }),
      );
      t.equal(results.filter((result) => result.status === 'fulfilled').length, 1, kind);
      for (const result of results) if (result.status === 'rejected') t.match(result.reason, dead);
    };
    await race('setup', (await accounts.createLink({ kind: 'setup', lifetimeSeconds }, by)).token);
    await race('invitation', (await accounts.createLink({ kind: 'invitation', lifetimeSeconds }, by)).token);
    t.equal((await accounts.listUsers({})).total, 2);
    const ben = await add('ben', { password: 'green kettle 7 fox' });
    await race('reset', (await accounts.createLink({ kind: 'reset', userId: ben.id, lifetimeSeconds }, by)).token);
  });

  await t.test('a link ends when its time is over, to the millisecond', async (t) => {
    const { accounts, clock } = await house(t, open);
    const { token } = await accounts.createLink({ kind: 'invitation', lifetimeSeconds: 60 }, by);
    clock.advance(59_999);
    t.ok(await accounts.findLink(token, 'invitation'));
    clock.advance(1);
    t.equal(await accounts.findLink(token, 'invitation'), undefined);
    t.strictSame(await accounts.listLinks(), []);
    const input = { username: 'ben', email: 'b@x.org', password: goodPassword };
    await t.rejects(accounts.redeemLink(token, 'invitation', input, visitor), dead);
  });

  await t.test('a token works only as the kind it is', async (t) => {
    const { accounts, add } = await house(t, open);
    const ben = await add('ben', { password: goodPassword });
    const invitation = await accounts.createLink({ kind: 'invitation', lifetimeSeconds }, by);
    const reset = await accounts.createLink({ kind: 'reset', userId: ben.id, lifetimeSeconds }, by);
    const input = { username: 'eve', email: 'e@x.org', password: goodPassword };
    for (const [token, kind] of [
      [invitation.token, 'setup'],
      [invitation.token, 'reset'],
      [reset.token, 'setup'],
      [reset.token, 'invitation'],
      [invitation.link.id, 'invitation'],
      [reset.link.id, 'reset'],
      ['', 'invitation'],
      ['\0', 'setup'],
    ] as const) {
      t.equal(await accounts.findLink(token, kind), undefined);
      await t.rejects(accounts.redeemLink(token, kind, input, visitor), dead);
    }
    t.equal((await accounts.listUsers({})).total, 1);
  });

  await t.test('an invitation makes an ordinary active user, with the address it was sent to', async (t) => {
    const { accounts } = await house(t, open);
    const { token } = await accounts.createLink({ kind: 'invitation', email: 'ben@x.org', lifetimeSeconds }, by);
    const input = { username: 'ben', email: 'someone-else@x.org', password: goodPassword };
    const ben = await accounts.redeemLink(token, 'invitation', input, visitor);
    t.match(ben, { username: 'ben', email: 'ben@x.org', isAdmin: false, state: 'active' });
  });

  await t.test('nobody is invited whose address has an account: that link could never be redeemed', async (t) => {
    const { accounts, add } = await house(t, open);
    await add('ben');
    const invite = (email: string) => accounts.createLink({ kind: 'invitation', email, lifetimeSeconds }, by);
    const problems = [{ field: 'email' }];
    for (const email of ['ben@example.org', 'BEN@Example.org'])
      await t.rejects(invite(email), { code: 'KNOT_ACCOUNTS_EMAIL_TAKEN', details: { problems } });
    t.strictSame(await accounts.listLinks(), []);
    t.ok(await invite('other@example.org'));
  });

  await t.test('a refused redemption leaves the link usable', async (t) => {
    const { accounts, add } = await house(t, open);
    await add('cornelia');
    const { token } = await accounts.createLink({ kind: 'invitation', lifetimeSeconds }, by);
    const input = { username: 'ben', email: 'ben@x.org', password: goodPassword };
    for (const [wrong, code] of [
      [{ username: 'cornelia' }, 'KNOT_ACCOUNTS_NAME_TAKEN'],
      [{ username: 'admin' }, 'KNOT_ACCOUNTS_NAME_RESERVED'],
      [{ email: 'cornelia@example.org' }, 'KNOT_ACCOUNTS_EMAIL_TAKEN'],
      [{ email: 'x' }, 'KNOT_ACCOUNTS_EMAIL_INVALID'],
      [{ password: 'password2024!' }, 'KNOT_ACCOUNTS_PASSWORD_WEAK'],
    ] as const) {
      await t.rejects(accounts.redeemLink(token, 'invitation', { ...input, ...wrong }, visitor), { code });
    }
    t.ok(await accounts.redeemLink(token, 'invitation', input, visitor));
  });

  await t.test('a reset link sets a new password, once, and a newer link ends the older', async (t) => {
    const { accounts, add } = await house(t, open);
    const ben = await add('ben', { password: goodPassword });
    const first = await accounts.createLink({ kind: 'reset', userId: ben.id, lifetimeSeconds }, by);
    const second = await accounts.createLink({ kind: 'reset', userId: ben.id, lifetimeSeconds }, by);
    const password = 'green kettle 7 fox';
    await t.rejects(accounts.redeemLink(first.token, 'reset', { password }, visitor), dead);
    t.match(await accounts.redeemLink(second.token, 'reset', { password }, visitor), { id: ben.id });
    t.ok(await accounts.verifyPassword('ben', password));
    t.equal(await accounts.verifyPassword('ben', goodPassword), undefined);
    await t.rejects(accounts.redeemLink(second.token, 'reset', { password: goodPassword }, visitor), dead);
    t.ok(await accounts.verifyPassword('ben', password));
  });

  await t.test('a reset link that was mailed ends when the person gets another address', async (t) => {
    const { accounts, add } = await house(t, open);
    const ben = await add('ben', { password: goodPassword });
    const mailed = await accounts.createLink({ kind: 'reset', userId: ben.id, lifetimeSeconds }, by);
    await accounts.noteMailed(mailed.link.id, ben.email);
    await accounts.setEmail(ben.id, 'ben@elsewhere.org', by);
    t.equal(
      await accounts.findLink(mailed.token, 'reset'),
      undefined,
      'who reads the old mailbox may be somebody else',
    );
    await t.rejects(accounts.redeemLink(mailed.token, 'reset', { password: 'green kettle 7 fox' }, visitor), dead);
    const handed = await accounts.createLink({ kind: 'reset', userId: ben.id, lifetimeSeconds }, by);
    await accounts.setEmail(ben.id, 'ben@third.org', by);
    t.ok(await accounts.findLink(handed.token, 'reset'), 'one that was given by hand has nothing to do with it');
  });

  await t.test('a disabled or deleted user cannot come back by a reset link', async (t) => {
    const { accounts, add } = await house(t, open);
    const ben = await add('ben', { password: goodPassword });
    const { token } = await accounts.createLink({ kind: 'reset', userId: ben.id, lifetimeSeconds }, by);
    await accounts.setState(ben.id, 'disabled', by);
    t.equal(await accounts.findLink(token, 'reset'), undefined);
    await t.rejects(accounts.redeemLink(token, 'reset', { password: 'green kettle 7 fox' }, visitor), dead);
    const again = accounts.createLink({ kind: 'reset', userId: ben.id, lifetimeSeconds }, by);
    await t.rejects(again, { code: 'KNOT_ACCOUNTS_USER_DISABLED' });
    await accounts.deleteUser(ben.id, by);
    await t.rejects(accounts.redeemLink(token, 'reset', { password: 'green kettle 7 fox' }, visitor), dead);
    const gone = accounts.createLink({ kind: 'reset', userId: ben.id, lifetimeSeconds }, by);
    await t.rejects(gone, { code: 'KNOT_ACCOUNTS_NO_USER' });
    await t.rejects(accounts.createLink({ kind: 'reset', lifetimeSeconds }, by), { code: 'KNOT_ACCOUNTS_NO_USER' });
  });

  await t.test('a user who is disabled while the reset is being hashed keeps the old password', async (t) => {
    const { accounts, add } = await house(t, open);
    // A busy machine may hash faster than its database disables; then nothing was tried, and the next person is.
    for (const name of ['ben', 'cal', 'dot', 'eve', 'fay']) {
      const person = await add(name, { password: goodPassword });
      const { token } = await accounts.createLink({ kind: 'reset', userId: person.id, lifetimeSeconds }, by);
      const [reset] = await Promise.allSettled([
        accounts.redeemLink(token, 'reset', { password: 'green kettle 7 fox' }, visitor),
        accounts.setState(person.id, 'disabled', by),
      ]);
      if (reset.status === 'fulfilled' && name !== 'fay') continue;
      t.equal(reset.status, 'rejected');
      t.ok(await accounts.verifyPassword(name, goodPassword));
      return;
    }
  });

  await t.test('a revoked link is dead, and only an open one can be revoked', async (t) => {
    const { accounts } = await house(t, open);
    const { link, token } = await accounts.createLink({ kind: 'invitation', lifetimeSeconds }, by);
    t.strictSame(await accounts.listLinks(), [link]);
    await accounts.revokeLink(link.id, by);
    t.equal(await accounts.findLink(token, 'invitation'), undefined);
    await t.rejects(accounts.revokeLink(link.id, by), { code: 'KNOT_ACCOUNTS_NO_LINK' });
    await t.rejects(accounts.revokeLink('\0', by), { code: 'KNOT_ACCOUNTS_NO_LINK' });
  });

  await t.test('neither database nor ledger hold a token', async (t) => {
    const { accounts, store, audit } = await house(t, open);
    const { token } = await accounts.createLink({ kind: 'invitation', lifetimeSeconds }, by);
    const kept = [await store.db.selectFrom('links').selectAll().execute(), await audit.list({})];
    t.notOk(JSON.stringify(kept).includes(token));
  });
});
