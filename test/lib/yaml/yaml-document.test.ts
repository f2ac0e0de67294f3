import fc from 'fast-check';
import t from 'tap';
import { parseDocument } from 'yaml';
import { readYamlDocument } from '../../../gateway/lib/index.ts';

t.test('what is wrong is told with its place, in the order of the text', async (t) => {
  const told = (text: string) => readYamlDocument(text).errors.map(({ message, offset }) => [message, offset]);
  t.strictSame(told('a: 1\nb: {a: 1}\n'), []);
  t.strictSame(told('a: 1\nb: 2\na: 3\n'), [['Map keys must be unique', 10]]);
  t.match(told('a: {b: 1, b: 2}\na: [{c: 1, c: 1}\n'), [[/unique/, 10], [/unique/, 16], [/unique/, 27], [/./]]);
  t.strictSame(
    told(`- {"a": 1, 'a': 2}\n- {1: a, "1": b}\n`),
    [['Map keys must be unique', 11]],
    'a number is no text',
  );
  t.equal(told(Array.from({ length: 50_000 }, () => 'a: 1\n').join('')).length, 20);
});

t.test('the same keys are repeated for it as for the library', async (t) => {
  const name = fc.constantFrom('a', 'b', '"a"', '1', '"1"', '~', 'true', '? [a]\n');
  const mapping = fc.array(name, { maxLength: 6 }).map((names) => `{${names.map((one) => `${one}: x`).join(', ')}}`);
  const offsets = (errors: { offset: number }[]) => [...new Set(errors.map(({ offset }) => offset))];
  fc.assert(
    fc.property(fc.array(mapping, { minLength: 1, maxLength: 4 }), (mappings) => {
      const text = mappings.map((one) => `- ${one}\n`).join('');
      const wanted = parseDocument(text, { prettyErrors: false, strict: true }).errors.map(({ pos }) => ({
        offset: pos[0],
      }));
      t.strictSame(
        offsets(readYamlDocument(text).errors),
        offsets(wanted).toSorted((a, b) => a - b),
        text,
      );
    }),
  );
});

t.test('a quarter of a megabyte of keys, or of brackets, holds nobody up', async (t) => {
  const keys = Array.from({ length: 40_000 }, (_, index) => `k${index.toString(36)}:\n`).join('');
  const wide = `{${Array.from({ length: 40_000 }, (_, index) => `k${index.toString(36)}: `).join(',')}}`;
  for (const text of [keys, wide, `[${'a,'.repeat(120_000)}]`]) {
    const before = process.cpuUsage();
    t.strictSame(readYamlDocument(text).errors, []);
    const { user, system } = process.cpuUsage(before);
    // Not a measurement: one that compares each key with every other takes half a minute of the processor.
    t.ok(user + system < 10_000_000, `${(user + system) / 1000} ms of the processor`);
  }
});
