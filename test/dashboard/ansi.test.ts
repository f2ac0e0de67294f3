import fc from 'fast-check';
import t from 'tap';
import { piecesOf } from '../../dashboard/src/lib/services/logs/ansi.ts';
import { plain } from '../../gateway/services/output/line.ts';

t.test('colours and weights of a line become names, everything else goes', (t) => {
  const rows: [string, ReturnType<typeof piecesOf>][] = [
    ['plain', [{ text: 'plain' }]],
    ['\u001b[1;31merror\u001b[0m: no', [{ text: 'error', isStrong: true, color: 1 }, { text: ': no' }]],
    ['\u001b[92mok\u001b[39m!', [{ text: 'ok', color: 10 }, { text: '!' }]],
    ['\u001b[38;5;196mred\u001b[m', [{ text: 'red', color: 1 }]],
    ['\u001b[38;2;10;200;20;4mgreen', [{ text: 'green', color: 2, isUnderlined: true }]],
    [
      '\u001b[2J\u001b[H\u001b]52;c;eA==\u0007\u001b]8;;https://x.example\u001b\\link\u001b]8;;\u001b\\',
      [{ text: 'link' }],
    ],
    ['\u001b]0;never ended', []],
  ];
  for (const [line, pieces] of rows) t.strictSame(piecesOf(line), pieces, JSON.stringify(line));
  t.end();
});

t.test('the words are those that search and download see, whatever a program writes', (t) => {
  const part = fc.oneof(
    fc.string(),
    fc.constantFrom('\u001b[', '\u001b]', '31m', ';', '\u0007', '\u001b\\', '\u009b', 'm', '\u0090', '38;5', '\u001b'),
  );
  fc.assert(
    fc.property(
      fc.array(part).map((parts) => parts.join('').replaceAll('\n', '')),
      (line) => {
        t.equal(
          piecesOf(line)
            .map(({ text }) => text)
            .join(''),
          plain(line),
        );
      },
    ),
    { numRuns: 300 },
  );
  t.end();
});
