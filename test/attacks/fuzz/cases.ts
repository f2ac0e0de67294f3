import fc from 'fast-check';

/** A request as it goes over the wire; every text is one character per byte, so that a case survives JSON. */
export type FuzzRequest = {
  method: string;
  /** Behind `/k<token>`, or the whole target when it starts otherwise. */
  target: string;
  host: string;
  /** Whole lines without their end; for HTTP/2 `name: value`. */
  fields: string[];
  framing:
    | { kind: 'none' }
    | { kind: 'length'; body: string }
    | { kind: 'chunked'; pieces: string[] }
    /** Lines and bytes that two parsers could read differently. */
    | { kind: 'broken'; fields: string[]; body: string };
};

/** What one client does on one connection. Only the last request may be hostile: after it nothing can be expected. */
export type FuzzClient = {
  protocol: 'h1' | 'h2';
  who: 'ann' | 'bob' | 'nobody';
  isPipelined: boolean;
  requests: FuzzRequest[];
  hostile: FuzzRequest | null;
};

/** A request that some wrong reading of the body before it would bring to life. */
export const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: echo.localhost\r\nX-Token: smuggled\r\nCookie: COOKIE\r\n\r\n';

const plainPiece = fc.constantFrom(
  ...[
    '/a',
    '/b.c',
    '/..x',
    '/%20',
    '/%25',
    '/%2e%2ex',
    '/~',
    '/"',
    '/|',
    "/'",
    '/%e2%82%ac',
    '/ADMIN',
    '/admin',
    '/:',
    '/@',
    '/{',
    '/a=b',
  ],
);
const oddPiece = fc.constantFrom(
  ...[
    '/',
    '//',
    '..',
    '.',
    '/../',
    '/./',
    '%2e',
    '%2E%2e',
    '%2f',
    '%5c',
    '\\',
    ';',
    ';a=b',
    '#',
    '%00',
    '%',
    '%zz',
    '%c0%ae',
    '%ff',
    '%252e',
    '%u002e',
    '\xc3\xa9',
    ' ',
    '\t',
    '\x01',
    '\x7f',
    '?',
    '*',
    'http://other/',
    ':443',
    '%0d%0a',
    '\x0b',
  ],
);
const query = fc.constantFrom('', '?', '?a=b', '?a=%2f..%2f', '?/../..', '?x=//y', '?a;b&c', '?q=%00', '?%zz', '??');
const plainTarget = fc
  .tuple(fc.array(plainPiece, { maxLength: 5 }), query)
  .map(([pieces, end]) => `${pieces.join('')}${end}`);
const oddTarget = fc
  .tuple(
    fc.array(fc.oneof(plainPiece, oddPiece, fc.string({ unit: 'binary-ascii', maxLength: 3 })), { maxLength: 8 }),
    query,
  )
  .map(([pieces, end]) => `${pieces.join('')}${end}`.replaceAll(/[\r\n]/g, ''));

const plainHost = fc.constantFrom(
  'echo.localhost',
  'echo.localhost:PORT',
  'ECHO.localhost',
  'other.localhost',
  'Other.LocalHost:PORT',
);
const oddHost = fc.oneof(
  plainHost,
  fc.constantFrom(
    '',
    'localhost',
    'echo.localhost.',
    'echo.localhost, other.localhost',
    'echo.localhost@evil',
    'evil@echo.localhost',
    'echo.localhost:80x',
    'echo.localhost#',
    'echo.localhost/other',
    'echo localhost',
    'nobody.localhost',
    '127.0.0.1',
    '[::1]',
    'echo.localhost\t',
    'echo..localhost',
  ),
  fc.string({ unit: 'grapheme-ascii', maxLength: 12 }),
);

const plainValue = fc.constantFrom('a', '', 'b, c', '"q"', 'x=1; y=2', 'caf\xe9', 'a\tb', '*/*', '1.2_3');
const plainField = fc.oneof(
  fc
    .tuple(
      fc.constantFrom(
        'X-A',
        'x-b',
        'ACCEPT-LANGUAGE',
        'Range',
        'X-Role',
        'If-None-Match',
        'Via',
        'Forwarded',
        'X-Forwarded-For',
        'X-Knot-User',
        'X-Real-IP',
        'Remote-User',
        'TE',
        'Keep-Alive',
        'constructor',
        'toString',
      ),
      plainValue,
    )
    .map(([name, value]) => `${name}: ${value}`),
);
const oddField = fc.oneof(
  plainField,
  fc.constantFrom(
    'X_Knot_User: evil',
    'X.Knot: evil',
    '__proto__: x',
    'Host: other.localhost',
    'Cookie: __Host-knot=other',
    'Origin: https://evil',
    'Connection: x-token, cookie',
    'Connection: upgrade',
    'Upgrade: h2c',
    'Upgrade: websocket',
    'Expect: 100-continue',
    'Expect: x',
    'Sec-Fetch-Site: cross-site',
    ' folded: x',
    'no colon',
    ': empty',
    'X A: b',
    'X-A : b',
    'X-A: b\rc',
    'X-A: b\0',
    'Proxy-Authorization: x',
    'Transfer-Encoding: identity',
    'Content-Length: 0',
    'X-Token: second',
  ),
  fc
    .tuple(fc.string({ unit: 'grapheme-ascii', maxLength: 6 }), fc.string({ unit: 'binary-ascii', maxLength: 6 }))
    .map(([name, value]) => `${name}: ${value}`.replaceAll('\n', '')),
);

const body = fc.oneof(
  fc.constant(''),
  fc.constant(smuggled),
  fc.string({ unit: 'binary-ascii', maxLength: 200 }),
  fc.constant('0\r\n\r\n'),
  /** 70,000 bytes: more than a window of HTTP/2. */
  fc.constant('LARGE'),
);
const plainFraming: fc.Arbitrary<FuzzRequest['framing']> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ kind: 'none' as const }) },
  { weight: 1, arbitrary: body.map((text) => ({ kind: 'length' as const, body: text })) },
  {
    weight: 1,
    arbitrary: fc
      .array(
        body.filter((text) => text !== ''),
        { maxLength: 3 },
      )
      .map((pieces) => ({ kind: 'chunked' as const, pieces })),
  },
);
const chunkedSmuggled = `0\r\n\r\n${smuggled}`;
const brokenFraming: fc.Arbitrary<FuzzRequest['framing']> = fc
  .tuple(
    fc.constantFrom(
      ['Content-Length: 5', 'Transfer-Encoding: chunked'],
      ['Transfer-Encoding: chunked', 'Content-Length: 5'],
      ['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'],
      ['Transfer-Encoding: xchunked'],
      ['Transfer-Encoding:\x0bchunked'],
      ['Transfer-Encoding : chunked'],
      ['Transfer-Encoding: chunked, identity'],
      ['Transfer-Encoding: gzip, chunked'],
      ['Transfer_Encoding: chunked', 'Content-Length: 5'],
      ['Content-Length: 5', 'Content-Length: 0'],
      ['Content-Length: 5, 0'],
      ['Content-Length: +5'],
      ['Content-Length: 0x5'],
      ['Content-Length: -0'],
      ['Content-Length: 5', ' Transfer-Encoding: chunked'],
      ['X: y\rTransfer-Encoding: chunked', 'Content-Length: 5'],
    ),
    fc.constantFrom(chunkedSmuggled, smuggled, `5\r\nhello\r\n${chunkedSmuggled}`, `5\nhello\n0\n\n${smuggled}`),
  )
  .map(([fields, text]) => ({ kind: 'broken' as const, fields: [...fields], body: text }));
const badChunks: fc.Arbitrary<FuzzRequest['framing']> = fc
  .constantFrom(
    '5\r\nhelloX',
    '-1\r\n',
    '0x5\r\nhello\r\n',
    ' 5\r\nhello\r\n',
    '5;\x0b\nhello\r\n',
    'ffffffffffffffffff\r\n',
    '5\nhello\n',
    'g\r\n',
    '5\r\nhello\r\n0\r\nX',
    '',
  )
  .map((text) => ({ kind: 'broken' as const, fields: ['Transfer-Encoding: chunked'], body: `${text}${smuggled}` }));

const plainRequest: fc.Arbitrary<FuzzRequest> = fc.record({
  method: fc.constantFrom('GET', 'GET', 'GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH'),
  target: plainTarget,
  host: plainHost,
  fields: fc.array(plainField, { maxLength: 5 }),
  framing: plainFraming,
});
const hostileRequest: fc.Arbitrary<FuzzRequest> = fc.record({
  method: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom('GET', 'POST', 'DELETE', 'OPTIONS') },
    { weight: 1, arbitrary: fc.constantFrom('CONNECT', 'TRACE', 'PRI', 'get', 'PROPFIND', '') },
  ),
  target: fc.oneof(oddTarget, plainTarget),
  host: oddHost,
  fields: fc.array(oddField, { maxLength: 4 }),
  framing: fc.oneof(plainFraming, brokenFraming, badChunks),
});

const client: fc.Arbitrary<FuzzClient> = fc
  .record({
    protocol: fc.constantFrom('h1' as const, 'h1' as const, 'h2' as const),
    who: fc.constantFrom('ann' as const, 'bob' as const, 'ann' as const, 'nobody' as const),
    isPipelined: fc.boolean(),
    requests: fc.array(plainRequest, { maxLength: 6 }),
    hostile: fc.option(hostileRequest, { freq: 3 }),
  })
  // A refused request with a body ends the connection, as it should; then nothing could be said of the next.
  .map((some) =>
    some.who === 'nobody'
      ? { ...some, requests: some.requests.map((request) => ({ ...request, framing: { kind: 'none' as const } })) }
      : some,
  );

/** Two to four clients at the same time. */
export const clients: fc.Arbitrary<FuzzClient[]> = fc.array(client, { minLength: 2, maxLength: 4 });
