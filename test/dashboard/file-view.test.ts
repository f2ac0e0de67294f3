import t from 'tap';
import { encodingOf, TextReader } from '../../dashboard/src/lib/files/view/encoding.ts';
import { kindOf } from '../../dashboard/src/lib/files/view/kind.ts';
import { bytesOf, lineEndOf } from '../../dashboard/src/lib/files/view/lines.ts';
import { pageOf, targetOf } from '../../dashboard/src/lib/files/view/links.ts';
import { notebookIn } from '../../dashboard/src/lib/files/view/notebook.ts';
import { delimiterOf, mostColumns, TableReader } from '../../dashboard/src/lib/files/view/table.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

t.test('the encoding of a text is guessed from its bytes', async (t) => {
  const cases: [string, Uint8Array, string | undefined, boolean?][] = [
    ['plain', bytes('a,b\n'), 'utf-8'],
    ['UTF-8', bytes('häß 😀'), 'utf-8'],
    ['a mark', new Uint8Array([0xef, 0xbb, 0xbf, 0x61]), 'utf-8'],
    ['UTF-16', new Uint8Array([0xff, 0xfe, 0x61, 0]), 'utf-16le'],
    ['UTF-16, the other way round', new Uint8Array([0xfe, 0xff, 0, 0x61]), 'utf-16be'],
    ['latin letters', new Uint8Array([0x68, 0xe4, 0xdf]), 'windows-1252'],
    ['a character that the part cuts', bytes('abc😀').subarray(0, 5), 'utf-8', false],
    ['a character that the file cuts', bytes('abc😀').subarray(0, 5), 'windows-1252', true],
    ['an archive', new Uint8Array([0x50, 0x4b, 3, 4, 0, 0]), undefined],
    ['nothing', new Uint8Array(), 'utf-8'],
  ];
  for (const [what, given, label, isWhole = true] of cases) t.equal(encodingOf(given, isWhole)?.label, label, what);
});

t.test('a character that two parts share is read once, and bytes that are none are noticed', async (t) => {
  const whole = bytes('a😀b');
  const reader = new TextReader({ label: 'utf-8' });
  const parts = [...whole].map((_, at) => reader.read(whole.subarray(at, at + 1), at === whole.length - 1));
  t.equal(parts.join(''), 'a😀b');
  t.notOk(reader.hasBroken);
  reader.read(new Uint8Array([0xff]), true);
  t.ok(reader.hasBroken);
});

t.test('saving keeps line ends, a missing last one, and the byte order mark', async (t) => {
  for (const text of ['a\nb\n', 'a\r\nb', 'a\rb\r', 'a\r\nb\nc\r', 'one line', '', '\ufeffa\r\nb\r\n']) {
    const hasMark = text.startsWith('\ufeff');
    const plain = hasMark ? text.slice(1) : text;
    const lineEnd = lineEndOf(plain);
    // As an editor holds it.
    const held = lineEnd === 'mixed' ? plain : plain.replaceAll(/\r\n|\r/g, '\n');
    t.same(bytesOf(held, { lineEnd, hasMark }), bytes(text), JSON.stringify(text));
  }
  t.equal(lineEndOf('a\r\nb\n'), 'mixed');
});

t.test('a file is shown by its name, and by its bytes where the name says nothing or lies', async (t) => {
  const cases: [string, Uint8Array, string][] = [
    ['a.PNG', bytes('x'), 'image'],
    ['a.svg', bytes('<svg/>'), 'image'],
    ['Makefile', bytes('all:'), 'text'],
    ['a.html', bytes('<script>'), 'text'],
    ['a.csv', bytes('a,b'), 'table'],
    ['a.csv', new Uint8Array([1, 0, 2]), 'other'],
    ['a.bin', new Uint8Array([1, 0, 2]), 'other'],
    ['a.ipynb', bytes('{}'), 'notebook'],
    ['a.txt', new Uint8Array(), 'text'],
    ['a.png', new Uint8Array(), 'other'],
    ['.png', bytes('x'), 'image'],
  ];
  for (const [name, first, kind] of cases) t.equal(kindOf(name, first, first.length), kind, name);
});

t.test('a table is read part by part', async (t) => {
  const text = 'a,"b ""q"" , \r\nc",d\r\n\r\ne,,\nlast';
  for (const size of [1, 2, 3, 100]) {
    const reader = new TableReader(',');
    const rows = [];
    for (let at = 0; at < text.length; at += size) rows.push(...reader.read(text.slice(at, at + size)));
    rows.push(...reader.end());
    t.same(
      rows.map(({ cells }) => cells),
      [['a', 'b "q" , \r\nc', 'd'], ['e', '', ''], ['last']],
      `in parts of ${size}`,
    );
  }
});

t.test('neither a quote that never ends nor a row without end costs more than its first part', async (t) => {
  const quote = new TableReader(',');
  quote.read('"');
  for (let part = 0; part < 50; part += 1) t.same(quote.read('x\n'.repeat(20_000)), []);
  const [row] = quote.end();
  t.ok(row!.cells[0]!.length < 2100, 'a cell is cut');
  const wide = new TableReader(',');
  wide.read('x,'.repeat(100_000));
  t.match(wide.end(), [{ columns: 100_001 }]);
  const again = new TableReader(',');
  again.read('x,'.repeat(100_000));
  t.equal(again.end()[0]!.cells.length, mostColumns);
});

t.test('what parts the cells is found in the first lines', async (t) => {
  t.equal(delimiterOf('a.csv', 'a;b;c\n1,5;2,5;3\n'), ';');
  t.equal(delimiterOf('a.csv', 'a,b\n"x;y;z",2\n'), ',');
  t.equal(delimiterOf('a.tsv', 'a,b\n'), '\t');
  t.equal(delimiterOf('a.csv', 'a\tb\nc\td'), '\t');
  t.equal(delimiterOf('a.csv', 'one column\nof text'), ',');
});

t.test('a link in a text leads into its area or out, never into a script', async (t) => {
  const folder = { area: 'private', address: 'docs/a%20b' };
  const nowhere = [
    'javascript:alert(1)',
    ' JaVaScRiPt:alert(1)',
    'java\nscript:alert(1)',
    'data:text/html,<script>1</script>',
    'vbscript:x',
    'blob:https://x/y',
    'file:///etc/passwd',
    '../../../out',
    'a%2fb',
    '%2e%2e/%2e%2e/%2e%2e/x',
    '%zz',
  ];
  for (const address of nowhere) t.equal(targetOf(address, folder), undefined, address);
  t.match(targetOf('https://example.org/x', folder), { kind: 'out', host: 'example.org' });
  t.match(targetOf('//example.org/x.png', folder), { kind: 'out', host: 'example.org' }, 'no scheme is out as well');
  t.match(targetOf('/\\example.org/x.png', folder), { kind: 'out', host: 'example.org' });
  t.same(targetOf('../p q.png?raw#x', folder), {
    kind: 'here',
    place: { area: 'private', address: 'docs/p%20q.png' },
    hash: 'x',
  });
  t.same(targetOf('/top.md', folder), { kind: 'here', place: { area: 'private', address: 'top.md' }, hash: '' });
  t.same(targetOf('#part', folder), { kind: 'part', hash: 'part' });
  // A text that stands nowhere has nothing beside it.
  for (const address of ['x.md', '/top.md', './x', '../x']) t.equal(targetOf(address, undefined), undefined, address);
  t.match(targetOf('https://example.org/x', undefined), { kind: 'out', host: 'example.org' });
  t.same(targetOf('#part', undefined), { kind: 'part', hash: 'part' });
  t.same(targetOf('data:image/png;base64,AA==', folder), { kind: 'data', href: 'data:image/png;base64,AA==' });
  t.equal(pageOf({ area: 'team:lab', address: 'a/b.md' }), '/files/team%3Alab/a?view=b.md');
});

t.test('a notebook is read, whatever stands in it', async (t) => {
  const cells = [
    { cell_type: 'markdown', source: ['# Title\n', 'text'] },
    {
      cell_type: 'code',
      execution_count: 3,
      source: 'print(1)',
      outputs: [
        { output_type: 'stream', text: ['\u001b[31mred\u001b[0m\n'] },
        { output_type: 'display_data', data: { 'image/png': 'iVBO\nRw==', 'text/plain': 'figure' } },
        { output_type: 'display_data', data: { 'image/png': '"><script>', 'text/plain': 'figure' } },
        { output_type: 'display_data', data: { 'image/svg+xml': ['<svg onload="x()">', '</svg>'] } },
        { output_type: 'execute_result', data: { 'text/html': '<b>b</b>', 'text/plain': 'b' } },
        { output_type: 'display_data', data: { 'application/javascript': 'x()' } },
        { output_type: 'error', ename: 'E', evalue: 'v', traceback: ['\u001b[0;31mE\u001b[0m: v'] },
        null,
        7,
      ],
    },
    null,
  ];
  const read = notebookIn(JSON.stringify({ metadata: { language_info: { name: 'python' } }, cells }))!;
  t.equal(read.language, 'python');
  t.match(read.cells, [
    { kind: 'markdown', text: '# Title\ntext' },
    { kind: 'code', count: 3, text: 'print(1)' },
    { kind: 'raw' },
  ]);
  t.same(read.cells[1]!.outputs, [
    { kind: 'text', text: 'red\n' },
    { kind: 'image', source: 'data:image/png;base64,iVBORw==' },
    { kind: 'text', text: 'figure' },
    { kind: 'image', source: `data:image/svg+xml;charset=utf-8,${encodeURIComponent('<svg onload="x()"></svg>')}` },
    { kind: 'html', html: '<b>b</b>' },
    { kind: 'error', text: 'E: v' },
  ]);
  for (const text of ['', '[]', '{"cells": 1}', 'null', '{"cells":']) t.equal(notebookIn(text), undefined, text);
});
