import { decodeJwt } from 'jose';
import t, { type Test } from 'tap';
import type { User } from '../../gateway/accounts/index.ts';
import { openHouse } from './support/house.ts';
import { createRelyingParty } from './support/relying-party.ts';

const by = { name: 'test' };
const password = 'blue tractor 9 lemon';

async function open(test: Test, emailVerified?: 'proven' | 'all') {
  const house = await openHouse(test, emailVerified && { emailVerified });
  const party = createRelyingParty(house);
  /** What a client reads about the person, in the ID token and at userinfo alike. */
  const verifiedOf = async (user: User) => {
    const browser = house.browser();
    await house.signIn(browser, (await house.accounts.findUser(user.id))!);
    const tokens = await party.tokens(browser, { scope: 'openid email' });
    const [claims, { body }] = [decodeJwt(tokens.id_token!), await party.userinfo(tokens.access_token!)];
    test.equal(claims['email'], body['email']);
    test.equal(claims['email_verified'], body['email_verified']);
    test.equal('email_verified' in body, body['email_verified'] !== undefined, 'unknown is left out, never false');
    return body['email_verified'];
  };
  const invite = async (username: string, email: string | undefined) => {
    const link = { kind: 'invitation', lifetimeSeconds: 60, ...(email === undefined ? {} : { email }) } as const;
    const { token } = await house.accounts.createLink(link, by);
    const input = { username, email: `${username}@typed.example`, password };
    return await house.accounts.redeemLink(token, 'invitation', input, by);
  };
  return { house, verifiedOf, invite };
}

t.test('an address is verified when it was invited, and unknown when somebody typed it', async (t) => {
  const { house, verifiedOf, invite } = await open(t);
  t.equal(await verifiedOf(await house.person('ann')), undefined, 'made by an admin');
  t.equal(await verifiedOf(await invite('ben', 'ben@example.org')), true, 'the invitation names it');
  t.equal(await verifiedOf(await invite('cem', undefined)), undefined, 'the invitation names none');
});

t.test('a reset link that was mailed proves the address it went to, if that is still theirs', async (t) => {
  const { house, verifiedOf } = await open(t);
  const reset = async (
    user: User,
    mailedTo: string | undefined,
    meanwhile?: () => Promise<unknown>,
    afterwards?: () => Promise<unknown>,
  ) => {
    const { link, token } = await house.accounts.createLink(
      { kind: 'reset', userId: user.id, lifetimeSeconds: 60 },
      by,
    );
    await meanwhile?.();
    if (mailedTo !== undefined) await house.accounts.noteMailed(link.id, mailedTo);
    await afterwards?.();
    await house.accounts.redeemLink(token, 'reset', { password }, by);
    return await verifiedOf(user);
  };
  t.equal(await reset(await house.person('ann'), undefined), undefined, 'handed over by an admin');
  t.equal(await reset(await house.person('ben'), 'ben@example.org'), true);
  const cem = await house.person('cem');
  const moved = () => house.accounts.setEmail(cem.id, 'new@example.org', by);
  t.equal(await reset(cem, 'cem@example.org', moved), undefined, 'moved while the mail was sent');
  const dan = await house.person('dan');
  const movedLater = () => house.accounts.setEmail(dan.id, 'later@example.org', by);
  await t.rejects(reset(dan, 'dan@example.org', undefined, movedLater), { code: 'KNOT_ACCOUNTS_LINK_INVALID' });
});

t.test('another address is unknown again', async (t) => {
  const { house, verifiedOf, invite } = await open(t);
  const ben = await invite('ben', 'ben@example.org');
  await house.accounts.setEmail(ben.id, 'other@example.org', by);
  t.equal(await verifiedOf(ben), undefined);
});

t.test('oidc.emailVerified: all, for operators who know every address', async (t) => {
  const { house, verifiedOf } = await open(t, 'all');
  t.equal(await verifiedOf(await house.person('ann')), true);
});
