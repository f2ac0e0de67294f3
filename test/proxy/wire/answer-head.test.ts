import fc from 'fast-check';
import t from 'tap';
import { readAnswerHead, readTrailers } from '../../../gateway/proxy/wire/answer-head.ts';

t.test('what an upstream may send is read as it is', async (t) => {
  t.match(readAnswerHead('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A:  b \r\nX-A: c'), {
    status: 200,
    message: 'OK',
    headers: ['content-length', '5', 'x-a', 'b', 'x-a', 'c'],
    contentLength: 5,
    isChunked: false,
    isPersistent: true,
  });
  t.match(readAnswerHead('HTTP/1.1 418 Short And Stout caf\xe9'), { status: 418, message: 'Short And Stout caf\xe9' });
  t.match(readAnswerHead('HTTP/1.1 204 '), { status: 204, message: '' });
  t.match(readAnswerHead('HTTP/1.1 304'), { status: 304, message: '' });
  t.match(readAnswerHead('HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked'), {
    isChunked: true,
    contentLength: undefined,
  });
  t.match(readAnswerHead('HTTP/1.1 200 OK\r\nX-Empty:\r\nX-Tab:\t a\tb\t'), {
    headers: ['x-empty', '', 'x-tab', 'a\tb'],
  });
});

t.test('whether a connection goes on', async (t) => {
  const goesOn = (text: string): boolean => readAnswerHead(text).isPersistent;
  t.ok(goesOn('HTTP/1.1 200 OK'));
  t.ok(goesOn('HTTP/1.1 200 OK\r\nConnection: keep-alive'));
  t.ok(goesOn('HTTP/1.1 200 OK\r\nConnection: not-close, closed'));
  for (const value of ['close', 'Close', 'keep-alive, close', 'close , x', '\tclose']) {
    t.notOk(goesOn(`HTTP/1.1 200 OK\r\nConnection: ${value}`), value);
  }
  t.notOk(goesOn('HTTP/1.1 200 OK\r\nConnection: x\r\nConnection: close'));
  t.notOk(goesOn('HTTP/1.0 200 OK\r\nConnection: keep-alive'), 'HTTP/1.0 never');
  t.equal(readAnswerHead('HTTP/1.1 200 OK\r\nKeep-Alive: timeout=7, max=3').keepAliveSeconds, 7);
});

t.test('S10 D8 what two parsers could read differently is refused', async (t) => {
  for (const text of [
    'HTTP/1.1 200 OK\nX: y',
    'HTTP/1.1 200 OK\r\nX: y\nZ: w',
    'HTTP/1.1 200 OK\r\nX: y\rZ: w',
    'HTTP/1.1 200 OK\r\nX: y\r\n folded',
    'HTTP/1.1 200 OK\r\n X: y',
    'HTTP/1.1 200 OK\r\nX : y',
    'HTTP/1.1 200 OK\r\n: y',
    'HTTP/1.1 200 OK\r\nX',
    'HTTP/1.1 200 OK\r\nX: a\0b',
    'HTTP/1.1 200 OK\r\nX: a\x7fb',
    'HTTP/1.1 200 OK\r\nX(: a',
    'HTTP/1.1 200 OK\r\n\r\nX: y',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2',
    'HTTP/1.1 200 OK\r\nContent-Length: 2, 2',
    'HTTP/1.1 200 OK\r\nContent-Length: +2',
    'HTTP/1.1 200 OK\r\nContent-Length: 0x2',
    'HTTP/1.1 200 OK\r\nContent-Length:',
    'HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: identity',
    'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked',
    'HTTP/2 200 OK',
    'HTTP/1.1  200 OK',
    'HTTP/1.1 20 OK',
    'HTTP/1.1 2000 OK',
    'HTTP/1.1 600 OK',
    'HTTP/1.1 099 OK',
    'HTTP/1.1 200OK',
    'http/1.1 200 OK',
    ' HTTP/1.1 200 OK',
    'ICY 200 OK',
    '',
  ]) {
    t.throws(() => readAnswerHead(text), { code: 'UPSTREAM_PROTOCOL' }, JSON.stringify(text));
  }
});

t.test('names no prototype knows and values of any byte allowed come out as they went in', async () => {
  const name = fc.stringMatching(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,20}$/);
  const value = fc.stringMatching(/^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]{0,20}[\x21-\x7e\x80-\xff])?)?$/);
  const isFree = ([field]: [string, string]): boolean =>
    !/^(?:content-length|transfer-encoding|connection|keep-alive)$/i.test(field);
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value).filter(isFree), { maxLength: 20 }), (fields) => {
      const lines = [...fields, ['__proto__', 'x'], ['constructor', 'y']].map(([field, text]) => `${field}: ${text}`);
      const { headers } = readAnswerHead(['HTTP/1.1 200 OK', ...lines].join('\r\n'));
      const expected = [...fields.flatMap(([field, text]) => [field.toLowerCase(), text])];
      const found = JSON.stringify(headers);
      if (found !== JSON.stringify([...expected, '__proto__', 'x', 'constructor', 'y'])) throw new Error(found);
    }),
    { seed: 20_261_125, numRuns: 500 },
  );
});

t.test('trailers are fields without a status line', async (t) => {
  t.strictSame(readTrailers('X-Sum: 42\r\nY:z'), ['x-sum', '42', 'y', 'z']);
  for (const text of ['X', 'X: a\0', ' X: a', 'X: a\r\n b'])
    t.throws(() => readTrailers(text), { code: 'UPSTREAM_PROTOCOL' });
});
