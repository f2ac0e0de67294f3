import fc from 'fast-check';
import t from 'tap';
import { ChunkedReader } from '../../../gateway/proxy/wire/chunked-reader.ts';

type Read = { body: string; trailers: readonly string[] | undefined; rest: string };

/** Pushes a text in pieces that end at the given places, as an upstream's bytes come. */
function read(text: string, cuts: readonly number[] = []): Read {
  const result: Read = { body: '', trailers: undefined, rest: '' };
  const reader = new ChunkedReader(
    {
      onData: (data) => (result.body += data.toString('latin1')),
      onEnd: (trailers) => (result.trailers = trailers),
    },
    200,
  );
  const places = [0, ...[...cuts].sort((a, b) => a - b), text.length];
  for (let index = 1; index < places.length; index++) {
    const piece = Buffer.from(text.slice(places[index - 1], places[index]), 'latin1');
    const end = reader.push(piece, 0);
    if (end === -1) continue;
    result.rest = piece.toString('latin1', end) + text.slice(places[index]);
    return result;
  }
  return result;
}

t.test('chunks, extensions and trailers are read', async (t) => {
  t.strictSame(read('5\r\nhello\r\n0\r\n\r\n'), { body: 'hello', trailers: [], rest: '' });
  t.strictSame(read('5;a=b;c="d"\r\nhello\r\n000\r\nX-Sum: 42\r\n\r\nHTTP'), {
    body: 'hello',
    trailers: ['x-sum', '42'],
    rest: 'HTTP',
  });
  t.strictSame(read('A\r\n0123456789\r\na\r\n0123456789\r\n'), {
    body: '01234567890123456789',
    trailers: undefined,
    rest: '',
  });
});

t.test('S5 S10 what is not exactly the coding is refused', async (t) => {
  for (const text of [
    'zz\r\n',
    '\r\n',
    '-1\r\n',
    '+1\r\n',
    '0x1\r\na\r\n',
    ' 1\r\na\r\n',
    '1 \r\na\r\n',
    '1\na\n',
    '1\r\nab\r\n',
    '1\r\na\n0\r\n\r\n',
    '1\rXa',
    '5;a\nb\r\nhello\r\n',
    `5;${'a'.repeat(2000)}\r\n`,
    'fffffffffffffffff\r\n',
    '00000000000000000001\r\na\r\n',
    `0\r\nX: ${'a'.repeat(300)}\r\n\r\n`,
    '0\r\nX\r\n\r\n',
    '0\r\nX: a\0\r\n\r\n',
  ]) {
    t.throws(() => read(text), { code: 'UPSTREAM_PROTOCOL' }, JSON.stringify(text));
    const everywhere = Array.from({ length: text.length }, (_, index) => index);
    t.throws(() => read(text, everywhere), { code: 'UPSTREAM_PROTOCOL' }, `${JSON.stringify(text)} byte by byte`);
  }
});

t.test('however a body is cut into pieces, it is the same body', async (t) => {
  const chunk = fc.tuple(fc.string({ minLength: 1, maxLength: 40 }), fc.constantFrom('', ';x', ';a="b c"'));
  const cuts = fc.array(fc.nat(400), { maxLength: 30 });
  const trailers = fc.constantFrom('', 'X-Sum: 1\r\n', 'A: b\r\nC: d\r\n');
  let count = 0;
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 8 }), trailers, cuts, (chunks, tail, places) => {
      count += 1;
      const text = `${chunks.map(([data, extension]) => `${data.length.toString(16)}${extension}\r\n${data}\r\n`).join('')}0\r\n${tail}\r\n`;
      const result = read(
        `${text}next`,
        places.filter((place) => place <= text.length),
      );
      const expected = chunks.map(([data]) => data).join('');
      if (result.body !== expected || result.trailers === undefined || result.rest !== 'next') {
        throw new Error(JSON.stringify(result));
      }
    }),
    { seed: 20_261_125, numRuns: 1_000 },
  );
  t.ok(count >= 1_000);
});
