import fc from 'fast-check';
import t, { type Test } from 'tap';
import { createTokens, isTokenForm, parseScope, scopeAllows } from '../../gateway/tokens/index.ts';
import { newTokenSecret } from '../../gateway/tokens/secret.ts';
import { silentLog } from '../../gateway/lib/index.ts';
import { eventually } from '../support/eventually.ts';
import { openTestFacts } from '../support/house/facts.ts';
import { onBothStores, type OpenDatabase } from '../support/house/stores.ts';

t.test('a secret is known by sight, and one wrong character is', (t) => {
  const seen = new Set<string>();
  for (let round = 0; round < 200; round += 1) {
    const secret = newTokenSecret();
    t.match(secret, /^knot_pat_[0-9A-Za-z]{42}$/);
    t.ok(isTokenForm(secret));
    seen.add(secret);
  }
  t.equal(seen.size, 200);
  const secret = newTokenSecret();
  fc.assert(
    fc.property(fc.nat(41), fc.constantFrom(...'0aZz9'), (index, letter) => {
      const at = 9 + index;
      const changed = `${secret.slice(0, at)}${letter}${secret.slice(at + 1)}`;
      return changed === secret || !isTokenForm(changed);
    }),
  );
  for (const other of [
    '',
    'knot_pat_',
    secret.slice(0, -1),
    `${secret}0`,
    ` ${secret}`,
    secret.toUpperCase(),
    `${secret}\n`,
  ])
    t.notOk(isTokenForm(other), JSON.stringify(other));
  t.end();
});

t.test('scopes: write includes read, an area narrows files, nothing else is one', (t) => {
  const scopes = ['files:write:team:physics', 'files:read:private', 'account:read'].map(parseScope);
  for (const [subject, act, area, isAllowed] of [
    ['files', 'read', undefined, true],
    ['files', 'write', undefined, true],
    ['files', 'write', 'team:physics', true],
    ['files', 'read', 'team:physics', true],
    ['files', 'read', 'private', true],
    ['files', 'write', 'private', false],
    ['files', 'read', 'shared', false],
    ['files', 'read', 'team:chemistry', false],
    ['account', 'read', undefined, true],
    ['account', 'write', undefined, false],
    ['admin', 'read', undefined, false],
  ] as const)
    t.equal(scopeAllows(scopes, subject, act, area), isAllowed, `${subject} ${act} ${area}`);
  for (const none of [
    '',
    'files',
    'files:rw',
    'files:read:',
    'files:read:nowhere',
    'files:read:team:',
    'account:read:private',
    'admin:*',
    '*',
  ])
    t.throws(() => parseScope(none), { code: 'KNOT_TOKENS_SCOPE' }, none);
  t.end();
});

await onBothStores(t, async (t, open) => {
  async function given(t: Test, openOne: OpenDatabase) {
    const { store, clock, openAgain } = await openOne(t);
    const facts = await openTestFacts(t, { store, clock });
    const { accounts, audit, tokens } = facts;
    const elsewhere = createTokens({ store: await openAgain(), clock, record: audit.record, log: silentLog });
    t.teardown(() => elsewhere.close());
    const by = { name: 'root-admin' };
    const add = (username: string) =>
      accounts.createUser(
        { username, email: `${username}@x.org`, password: 'blue tractor 9 lemon', state: 'active' },
        by,
      );
    const ann = await add('ann');
    const make = (more: object = {}) =>
      tokens.create({ userId: ann.id, name: 'ci', scopes: ['files:read'], days: 30, ...more }, { actor: 'ann' });
    return { ...facts, elsewhere, ann, add, make, by };
  }
  const from = '192.0.2.1';

  await t.test('a token is found by its secret, which is kept nowhere', async (t) => {
    const { make, tokens, store, ann, audit } = await given(t, open);
    const { token, secret } = await make({ scopes: ['files:read', 'files:read', 'account:read'] });
    t.match(token, { name: 'ci', scopes: ['files:read', 'account:read'], hint: secret.slice(-4), lastUsedAt: null });
    t.match(await tokens.find(secret, from), { id: token.id, userId: ann.id });
    const rows = JSON.stringify(await store.db.selectFrom('tokens').selectAll().execute());
    t.notOk(rows.includes(secret.slice(9, -6)));
    t.notOk(JSON.stringify(await audit.list({ limit: 10 })).includes(secret));
    t.match((await audit.list({ limit: 1 }))[0], {
      action: 'token.created',
      actor: 'ann',
      subject: `token:${token.id}`,
    });
  });

  await t.test('what is wrong with a new token is said of the field', async (t) => {
    const { make } = await given(t, open);
    await t.rejects(make({ name: ' ' }), { code: 'KNOT_TOKENS_NAME', details: { problems: [{ field: 'name' }] } });
    await t.rejects(make({ name: 'a\nb' }), { code: 'KNOT_TOKENS_NAME' });
    await t.rejects(make({ scopes: [] }), { code: 'KNOT_TOKENS_SCOPE' });
    await t.rejects(make({ scopes: ['files:read', 'root'] }), { code: 'KNOT_TOKENS_SCOPE' });
    for (const days of [0, -1, 367, 1.5, Number.NaN, Infinity]) {
      await t.rejects(make({ days }), { code: 'KNOT_TOKENS_DAYS' }, String(days));
    }
    for (let count = 0; count < 100; count += 1) await make();
    await t.rejects(make(), { code: 'KNOT_TOKENS_TOO_MANY' });
  });

  await t.test('a token ends when its time is over', async (t) => {
    const { make, tokens, clock } = await given(t, open);
    const { secret } = await make({ days: 1 });
    clock.advance(86_400_000 - 1);
    t.ok(await tokens.find(secret, from));
    clock.advance(1);
    t.equal(await tokens.find(secret, from), undefined, 'although it is cached');
  });

  await t.test('a token that is revoked is dead at once here, and on another replica that has it cached', async (t) => {
    const { make, tokens, elsewhere, ann, add } = await given(t, open);
    const { token, secret } = await make();
    t.ok(await elsewhere.find(secret, from));
    const ended: string[] = [];
    elsewhere.onEnded((id) => ended.push(id));
    const bob = await add('bob');
    await t.rejects(tokens.revoke(bob.id, token.id, { actor: 'bob' }), { code: 'KNOT_TOKENS_NONE' }, 'by nobody else');
    await tokens.revoke(ann.id, token.id, { actor: 'ann' });
    t.equal(await tokens.find(secret, from), undefined);
    await eventually('the other replica hears of it', async () => (await elsewhere.find(secret, from)) === undefined);
    t.same(ended, [token.id]);
    await t.rejects(tokens.revoke(ann.id, token.id, { actor: 'ann' }), { code: 'KNOT_TOKENS_NONE' });
  });

  await t.test(
    'tokens end with the account and with a reset, unless the person wants connections to go on',
    async (t) => {
      const { make, tokens, accounts, ann, by, audit } = await given(t, open);
      const live = async (secret: string) => (await tokens.find(secret, from)) !== undefined;
      const change = async (keepsConnections: boolean, password: string) => {
        const user = (await accounts.findUser(ann.id))!;
        await accounts.setPassword(user, password, by, { keepsConnections });
      };
      const first = (await make()).secret;
      await change(true, 'green kettle 7 fox');
      t.ok(await live(first), 'kept by who changes the password');
      await change(false, 'brown window 3 elk');
      t.notOk(await live(first));
      t.match(
        (await audit.list({ limit: 5 })).find(({ action }) => action === 'token.revoked'),
        {
          detail: { reason: 'password_changed' },
        },
      );
      const second = (await make()).secret;
      t.ok(await live(second));
      await accounts.setState(ann.id, 'disabled', by);
      t.notOk(await live(second));
      await accounts.setState(ann.id, 'active', by);
      t.notOk(await live(second), 'and does not come back');
      const third = (await make()).secret;
      await accounts.deleteUser(ann.id, by);
      t.notOk(await live(third));
    },
  );

  await t.test('the last use is shown at once and written later', async (t) => {
    const { make, tokens, clock, ann, elsewhere } = await given(t, open);
    const { secret } = await make();
    clock.advance(5_000);
    await tokens.find(secret, from);
    t.match(await tokens.list(ann.id), [{ lastUsedAt: clock.now(), lastUsedFrom: from }]);
    t.match(await elsewhere.list(ann.id), [{ lastUsedAt: null }]);
    await tokens.flush();
    t.match(await elsewhere.list(ann.id), [{ lastUsedAt: clock.now(), lastUsedFrom: from }]);
    const before = clock.now();
    clock.advance(30_000);
    await tokens.find(secret, '192.0.2.9');
    await tokens.flush();
    t.match(await elsewhere.list(ann.id), [{ lastUsedAt: before }], 'not more often than once a minute');
    clock.advance(31_000);
    await tokens.find(secret, '192.0.2.9');
    await tokens.flush();
    t.match(await elsewhere.list(ann.id), [{ lastUsedFrom: '192.0.2.9' }]);
  });

  await t.test(
    'a wrong form never asks the store; invented ones are slowed down by network, real ones are not',
    async (t) => {
      const { make, tokens, store, clock } = await given(t, open);
      const { secret } = await make();
      t.ok(await tokens.find(secret, from));
      let reads = 0;
      const { selectFrom } = store.db;
      store.db.selectFrom = ((...names: Parameters<typeof selectFrom>) => {
        if (names[0] === 'tokens') reads += 1;
        return selectFrom.apply(store.db, names);
      }) as typeof selectFrom;
      t.teardown(() => void (store.db.selectFrom = selectFrom));
      for (const wrong of [`${secret.slice(0, -1)}_`, `${secret}x`, 'knot_pat_x', 'eyJhbGciOi', ''])
        t.equal(await tokens.find(wrong, from), undefined);
      t.equal(reads, 0);
      for (let count = 0; count < 20; count += 1) t.equal(await tokens.find(newTokenSecret(), from), undefined);
      t.equal(reads, 20);
      await t.rejects(tokens.find(newTokenSecret(), from), {
        code: 'KNOT_TOKENS_TOO_OFTEN',
        statusCode: 429,
        headers: { 'retry-after': '60' },
      });
      t.equal(reads, 20, 'nothing is read for who is slowed down');
      t.ok(await tokens.find(secret, from), 'what is known is served all the same');
      t.equal(await tokens.find(newTokenSecret(), '192.0.2.2'), undefined, 'others are not concerned');
      clock.advance(60_000);
      t.equal(await tokens.find(newTokenSecret(), from), undefined);
    },
  );
});
