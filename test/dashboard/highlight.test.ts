import fc from 'fast-check';
import t from 'tap';
import { highlight } from '../../dashboard/src/routes/(app)/admin/policies/highlight.ts';

const kinds = (line: string): string[] => highlight(line).map(({ kind, text }) => `${kind}:${text}`);

t.test('words, strings, notes and comments of a policy are told apart', async (t) => {
  t.strictSame(kinds('@id("a-b")'), ['note:@id', 'plain:(', 'string:"a-b"', 'plain:)']);
  t.strictSame(kinds('permit (x); // why'), ['word:permit', 'plain: (x); ', 'comment:// why']);
  t.strictSame(kinds('"https://x" == y'), ['string:"https://x"', 'plain: == y']);
  t.strictSame(kinds('permitted'), ['plain:permitted']);
});

t.test('no text is lost or added, whatever the line holds', async () => {
  fc.assert(
    fc.property(
      fc.string(),
      (line) =>
        highlight(line)
          .map(({ text }) => text)
          .join('') === line,
    ),
  );
});
