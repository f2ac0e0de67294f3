import fc from 'fast-check';
import t from 'tap';
import { parseEmail } from '../../gateway/accounts/email.ts';
import { createPasswordHasher } from '../../gateway/accounts/password-hash.ts';
import { checkPassword } from '../../gateway/accounts/password-rules.ts';
import { KnotError } from '../../gateway/lib/index.ts';
import { anyCharacter } from '../support/any-character.ts';

const anyText = fc.oneof(
  fc.string(),
  fc.string({ unit: anyCharacter }),
  fc.string({ unit: 'grapheme-ascii', maxLength: 300 }),
);

t.test('an address that is accepted is one plain ASCII address', async (t) => {
  const label = fc.stringMatching(/^[a-zA-Z0-9]{1,20}$/);
  const nearly = fc.tuple(
    fc.stringMatching(/^[a-zA-Z0-9.+_\-, <>"\n\0é]{0,5}$/),
    fc.constantFrom('@', '@@', ''),
    label,
    label,
  );
  let accepted = 0;
  fc.assert(
    fc.property(
      fc.oneof(
        anyText,
        nearly.map(([a, at, b, c]) => `${a}${at}${b}.${c}`),
      ),
      (text) => {
        let parsed;
        try {
          parsed = parseEmail(text);
        } catch (error) {
          if (error instanceof KnotError && error.code === 'KNOT_ACCOUNTS_EMAIL_INVALID') return;
          throw error;
        }
        accepted += 1;
        const { email, key } = parsed;
        const isPlain =
          /^[!-~]{3,254}$/.test(email) && email.split('@').length === 2 && !/[\s,;:<>()"\\[\]]/.test(email);
        if (!isPlain || key !== email.toLowerCase() || email !== text.trim()) throw new Error(JSON.stringify(text));
        if (parseEmail(key).key !== key) throw new Error('the key is not its own key');
      },
    ),
    { numRuns: 3000 },
  );
  t.ok(accepted > 20, `${accepted} were accepted`);
});

t.test('ordinary addresses are accepted', async (t) => {
  for (const text of ['a@b', 'ann@localhost', "o'neil+knot@sub.example.co.uk", ' x_y@z-1.org ', 'ANN@EXAMPLE.ORG']) {
    t.equal(parseEmail(text).email, text.trim());
  }
});

t.test('whatever is typed as a password is judged, never a failure', async () => {
  const owner = { username: 'marianne', email: 'm.curie@example.org' };
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(anyText, fc.string({ unit: anyCharacter, minLength: 10, maxLength: 2000 })),
      async (text) => {
        await checkPassword(text, owner, 10).catch((error: unknown) => {
          if (!(error instanceof KnotError) || error.code !== 'KNOT_ACCOUNTS_PASSWORD_WEAK') throw error;
        });
      },
    ),
    { numRuns: 500 },
  );
});

t.test('a password opens its own hash and no other, whatever its characters', async () => {
  const hasher = createPasswordHasher({ memory: 8, passes: 1, parallelism: 1 });
  await fc.assert(
    fc.asyncProperty(anyText, anyText, async (text, other) => {
      const hash = await hasher.hash(text);
      if (!(await hasher.verify(text, hash))) throw new Error('its own hash refused it');
      const isSame = Buffer.from(text.normalize('NFC')).equals(Buffer.from(other.normalize('NFC')));
      if ((await hasher.verify(other, hash)) !== isSame) throw new Error('another password opened it');
    }),
    { numRuns: 200 },
  );
});

t.test('whatever stands in the place of a hash matches nothing and breaks nothing', async () => {
  const hasher = createPasswordHasher({ memory: 8, passes: 1, parallelism: 1 });
  const almost = fc
    .tuple(fc.nat(40), fc.nat(3), fc.nat(3), fc.base64String({ maxLength: 100 }), fc.base64String({ maxLength: 100 }))
    .map(
      ([m, t, p, salt, hash]) =>
        `$argon2id$v=19$m=${m},t=${t},p=${p}$${salt.replaceAll('=', '')}$${hash.replaceAll('=', '')}`,
    );
  await fc.assert(
    fc.asyncProperty(fc.oneof(anyText, almost), async (stored) => {
      if (await hasher.verify('lemon', stored)) throw new Error(stored);
      hasher.isOutdated(stored);
    }),
    { numRuns: 500 },
  );
});
