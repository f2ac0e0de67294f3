import fc from 'fast-check';
import t from 'tap';
import { addressOfPath, nameOf, pathOfAddress, textOf } from '../../gateway/files/index.ts';
import { addressOfName, inNotebooks, placeNamed, refusalOfName } from '../../dashboard/src/lib/files/names.ts';
import { canBeNamed, placeOf, servicePath } from '../../dashboard/src/lib/forms/folders.ts';
import { formOf, isOtherForm, partsOf, readable } from '../../dashboard/src/lib/files/readable.ts';

const marksIn = (name: string) => partsOf(name).flatMap(({ mark }) => mark ?? []);

t.test('a name that is typed is addressed as the gateway addresses it', async (t) => {
  const names = fc
    .string({ unit: 'binary', minLength: 1, maxLength: 40 })
    .filter((name) => refusalOfName(name) === undefined);
  const odd = fc.constantFrom(
    'a\\b',
    'end.',
    '..;x',
    '.;',
    'a%20b',
    '%',
    'x + y',
    'a & b#1.txt',
    'é',
    'e\u0301',
    '\uf0ff',
    '...',
  );
  fc.assert(
    fc.property(fc.oneof(names, odd), (name) => {
      const address = addressOfName(name);
      const [read] = pathOfAddress(address);
      return read!.equals(nameOf(name)) && addressOfPath([nameOf(name)]) === addressOfName(textOf(nameOf(name)));
    }),
  );
  t.same(placeNamed({ area: 'team:a', address: 'x' }, 'a b'), { area: 'team:a', address: 'x/a%20b' });
  t.same(placeNamed({ area: 'private', address: '' }, 'a'), { area: 'private', address: 'a' });
});

t.test('a folder is called in a value what it is called on the disk, whatever its name', async (t) => {
  const names = fc.oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }),
    fc.constantFrom('a\\b', 'end.', '.;'),
  );
  fc.assert(
    fc.property(names, fc.constantFrom('private', 'shared', 'team:lab'), (name, area) => {
      if (refusalOfName(name) !== undefined || !canBeNamed(name)) return true;
      const place = placeNamed({ area, address: 'x' }, name);
      const path = servicePath(place)!;
      return path === `/files/${area.replace(':', '/')}/x/${name}` && placeOf(path)!.address === place.address;
    }),
  );
  t.notOk(canBeNamed('a\uf0ff'));
  t.equal(placeOf('/etc'), undefined);
  t.same(placeOf('/files/team/lab'), { area: 'team:lab', address: '' });
});

t.test('what no disk takes is refused before it is sent, as the gateway refuses it', async (t) => {
  for (const name of ['', '.', '..', 'a/b', 'a\0b', '\ud800', 'é'.repeat(128), 'x'.repeat(256)]) {
    t.type(refusalOfName(name), 'string', JSON.stringify(name));
    t.throws(() => nameOf(name), { code: 'KNOT_FILES_NAME' }, JSON.stringify(name));
  }
  for (const name of ['x'.repeat(255), 'é'.repeat(127), '\uf0ff'.repeat(255), '...', ' ', '\n']) {
    t.equal(refusalOfName(name), undefined, JSON.stringify(name));
    t.doesNotThrow(() => nameOf(name), JSON.stringify(name));
  }
});

t.test('where notebooks find an area', async (t) => {
  t.equal(inNotebooks('private', ''), '/files/private');
  t.equal(inNotebooks('team:physics', 'a b/c'), '/files/team/physics/a b/c');
  t.equal(inNotebooks('shared', 'x'), '/files/shared/x');
  t.equal(inNotebooks('admin', 'x'), undefined);
  t.equal(inNotebooks('user:ann', 'x'), undefined);
});

t.test('what could deceive in a name is marked, and what only looks odd is not', async (t) => {
  t.same(marksIn('photo\u202egpj.exe'), ['right-to-left override']);
  t.same(marksIn('a\nb\tc\u0007\u0085'), ['line break', 'tab', 'control character 07', 'control character 85']);
  t.same(marksIn('pay\u200bpal \u00adx'), ['space without width', 'soft hyphen']);
  t.same(marksIn(' a b '), ['a space at the edge', 'a space at the edge']);
  t.same(marksIn('a\u00a0b'), ['a space of another kind']);
  t.same(partsOf('bad\uf0ffbyte'), [
    { text: 'bad' },
    { text: '\\xFF', mark: 'a byte that is no text: FF' },
    { text: 'byte' },
  ]);
  t.same(marksIn('thumb\u{1f44d}\u200d.txt'), ['joiner'], 'behind an emoji that does not need it');
  for (const plain of [
    'a & b#1.txt',
    '👩‍🔬 notes.md',
    '🏴󠁧󠁢󠁳󠁣󠁴󠁿',
    '❤️',
    'שלום.txt',
    'می‌خواهم',
    'क्‍ष',
    'e\u0301',
    '日本語',
    '',
  ]) {
    t.same(marksIn(plain), [], plain);
  }
});

t.test('a name in a sentence says its marks and moves nothing around it', async (t) => {
  t.equal(readable('a\nb'), 'a[line break]b');
  t.equal(readable('plain'), 'plain');
  t.equal(readable('שלום'), '\u2068שלום\u2069');
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      (name) => !/[\n\r\u202a-\u202e\u2066\u2067\u200b\uf000-\uf0ff]/.test(readable(name)),
    ),
  );
});

t.test('two forms of the same letters are told apart only where both stand', async (t) => {
  const both = ['caf\u00e9', 'cafe\u0301'];
  t.ok(both.every((name) => isOtherForm(name, both)));
  t.notOk(isOtherForm('cafe\u0301', ['cafe\u0301', 'x']));
  t.not(formOf(both[0]!), formOf(both[1]!));
});
