import type { ReasonCode } from '../../../gateway/lib/index.ts';

/**
 * Whole requests by hand. `HOST` stands for the host with its port, `COOKIE` for a valid session cookie, `ORIGIN` for the own
 * origin. A row is refused with a status (and a reason, unless the HTTP parser itself refuses), or passes.
 */
export type HeadRow = {
  row: string;
  name: string;
  bytes: string;
} & (
  | { refused: ReasonCode | readonly ReasonCode[]; status?: never }
  /** Where the parser may refuse in more than one way. */
  | { status: readonly number[]; refused?: never }
  | { passes: true }
);

const get = (fields: string, line = 'GET /x HTTP/1.1'): string =>
  `${line}\r\nHost: HOST\r\nCookie: COOKIE\r\n${fields}Connection: close\r\n\r\n`;
const post = (fields: string, body: string, line = 'POST /x HTTP/1.1'): string =>
  `${line}\r\nHost: HOST\r\nCookie: COOKIE\r\nOrigin: ORIGIN\r\n${fields}Connection: close\r\n\r\n${body}`;
const host = (fields: string, line = 'GET /x HTTP/1.1'): string =>
  `${line}\r\n${fields}Cookie: COOKIE\r\nConnection: close\r\n\r\n`;

const nameRows: HeadRow[] = [
  { row: 'H2', name: 'underscores', bytes: get('X_Knot_User: evil\r\n'), refused: 'header_name' },
  { row: 'H2', name: 'one underscore', bytes: get('x-knot_user: evil\r\n'), refused: 'header_name' },
  { row: 'H2', name: 'forwarded with underscores', bytes: get('X_Forwarded_Proto: http\r\n'), refused: 'header_name' },
  { row: 'H2', name: 'neighbour: dashes', bytes: get('X-Custom-Thing: fine_value\r\n'), passes: true },
  { row: 'H3', name: 'dots', bytes: get('X.Knot.User: evil\r\n'), refused: 'header_name' },
  { row: 'H3', name: 'Remote.User', bytes: get('Remote.User: evil\r\n'), refused: 'header_name' },
  { row: 'H3', name: 'neighbour: dots in a value', bytes: get('X-Version: 1.2.3\r\n'), passes: true },
  { row: 'H13', name: '__proto__', bytes: get('__proto__: x\r\n'), refused: 'header_name' },
  {
    row: 'H13',
    name: 'constructor',
    bytes: get('constructor: x\r\nhasOwnProperty: x\r\ntoString: y\r\n'),
    passes: true,
  },
  {
    row: 'D2',
    name: 'more than 100 headers',
    bytes: get(Array.from({ length: 120 }, (_, index) => `x-a${index}: b\r\n`).join('')),
    refused: 'too_many_headers',
  },
  {
    row: 'D2',
    name: 'neighbour: 90 headers',
    bytes: get(Array.from({ length: 90 }, (_, index) => `x-a${index}: b\r\n`).join('')),
    passes: true,
  },
  { row: 'C2', name: 'cookie bomb', bytes: get(`Cookie: ${'a'.repeat(40_000)}=1\r\n`), refused: 'headers_too_large' },
  {
    row: 'C2',
    name: 'bigger than the parser takes',
    bytes: get(`X-A: ${'a'.repeat(70_000)}\r\n`),
    refused: 'headers_too_large',
  },
  { row: 'C2', name: 'neighbour: 15 KB of cookies', bytes: get(`Cookie: ${'a'.repeat(15_000)}=1\r\n`), passes: true },
];

const hostRows: HeadRow[] = [
  { row: 'T1', name: 'no Host', bytes: host(''), refused: 'host_missing' },
  { row: 'T1', name: 'empty Host', bytes: host('Host:\r\n'), refused: 'host_missing' },
  { row: 'T1', name: 'two Hosts', bytes: host('Host: HOST\r\nHost: evil\r\n'), refused: 'host_repeated' },
  { row: 'T1', name: 'two equal Hosts', bytes: host('Host: HOST\r\nHost: HOST\r\n'), refused: 'host_repeated' },
  { row: 'T1', name: 'a list', bytes: host('Host: HOST, evil\r\n'), refused: 'host_syntax' },
  { row: 'T1', name: 'a space', bytes: host('Host: echo .localhost\r\n'), refused: 'host_syntax' },
  { row: 'T1', name: 'user information', bytes: host('Host: good@echo.localhost\r\n'), refused: 'host_syntax' },
  { row: 'T1', name: 'a slash', bytes: host('Host: echo.localhost/evil\r\n'), refused: 'host_syntax' },
  { row: 'T1', name: 'a bad port', bytes: host('Host: echo.localhost:80x\r\n'), refused: 'host_syntax' },
  { row: 'T1', name: 'an empty label', bytes: host('Host: echo..localhost\r\n'), refused: 'host_syntax' },
  { row: 'T1', name: 'HTTP/1.0 without Host', bytes: host('', 'GET /x HTTP/1.0'), refused: 'host_missing' },
  { row: 'T1', name: 'neighbour', bytes: host('Host: HOST\r\n'), passes: true },
  { row: 'T1', name: 'neighbour: no port', bytes: host('Host: echo.localhost\r\n'), passes: true },
  { row: 'T3', name: 'upper case is the same host', bytes: host('Host: ECHO.LocalHost\r\n'), passes: true },
  { row: 'T4', name: 'trailing dot', bytes: host('Host: echo.localhost.\r\n'), refused: 'host_syntax' },
  { row: 'T12', name: 'an address', bytes: host('Host: 127.0.0.1\r\n'), refused: 'misdirected' },
  { row: 'T12', name: 'an IPv6 address', bytes: host('Host: [::1]:8443\r\n'), refused: 'misdirected' },
  { row: 'T12', name: 'a foreign name', bytes: host('Host: attacker.example\r\n'), refused: 'misdirected' },
  { row: 'T12', name: 'an unknown label', bytes: host('Host: nothing.localhost\r\n'), refused: 'unknown_host' },
];

const length = (value: string): string => `Content-Length: ${value}\r\n`;
const chunked = '5\r\nhello\r\n0\r\n\r\n';
const coded = (value: string): string => post(`Transfer-Encoding:${value}\r\n`, chunked);

const framingRows: HeadRow[] = [
  {
    row: 'S1',
    name: 'length and chunked',
    bytes: post(`${length('5')}Transfer-Encoding: chunked\r\n`, chunked),
    status: [400],
  },
  {
    row: 'S1',
    name: 'chunked and length',
    bytes: post(`Transfer-Encoding: chunked\r\n${length('5')}`, chunked),
    status: [400],
  },
  { row: 'S1', name: 'two equal lengths', bytes: post(length('5') + length('5'), 'hello'), status: [400] },
  { row: 'S1', name: 'two lengths', bytes: post(length('5') + length('6'), 'hello!'), status: [400] },
  ...['2, 2', '+2', '-1', '0x2', '2 2', '99999999999999999999'].map((value): HeadRow => ({
    row: 'S1',
    name: `length ${value}`,
    bytes: post(length(value), 'hi'),
    status: [400],
  })),
  { row: 'S1', name: 'neighbour: one length', bytes: post(length('5'), 'hello'), passes: true },
  ...[' xchunked', ' "chunked"', ' chunked, identity', ' identity', '\x0bchunked', ' chunked, chunked'].map(
    (value): HeadRow => ({
      row: 'S2',
      name: `coding ${JSON.stringify(value)}`,
      bytes: coded(value),
      status: [400, 501],
    }),
  ),
  {
    row: 'S2',
    name: 'two codings',
    bytes: post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', chunked),
    status: [400, 501],
  },
  {
    row: 'S2',
    name: 'space before the colon',
    bytes: post('Transfer-Encoding : chunked\r\n', chunked),
    status: [400],
  },
  { row: 'S2', name: 'neighbour: chunked', bytes: coded(' chunked'), passes: true },
  { row: 'S3', name: 'gzip, chunked', bytes: coded(' gzip, chunked'), refused: 'transfer_encoding' },
  { row: 'S3', name: 'identity, chunked', bytes: coded(' identity, chunked'), refused: 'transfer_encoding' },
  { row: 'S3', name: 'Transfer_Encoding', bytes: post('Transfer_Encoding: chunked\r\n', ''), refused: 'header_name' },
  { row: 'S3', name: 'neighbour: other case', bytes: coded(' Chunked'), passes: true },
  {
    row: 'S4',
    name: 'chunked in HTTP/1.0',
    bytes: post('Transfer-Encoding: chunked\r\n', chunked, 'POST /x HTTP/1.0'),
    refused: 'transfer_encoding_version',
  },
  { row: 'S4', name: 'HTTP/0.9', bytes: 'GET /\r\n\r\n', status: [400, 505] },
  { row: 'S4', name: 'HTTP/2.0 by hand', bytes: get('', 'GET /x HTTP/2.0'), refused: 'http_version' },
  { row: 'S4', name: 'neighbour: HTTP/1.0', bytes: get('', 'GET /x HTTP/1.0'), passes: true },
  ...[
    '0x5\r\nhello\r\n0\r\n\r\n',
    ' 5\r\nhello\r\n0\r\n\r\n',
    '5 \r\nhello\r\n0\r\n\r\n',
    '5\nhello\n0\n\n',
    '5\r\nhello0\r\n\r\n',
    'fffffffffffffffff\r\nhello\r\n0\r\n\r\n',
    '5;a\nb\r\nhello\r\n0\r\n\r\n',
  ].map((body): HeadRow => ({
    row: 'S5',
    name: `chunk ${JSON.stringify(body.slice(0, 12))}`,
    bytes: post('Transfer-Encoding: chunked\r\n', body),
    status: [400, 0],
  })),
  {
    row: 'S5',
    name: 'a chunk extension without end',
    bytes: post('Transfer-Encoding: chunked\r\n', `5;${'a'.repeat(100_000)}\r\nhello\r\n0\r\n\r\n`),
    status: [400, 413, 431, 0],
  },
  ...[
    ['obs-fold', 'X-A: b\r\n c\r\n'],
    ['bare LF', 'X-A: b\nX-B: c\r\n'],
    ['bare CR', 'X-A: b\rX-B: c\r\n'],
    ['NUL', 'X-A: b\0c\r\n'],
    ['no name', ': b\r\n'],
    ['no colon', 'X-A\r\n'],
    ['name with a space', 'X A: b\r\n'],
  ].map(([name, field]): HeadRow => ({ row: 'S6', name: name!, bytes: get(field!), status: [400] })),
  ...[
    'GET /x RTSP/1.0',
    'GET /x  HTTP/1.1',
    'GET  /x HTTP/1.1',
    ' GET /x HTTP/1.1',
    'GET /x HTTP/1.1 ',
    'GET /x http/1.1',
    'GET /x',
    '\nGET /x HTTP/1.1',
    '\r\n\r\nGET /x HTTP/1.1',
  ].map((line): HeadRow => ({
    row: 'S6',
    name: `request line ${JSON.stringify(line)}`,
    bytes: get('', line),
    refused: 'request_line',
  })),
  { row: 'S6', name: 'neighbour: one empty line in front', bytes: get('', '\r\nGET /x HTTP/1.1'), passes: true },
  { row: 'S4', name: 'HTTP/1.2', bytes: get('', 'GET /x HTTP/1.2'), refused: 'http_version' },
  { row: 'S6', name: 'tabs in the request line', bytes: get('', 'GET\t/x\tHTTP/1.1'), status: [400] },
  { row: 'S6', name: 'neighbour: tab in a value', bytes: get('X-A: b\tc\r\n'), passes: true },
  {
    row: 'S8',
    name: 'unknown expectation',
    bytes: post(`${length('2')}Expect: 200-ok\r\n`, 'hi'),
    refused: 'expectation',
  },
  {
    row: 'S8',
    name: 'odd expectation',
    bytes: post(`${length('2')}Expect: y 100-continue\r\n`, 'hi'),
    refused: 'expectation',
  },
  {
    row: 'S8',
    name: 'neighbour: 100-continue',
    bytes: post(`${length('2')}Expect: 100-continue\r\n`, 'hi'),
    passes: true,
  },
  { row: 'S9', name: 'GET with a body passes', bytes: get('Content-Length: 2\r\n').concat('hi'), passes: true },
  {
    row: 'S7',
    name: 'chunked DELETE is data',
    bytes: post('Transfer-Encoding: chunked\r\n', chunked, 'DELETE /x HTTP/1.1'),
    passes: true,
  },
  { row: 'P14', name: 'CONNECT', bytes: get('', 'CONNECT h:443 HTTP/1.1'), status: [400, 501] },
  { row: 'P14', name: 'authority form', bytes: get('', 'GET h:443 HTTP/1.1'), status: [400] },
  { row: 'P13', name: 'raw UTF-8', bytes: get('', 'GET /\xc3\xa9 HTTP/1.1'), status: [400] },
  { row: 'P13', name: 'control byte', bytes: get('', 'GET /a\x01b HTTP/1.1'), status: [400] },
  { row: 'P16', name: 'unknown method', bytes: get('', 'FROBNICATE /x HTTP/1.1'), status: [400, 405, 501] },
];

export const headRows: HeadRow[] = [...nameRows, ...hostRows, ...framingRows];
