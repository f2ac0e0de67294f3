import { sql } from 'kysely';
import { availableParallelism } from 'node:os';
import t from 'tap';
import { createPasswordHasher, currentParameters } from '../../gateway/accounts/password-hash.ts';
import { checkPassword, commonPasswords, type PasswordRule } from '../../gateway/accounts/password-rules.ts';
import { onBothStores } from '../support/house/stores.ts';
import { by, goodPassword, house } from './people.ts';
import { eventually } from '../support/eventually.ts';

const owner = { username: 'marianne', email: 'm.curie@example.org' };
const small = { memory: 64, passes: 1, parallelism: 1 };

const refused: { password: string; rule: PasswordRule }[] = [
  { password: '', rule: 'length' },
  { password: 'k7#mQ2!xZ', rule: 'length' },
  { password: '👩‍👩‍👧', rule: 'length' },
  { password: `${'long enough '.repeat(86)}`, rule: 'too-long' },
  { password: 'é'.repeat(600), rule: 'too-long' },
  { password: 'marianne-is-here', rule: 'personal' },
  { password: 'the MARIANNE of 1830', rule: 'personal' },
  { password: 'my m.curie secret', rule: 'personal' },
  { password: 'aaaaaaaaaaaa', rule: 'repeated' },
  { password: 'abababababab', rule: 'repeated' },
  { password: 'lemonlemonlemon', rule: 'repeated' },
  { password: 'xKq7xKq7xKq7', rule: 'repeated' },
  { password: '1231231231231', rule: 'repeated' },
  { password: 'abcdefghijklmn', rule: 'sequential' },
  { password: 'zyxwvutsrqpo', rule: 'sequential' },
  { password: '1234567890', rule: 'sequential' },
  { password: 'qwertyuiop12', rule: 'sequential' },
  { password: 'poiuytrewq', rule: 'sequential' },
  { password: 'abcdef123456', rule: 'sequential' },
  { password: '1qaz2wsx3edc', rule: 'sequential' },
  { password: 'unbelievable', rule: 'common' },
  { password: 'UNBELIEVABLE', rule: 'common' },
  { password: 'password2024!', rule: 'common' },
  { password: 'P@ssw0rd2024', rule: 'common' },
  { password: '!!sunshine99', rule: 'common' },
  { password: 'Sunsh1ne!!!!', rule: 'common' },
];

const accepted = [
  goodPassword,
  'correct horse battery staple',
  'k7#mQ2!xZp',
  'лимонное дерево у моря',
  'ночь над рекой',
  'gardenia trombone 4',
  'x'.repeat(3) + 'Ye' + 'river stones',
  'mari and anne went home',
];

await t.test('each rule refuses what it is for and is named', async (t) => {
  for (const { password, rule } of refused) {
    await t.rejects(
      checkPassword(password, owner, 10),
      { code: 'KNOT_ACCOUNTS_PASSWORD_WEAK', statusCode: 400, details: { rule } },
      `${rule}: ${password.slice(0, 30)}`,
    );
  }
  for (const password of accepted) await t.resolves(checkPassword(password, owner, 10), password);
  await t.resolves(
    checkPassword('the old ann house', { username: 'ax', email: 'a@x.org' }, 10),
    'short parts are words',
  );
});

await t.test('the error never repeats the password', async (t) => {
  const error: unknown = await checkPassword('xKq7xKq7xKq7', owner, 10).catch((error: unknown) => error);
  t.notMatch(JSON.stringify([error, (error as Error).message]), /xKq7/);
});

await t.test('the offline list has tens of thousands of entries', async (t) => {
  const common = await commonPasswords();
  t.ok(common.size > 40_000, `${common.size} entries`);
  for (const entry of ['123456', 'iloveyou', 'trustno1']) t.ok(common.has(entry));
});

await t.test('hashes are PHC strings with the parameters we promise', async (t) => {
  const hasher = createPasswordHasher();
  const hash = await hasher.hash(goodPassword);
  t.match(hash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  t.strictSame(currentParameters, { memory: 19_456, passes: 2, parallelism: 1 });
  t.not(await hasher.hash(goodPassword), hash, 'a salt of its own');
  t.equal(await hasher.verify(goodPassword, hash), true);
  t.equal(await hasher.verify(`${goodPassword} `, hash), false);
  t.equal(await hasher.verify(goodPassword, undefined), false);
  t.equal(await hasher.verify('', undefined), false);
  for (const broken of ['', 'x', hash.slice(0, -5).replace('argon2id', 'argon2i'), hash.replace('v=19', 'v=16')]) {
    t.equal(await hasher.verify(goodPassword, broken), false, broken.slice(0, 20));
  }
});

await t.test('a hash of another implementation is understood', async (t) => {
  // argon2 (the reference program): printf 'password' | argon2 somesalt -id -t 2 -m 16 -p 1 -l 32
  const reference = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc';
  const hasher = createPasswordHasher();
  t.equal(await hasher.verify('password', reference), true);
  t.equal(await hasher.verify('passwore', reference), false);
  t.equal(hasher.isOutdated(reference), true);
  t.equal(hasher.isOutdated(await hasher.hash('x')), false);
});

await t.test('the same characters composed or decomposed are the same password', async (t) => {
  const hasher = createPasswordHasher(small);
  const hash = await hasher.hash('caf\u00e9 au lait');
  t.equal(await hasher.verify('cafe\u0301 au lait', hash), true);
  t.equal(await hasher.verify('cafe au lait', hash), false);
});

await t.test('a password beyond the limit is never right and costs no more', async (t) => {
  const hasher = createPasswordHasher(small);
  const long = 'x'.repeat(2_000_000);
  t.equal(await hasher.verify(long, await hasher.hash('')), false);
  t.equal(await hasher.verify(long, undefined), false);
});

await t.test(
  'two are hashed at a time but one processor is left free, 64 wait, the next is refused at once',
  async (t) => {
    const hasher = createPasswordHasher(small);
    const results = await Promise.allSettled(Array.from({ length: 70 }, () => hasher.hash('x')));
    const refusals = results.filter((result) => result.status === 'rejected');
    const atOnce = availableParallelism() > 2 ? 2 : 1;
    t.equal(refusals.length, 70 - 64 - atOnce);
    t.match(refusals[0]?.reason, {
      code: 'KNOT_ACCOUNTS_BUSY',
      statusCode: 503,
      headers: { 'retry-after': /^\d+$/ },
    });
    t.match(await hasher.hash('x'), /^\$argon2id/, 'and then there is room again');
  },
);

await t.test('hashing leaves the event loop free', async (t) => {
  const hasher = createPasswordHasher();
  let turns = 0;
  const count = setInterval(() => (turns += 1), 1);
  await Promise.all([hasher.hash('a'), hasher.hash('b'), hasher.hash('c'), hasher.hash('d')]);
  clearInterval(count);
  t.ok(turns >= 5, `${turns} turns`);
});

await onBothStores(t, async (t, open) => {
  await t.test('only the right password of the right person opens', async (t) => {
    const { accounts, add } = await house(t, open);
    const ben = await add('ben', { password: goodPassword });
    await add('nopass');
    await add('off', { password: goodPassword, state: 'disabled' });
    t.equal((await accounts.verifyPassword('ben', goodPassword))?.user.id, ben.id);
    for (const [name, password] of [
      ['ben', ''],
      ['ben', goodPassword.toUpperCase()],
      ['nopass', goodPassword],
      ['nopass', ''],
      ['nobodyhere', goodPassword],
      ['BEN', goodPassword],
    ] as const) {
      t.equal(await accounts.verifyPassword(name, password), undefined, `${name}: ${password}`);
    }
    t.equal((await accounts.verifyPassword('off', goodPassword))?.user.state, 'disabled', 'who knows it is told why');
  });

  await t.test('a changed password replaces the old one and is recorded without it', async (t) => {
    const { accounts, add, audit, acts } = await house(t, open);
    const ben = await add('ben', { password: goodPassword });
    const heard: string[] = [];
    accounts.onChange((id) => heard.push(id));
    await t.rejects(accounts.setPassword(ben, 'password2024!', by), { code: 'KNOT_ACCOUNTS_PASSWORD_WEAK' });
    await t.rejects(accounts.setPassword(ben, 'ben-ben-lemon-9', by), { code: 'KNOT_ACCOUNTS_PASSWORD_WEAK' });
    t.ok(await accounts.verifyPassword('ben', goodPassword), 'a refusal changes nothing');
    await accounts.setPassword(ben, 'green kettle 7 fox', by);
    t.equal(await accounts.verifyPassword('ben', goodPassword), undefined);
    t.ok(await accounts.verifyPassword('ben', 'green kettle 7 fox'));
    t.strictSame(heard, [ben.id]);
    t.strictSame((await acts()).at(-1), 'password.changed user:ben');
    t.notMatch(JSON.stringify(await audit.list({})), /kettle|argon2|lemon/);
  });

  await t.test('nothing that is read back shows a hash', async (t) => {
    const { accounts, add } = await house(t, open);
    const ben = await add('ben', { password: goodPassword });
    const shown = [await accounts.findUser(ben.id), await accounts.listUsers({}), await accounts.principal(ben.id)];
    t.notMatch(JSON.stringify([...shown, await accounts.verifyPassword('ben', goodPassword)]), /argon2/);
  });

  await t.test('a hash with older parameters is renewed at the next sign-in', async (t) => {
    const { accounts, add, store } = await house(t, open);
    const ben = await add('ben');
    const stored = async () =>
      (await store.db.selectFrom('users').select('password_hash').executeTakeFirstOrThrow()).password_hash;
    const old = await createPasswordHasher(small).hash(goodPassword);
    await sql`update users set password_hash = ${old} where id = ${ben.id}`.execute(store.db);
    t.equal(await accounts.verifyPassword('ben', 'green kettle 7 fox'), undefined);
    t.equal(await stored(), old, 'not for a wrong password');
    t.ok(await accounts.verifyPassword('ben', goodPassword));
    t.ok(
      await eventually(
        'the hash is made anew with the parameters of today',
        async () => (await stored())?.includes('m=19456,t=2,p=1') === true,
      ),
    );
    t.ok(await accounts.verifyPassword('ben', goodPassword));
  });

  await t.test('an unknown name costs as much work as a known one', async (t) => {
    const { accounts, add } = await house(t, open);
    await add('ben', { password: goodPassword });
    await add('nopass');
    const costs: Record<string, number[]> = { ben: [], nopass: [], unknown: [] };
    for (let round = 0; round < 5; round += 1) {
      for (const name of Object.keys(costs)) {
        // Processor time of all threads: what others do on this machine is not in it.
        const before = process.cpuUsage();
        await accounts.verifyPassword(name, 'green kettle 7 fox');
        const { user, system } = process.cpuUsage(before);
        costs[name]!.push((user + system) / 1000);
      }
    }
    const median = (name: string) => costs[name]!.sort((a, b) => a - b)[2]!;
    for (const name of ['nopass', 'unknown']) {
      const ratio = median(name) / median('ben');
      t.ok(ratio > 0.3 && ratio < 3, `${name}: ${median(name).toFixed(1)} ms, ratio ${ratio.toFixed(2)}`);
    }
  });
});
