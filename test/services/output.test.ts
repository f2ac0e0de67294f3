import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { type Log, silentLog, systemClock } from '../../gateway/lib/index.ts';
import { createCutter, longestLine } from '../../gateway/services/output/cutter.ts';
import { plain } from '../../gateway/services/output/line.ts';
import { createOutputs } from '../../gateway/services/output/outputs.ts';
import { outputOf } from '../../gateway/services/output/pages.ts';
import { readInto } from '../../gateway/services/output/reading.ts';
import { eventually } from '../support/eventually.ts';
import { openSmallDisk, smallDiskSkipReason } from '../support/process/small-disk.ts';

const open = (t: Test, maxBytes = 1024 * 1024, { below = tmpdir(), log = silentLog } = {}) => {
  const folder = mkdtempSync(join(below, 'knot-output-'));
  const again = () => createOutputs(folder, { maxBytes, clock: systemClock, log });
  const outputs = again();
  t.teardown(async () => {
    await outputs.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return { folder, outputs, again };
};
const texts = (lines: readonly { text: string }[]) => lines.map(({ text }) => text);
const cutAt = <T>(whole: { length: number; slice(from: number, to?: number): T }, cuts: readonly number[]): T[] => {
  const places = [0, ...cuts.map((cut) => cut % (whole.length + 1)).sort((a, b) => a - b), whole.length];
  return places.slice(1).map((end, index) => whole.slice(places[index]!, end));
};

t.test('any bytes, cut anyhow, come out in order and once', async (t) => {
  const { outputs } = open(t);
  const piece = fc.oneof(
    { weight: 3, arbitrary: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)) },
    fc.constantFrom('\n', '\r\n', '\r', '\u001b[31m', 'é€😀').map((text) => Buffer.from(text)),
    fc
      .integer({ min: longestLine - 3, max: 2 * longestLine + 3 })
      .map((length) => Buffer.from('😀'.repeat(length / 2))),
  );
  let count = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(piece, { maxLength: 12 }),
      fc.array(fc.nat(100_000), { maxLength: 8 }),
      async (all, cuts) => {
        const bytes = Buffer.concat(all);
        const whole: string[] = [];
        const cutter = createCutter((line) => whole.push(line));
        cutter.write(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes));
        cutter.flush();
        const book = await outputs.of(`s${++count}`);
        const stream = new PassThrough();
        const reading = readInto(book);
        reading.read(stream, () => undefined, 'out');
        for (const part of cutAt(bytes, cuts)) stream.write(part);
        stream.end();
        await new Promise((resolve) => stream.once('close', resolve));
        const { lines } = await outputOf(book).page({ limit: 10_000 });
        t.strictSame(texts(lines), whole);
        t.strictSame(
          lines.map(({ n }) => n),
          whole.map((_, index) => index + 1),
        );
        t.ok(whole.every((line) => line.length <= longestLine && !line.includes('\n') && !line.includes('\r')));
        await outputs.remove(`s${count}`);
      },
    ),
    { numRuns: 60 },
  );
});

t.test('of a line that is drawn over, the last state stays', (t) => {
  const lines: string[] = [];
  const cutter = createCutter((line) => lines.push(line));
  for (const text of ['10%\r20', '%\r', '100%\r\n', 'a\r\r\n', '\r', '\n', 'no end']) cutter.write(text);
  cutter.flush();
  t.strictSame(lines, ['100%', 'a', '', 'no end']);
  t.end();
});

t.test('a text without its control sequences holds nothing that is obeyed', (t) => {
  const rows: [string, string][] = [
    ['\u001b[1;31merror\u001b[0m', 'error'],
    ['\u001b]52;c;ZXZpbA==\u0007after', 'after'],
    ['\u001b]0;title\u001b\\after', 'after'],
    ['\u001b]8;;https://evil.example\u001b\\link\u001b]8;;\u001b\\', 'link'],
    ['\u001bP1$r\u001b\\a\u001b^b\u001b\\', 'a'],
    ['a\u0000b\u0008\u007f\u009b31mc', 'abc'],
    ['\u001b]52;c;never ended', ''],
    ['\u001b(0a\u001b=b\u001b', 'ab'],
    ['tab\tstays', 'tab\tstays'],
  ];
  for (const [text, words] of rows) t.equal(plain(text), words, JSON.stringify(text));
  t.end();
});

t.test('what is kept is bounded, outlives the gateway, and can be read from both ends', async (t) => {
  const { folder, outputs, again } = open(t, 160_000);
  const book = await outputs.of('one');
  for (let n = 1; n <= 20_000; n += 1) {
    book.add('out', `line ${n} ${n % 1000 === 0 ? '\u001b[31mround\u001b[0m number' : ''}`);
    if (n % 500 === 0) await book.flush();
  }
  await outputs.close();
  const files = readdirSync(join(folder, 'one'));
  const bytes = files.reduce((sum, name) => sum + statSync(join(folder, 'one', name)).size, 0);
  t.ok(bytes <= 160_000 && bytes > 100_000, String(bytes));
  t.equal(statSync(join(folder, 'one', files[0]!)).mode & 0o777, 0o600);
  t.equal(statSync(join(folder, 'one')).mode & 0o777, 0o700);

  // Killed in the middle of a line.
  appendFileSync(join(folder, 'one', files.sort().at(-1)!), 'abc out cut sh');
  const later = again();
  const found = await later.of('one');
  found.add('knot', 'Started.');
  const output = outputOf(found);
  const newest = await output.page({ limit: 3 });
  t.strictSame(texts(newest.lines), ['line 19999 ', 'line 20000 \u001b[31mround\u001b[0m number', 'Started.']);
  t.strictSame(newest.before, 19_999);
  t.equal(newest.last, 20_001);
  let before: number | undefined = newest.before;
  let oldest = 0;
  let seen = 3;
  while (before !== undefined) {
    const page = await output.page({ before, limit: 700 });
    t.equal(page.lines.at(-1)!.n, before - 1, 'none twice, none left out');
    oldest = page.lines[0]!.n;
    seen += page.lines.length;
    before = page.before;
  }
  t.equal(seen, 20_001 - oldest + 1);
  t.match(texts((await output.page({ after: 19_998, limit: 2 })).lines), ['line 19999 ', /line 20000/]);
  t.strictSame(texts((await output.page({ search: 'ROUND NUMBER', limit: 2 })).lines).map(plain), [
    'line 19000 round number',
    'line 20000 round number',
  ]);
  let text = '';
  for await (const part of output.text()) text += part;
  t.equal(text.split('\n').length - 1, seen);
  t.match(text, /Z out line 20000 round number\n.*Z knot Started\.\n$/);

  await later.remove('one');
  t.strictSame(readdirSync(folder), []);
  await later.close();
});

t.test('whoever follows gets each line once, slow or fast, until it is removed', async (t) => {
  const { outputs } = open(t);
  const book = await outputs.of('one');
  const output = outputOf(book);
  for (let n = 1; n <= 1500; n += 1) book.add('out', String(n));
  const stop = new AbortController();
  const follow = (wait: () => Promise<unknown>) => {
    const got: number[] = [];
    const listen = async () => {
      for await (const lines of output.follow(10, stop.signal)) {
        got.push(...lines.map(({ n }) => n));
        await wait();
      }
    };
    return { got, ended: listen() };
  };
  const fast = follow(async () => undefined);
  const slow = follow(() => book.flush());
  for (let n = 1501; n <= 3000; n += 1) {
    book.add('out', String(n));
    if (n % 100 === 0) await new Promise(setImmediate);
  }
  const late = follow(async () => undefined);
  await book.flush();
  const ends = outputOf(book).follow(3000, stop.signal).next();
  const followers = [fast, slow, late];
  await eventually('each has the last one', () => followers.every(({ got }) => got.at(-1) === 3000));
  await outputs.remove('one');
  const all = Array.from({ length: 2990 }, (_, index) => index + 11);
  for (const { got, ended } of followers) {
    await ended;
    t.strictSame(got, all);
  }
  t.ok((await ends).done);
  stop.abort();
});

t.test('a flood costs no more than its bound, and what was left out is said', async (t) => {
  const { outputs } = open(t, 16 * 1024 * 1024);
  const book = await outputs.of('one');
  let time = 0;
  const reading = readInto(book, () => time);
  const stream = new PassThrough();
  reading.read(stream, () => undefined, 'out');
  const line = `${'y'.repeat(68)}\n`;
  for (let piece = 0; piece < 100; piece += 1) {
    stream.write(line.repeat(1000));
    time += 10;
    while (stream.readableLength > 0 && !stream.isPaused()) await new Promise(setImmediate);
    stream.resume();
  }
  stream.end();
  await new Promise((resolve) => stream.once('close', resolve));
  const { lines } = await outputOf(book).page({ limit: 200_000 });
  const said = lines.filter(({ from }) => from === 'out').length;
  const gone = lines.filter(({ from }) => from === 'knot').map(({ text }) => Number(/^(\d+) lines? w/.exec(text)![1]));
  t.equal(said + gone.reduce((sum, count) => sum + count, 0), 100_000, 'each line is there or counted');
  t.ok(said < 30_000 && gone.length <= 2, `${said} lines, ${gone.length} marks`);
  t.equal(reading.lines().length, 50);
});

t.test('a disk without room: nobody waits, nothing half written stays', { skip: smallDiskSkipReason() }, async (t) => {
  const disk = openSmallDisk(t, '1m');
  const warnings: unknown[] = [];
  const log: Log = { ...silentLog, warn: (facts: unknown) => void warnings.push(facts) };
  const { folder, outputs, again } = open(t, 8 * 1024 * 1024, { below: disk.folder, log });
  const book = await outputs.of('one');
  book.add('out', 'before');
  await book.flush();
  const [file] = readdirSync(join(folder, 'one'));
  const kept = () => readFileSync(join(folder, 'one', file!), 'utf8');
  const whole = kept();
  disk.fill();
  // A part of it fits into what its last page has left.
  for (let n = 0; n < 20; n += 1) book.add('out', `${n} ${'x'.repeat(1_000)}`);
  await book.flush();
  await book.flush();
  t.match(warnings, [{ err: { code: 'ENOSPC' } }]);
  t.equal(warnings.length, 1, 'the log says it once');
  t.equal(kept(), whole, 'no line is there in part');
  t.notOk(book.isBehind(), 'whoever reads the program goes on');
  const page = await outputOf(book).page({ limit: 100 });
  t.strictSame([page.lines.length, page.last], [21, 21], 'what waits is read by people all the same');
  const other = await outputs.of('two');
  other.add('out', 'of another service');
  await other.flush();
  t.match(texts((await outputOf(other).page({ limit: 9 })).lines), ['of another service']);

  // More than waits in memory: the newest of it.
  const many = 600;
  for (let n = 0; n < many; n += 1) book.add('out', 'y'.repeat(longestLine));
  t.notOk(book.isBehind());
  disk.free();
  disk.resize('16m');
  await book.flush();
  await outputs.close();
  const { lines, last } = await outputOf(await again().of('one')).page({ limit: 1000 });
  t.equal(last, 21 + many);
  t.equal(lines[0]!.text, 'before');
  const marks = lines.filter(({ from }) => from === 'knot');
  t.match(marks, [{ text: /^\d+ lines were left out: the disk was full\.$/ }]);
  t.equal(lines.length - 1 + Number.parseInt(marks[0]!.text), last, 'each line is there or counted');
  t.strictSame(
    lines.slice(1).map(({ n }) => n),
    Array.from({ length: lines.length - 1 }, (_, index) => last - lines.length + 2 + index),
  );
});

t.test('a disk that is full stops nothing, and is said when there is room again', async (t) => {
  const { folder, outputs } = open(t);
  const book = await outputs.of('one');
  book.add('out', 'before');
  await book.flush();
  const path = join(folder, 'one');
  rmSync(path, { recursive: true });
  // Nobody, root neither, makes a folder where a file is.
  appendFileSync(path, '');
  for (let n = 0; n < 600; n += 1) {
    book.add('out', 'x'.repeat(longestLine));
    t.notOk(n > 200 && book.isBehind(), 'nobody waits');
    if (n === 150) await book.flush();
  }
  rmSync(path);
  await book.flush();
  await eventually('it is written', async () => readdirSync(path).length > 0);
  const { lines, last } = await outputOf(book).page({ limit: 1000 });
  t.match(lines[0], { from: 'knot', text: /^\d+ lines were left out: the disk was full\.$/ });
  t.equal(last, 601);
  t.equal(lines.at(-1)!.n, 601);
  t.equal(lines.length - 1 + Number.parseInt(lines[0]!.text), 600);
});
