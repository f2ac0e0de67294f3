import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { Linter } from 'eslint';
import t from 'tap';

/** Secrets are compared in a time that does not tell how much of them is right: by the one function, which nobody goes around. */

const compared: [Buffer, Buffer][] = [];
const { timingSafeEqual } = crypto;
Object.assign(crypto, {
  timingSafeEqual(left: Buffer, right: Buffer) {
    compared.push([left, right]);
    return timingSafeEqual(left, right);
  },
});
syncBuiltinESMExports();
const { equalSecrets } = await import('../../gateway/lib/index.ts');

t.test('the comparison of two secrets costs the same whatever they are', (t) => {
  const cases: [left: string, right: string, isEqual: boolean][] = [
    ['abc', 'abc', true],
    ['abc', 'abd', false],
    ['abc', 'ab', false],
    ['', 'a', false],
    ['', '', true],
    ['a'.repeat(5_000), 'a'.repeat(5_000), true],
  ];
  for (const [left, right, isEqual] of cases) {
    compared.length = 0;
    t.equal(equalSecrets(left, right), isEqual);
    t.strictSame(
      compared.map((pair) => pair.map((bytes) => bytes.length)),
      [[32, 32]],
      'once, by the function of constant time, over as many bytes',
    );
  }
  t.end();
});

t.test('lint refuses to compare a secret in any other way', async (t) => {
  const { default: configs } = (await import(new URL('../../eslint.config.js', import.meta.url).href)) as {
    default: { files?: unknown[]; rules?: Linter.RulesRecord }[];
  };
  const rule = configs.findLast(
    ({ files, rules }) => rules?.['no-restricted-syntax'] && JSON.stringify(files) === '["gateway/**/*.ts"]',
  )!.rules!['no-restricted-syntax']!;
  const complaints = (code: string) =>
    new Linter().verify(code, [{ rules: { 'no-restricted-syntax': rule } }]).map(({ message }) => message);
  for (const code of [
    'if (secret === given) go();',
    'if (given !== row.secret) go();',
    'const isSame = row.secretHash === hash(given);',
    'const isSame = a.token == b;',
    "const isSame = row['csrf'] === given;",
    'const isSame = password !== other.password;',
    'const isSame = sessions.some(({ binding }) => binding === given);',
  ]) {
    t.match(complaints(code), [/equalSecrets/], code);
  }
  for (const code of [
    'if (secret === undefined) go();',
    'if (row.password_hash !== null) go();',
    "if (typeof token === 'string' && token !== '') go();",
    'if (secret.length === 32) go();',
    'if (row.id === given) go();',
    'if (equalSecrets(secret, given) === false) go();',
  ]) {
    t.strictSame(complaints(code), [], code);
  }
});
