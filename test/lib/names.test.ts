import fc from 'fast-check';
import t from 'tap';
import { checkName, nameSkeleton } from '../../gateway/lib/index.ts';
import { anyCharacter } from '../support/any-character.ts';

const people = (
  'ali ann anna ben bernard carla chloe emil emilia eve finn hans igor ines iris jill julia karl lena leon lily lina luis ' +
  'maria mia mila moritz nils nina noor olga paul pia quinn rita sara tim tina ulla vera willi xu yara zoe a b7 x9y8z7'
).split(' ');

const refused: { reason: 'pattern' | 'reserved'; names: string[] }[] = [
  {
    reason: 'pattern',
    names: [
      '',
      'A',
      'aB',
      '1a',
      'a-b',
      'a_b',
      'a.b',
      'a b',
      'a/b',
      'a\n',
      '\na',
      'é',
      'ａ',
      'а',
      'a\0',
      '__proto__',
      'a'.repeat(31),
    ],
  },
  {
    reason: 'reserved',
    names: [
      ...['admin', 'adm1n', 'adrnin', 'admln', 'root', 'r00t', 'r0ot', 'knot', 'kn0t', 'system', 'sy5tem', 'support'],
      ...[
        'login',
        'iogin',
        'log1n',
        'api',
        'www',
        'oidc',
        'localhost',
        'loca1host',
        'jupyterhub',
        'grafana',
        'default',
      ],
      ...[
        'everyone',
        'everyone',
        'anonymous',
        'cli',
        'test',
        'constructor',
        'library',
        'wpad',
        'hostmaster',
        'vvebmaster',
      ],
    ],
  },
];

t.test('ordinary names are names', async (t) => {
  for (const name of [...people, 'a'.repeat(30)]) t.equal(checkName(name), undefined, name);
});

t.test('what is not a name, or not for people, is refused with a reason', async (t) => {
  for (const { reason, names } of refused) {
    for (const name of names) t.match(checkName(name), { reason, message: /\w/ }, JSON.stringify(name));
  }
});

t.test('names that look the same have the same skeleton, others do not', async (t) => {
  for (const [a, b] of [
    ['paul', 'pau1'],
    ['paul', 'paui'],
    ['leo', 'le0'],
    ['mia', 'rnia'],
    ['ewa', 'evva'],
    ['susi', '5u5i'],
    ['bob', '8o8'],
    ['zoe', '2oe'],
    ['cornelia', 'come1ia'],
  ] as const) {
    t.equal(nameSkeleton(a), nameSkeleton(b), `${a} ${b}`);
  }
  t.equal(new Set(people.map(nameSkeleton)).size, people.length);
});

t.test('only lower-case ASCII letters and digits, a letter first, at most 30, ever pass', async () => {
  const nearly = fc.stringMatching(/^[a-zA-Z0-9_.\- \u00e9\u0430\n]{0,33}$/);
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.string({ unit: anyCharacter }), nearly), (text) => {
      const isName =
        text.length >= 1 &&
        text.length <= 30 &&
        [...text].every((c) => 'abcdefghijklmnopqrstuvwxyz0123456789'.includes(c));
      if (checkName(text)?.reason !== 'pattern' && !(isName && /^[a-z]/.test(text)))
        throw new Error(JSON.stringify(text));
    }),
    { numRuns: 2000 },
  );
});

t.test('a skeleton is its own skeleton, and replacing a character by its look-alike does not change it', async () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9]{0,29}$/);
  const pairs = [
    ['0', 'o'],
    ['1', 'l'],
    ['1', 'i'],
    ['5', 's'],
    ['8', 'b'],
    ['2', 'z'],
  ] as const;
  fc.assert(
    fc.property(name, fc.constantFrom(...pairs), (text, [digit, letter]) => {
      const skeleton = nameSkeleton(text);
      if (nameSkeleton(skeleton) !== skeleton) throw new Error(`${text}: ${skeleton}`);
      if (nameSkeleton(text.replaceAll(letter, digit)) !== skeleton) throw new Error(`${text}: ${letter} and ${digit}`);
      if (nameSkeleton(text.replaceAll('m', 'rn')) !== skeleton) throw new Error(`${text}: m and rn`);
    }),
    { numRuns: 2000 },
  );
});
