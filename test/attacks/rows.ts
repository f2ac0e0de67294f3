import type { ReasonCode } from '../../gateway/lib/index.ts';

/**
 * Rows of the attack catalogue as whole requests by hand, sent to the running process. `HOST`, `MAIN`, `COOKIE` and `ORIGIN`
 * stand for the application's host, the main host, a valid session cookie and the own origin. Every id has a row that passes, so
 * that refusing everything fails.
 */
export type Row = { row: string; name: string; bytes: string } & (
  | { refused: ReasonCode; status: number }
  /** Refused before the edge sees it: by its status alone, or by the main host, which forwards nothing. */
  | { refusedBy: readonly number[] }
  | {
      passes: true;
      /** What the upstream's bytes must and must not hold. */
      holds?: RegExp;
      lacks?: RegExp;
      body?: string;
      user?: string;
    }
);

const get = (fields: string, target = '/x', method = 'GET'): string =>
  `${method} ${target} HTTP/1.1\r\nHost: HOST\r\nCookie: COOKIE\r\n${fields}Connection: close\r\n\r\n`;
const withBody = (method: string, fields: string, body: string): string =>
  `${method} /x HTTP/1.1\r\nHost: HOST\r\nCookie: COOKIE\r\nOrigin: ORIGIN\r\n${fields}\r\n${body}`;
const upgrade = (fields: string): string =>
  `GET /ws HTTP/1.1\r\nHost: HOST\r\nCookie: COOKIE\r\nOrigin: ORIGIN\r\n${fields}Sec-WebSocket-Version: 13\r\n` +
  `Sec-WebSocket-Key: ${'A'.repeat(22)}==\r\n\r\n`;

const hidden = 'GET /hidden HTTP/1.1\r\nHost: echo.localhost\r\n\r\n';
const chunk = (data: string): string => `${data.length.toString(16)}\r\n${data}\r\n0\r\n\r\n`;
const many = (count: number): string =>
  Array.from({ length: count }, (_, index) => `x-${index * 7919}: b\r\n`).join('');
/** Names that share their lower bits in the simplest string hashes. */
const colliding = (count: number): string =>
  Array.from({ length: count }, (_, index) =>
    index.toString(2).padStart(11, '0').replaceAll('0', 'Aa').replaceAll('1', 'BB'),
  )
    .map((name) => `${name}=1`)
    .join('&');

const headerRows: Row[] = [
  {
    row: 'H12',
    name: 'a second Origin, which is judged',
    bytes: get('Origin: ORIGIN\r\nOrigin: https://evil.example\r\n'),
    refused: 'repeated_header',
    status: 400,
  },
  {
    row: 'H12',
    name: 'a second Sec-Fetch-Site',
    bytes: get('Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: cross-site\r\n'),
    refused: 'repeated_header',
    status: 400,
  },
  {
    row: 'H12',
    name: 'a second Authorization',
    bytes: get('Authorization: token a\r\nAuthorization: token b\r\n'),
    refused: 'repeated_header',
    status: 400,
  },
  {
    row: 'H12',
    name: 'neighbour: a repeated header nobody judges arrives as it is',
    bytes: get('X-Role: user,admin\r\nX-Role: root\r\n'),
    passes: true,
    holds: /X-Role: user,admin\r\nX-Role: root\r\n/,
    user: 'ann',
  },
  {
    row: 'H15',
    name: 'of a cookie and a bearer the cookie names the person, in the log too',
    bytes: get('Authorization: Bearer of-somebody-else\r\n'),
    passes: true,
    holds: /x-knot-user: ann\r\n[^]*Authorization: Bearer of-somebody-else\r\n/i,
    lacks: /x-knot-user: (?!ann\r)/i,
    user: 'ann',
  },
  {
    row: 'H15',
    name: 'a bearer beside no cookie names nobody',
    bytes: 'GET /x HTTP/1.1\r\nHost: HOST\r\nAuthorization: Bearer of-somebody\r\nConnection: close\r\n\r\n',
    refusedBy: [401],
  },
  {
    row: 'H19',
    name: 'impersonation headers never pass',
    bytes: get('Impersonate-User: root\r\nimpersonate-group: system:masters\r\nImpersonate-Extra-Scopes: all\r\n'),
    passes: true,
    lacks: /impersonate|masters/i,
  },
  {
    row: 'H19',
    name: 'neighbour: a name that only sounds like it',
    bytes: get('X-Impersonated-Once: yes\r\n'),
    passes: true,
    holds: /X-Impersonated-Once: yes\r\n/,
  },
];

const framingRows: Row[] = [
  ...['DELETE', 'OPTIONS', 'POST'].map((method): Row => ({
    row: 'S7',
    name: `a request hidden in the chunks of ${method} is data`,
    bytes: withBody(method, 'Transfer-Encoding: chunked\r\nConnection: close\r\n', chunk(hidden)),
    passes: true,
    body: hidden,
  })),
  {
    row: 'S7',
    name: 'also when Connection names the framing',
    bytes: withBody(
      'DELETE',
      'Transfer-Encoding: chunked\r\nConnection: Transfer-Encoding, Content-Length, close\r\n',
      chunk(hidden),
    ),
    passes: true,
    body: hidden,
  },
  {
    row: 'S7',
    name: 'a length named in Connection still frames',
    bytes: withBody('POST', `Content-Length: ${hidden.length}\r\nConnection: content-length, close\r\n`, hidden),
    passes: true,
    body: hidden,
  },
  ...['websocket%0d%0aX: y', 'websocket\x0bfoo', 'TLS/1.0', 'websocket, websocket', ''].map((value): Row => ({
    row: 'S12',
    name: `an upgrade to ${JSON.stringify(value)} is never passed on`,
    bytes: upgrade(`Connection: Upgrade\r\nUpgrade: ${value}\r\n`),
    refusedBy: [400],
  })),
  {
    row: 'S12',
    name: 'neighbour: what the upstream reads is the constant, not the text of the client',
    bytes: upgrade('Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n'),
    passes: true,
    holds: /\r\nupgrade: websocket\r\n/,
    lacks: /WebSocket\r\n/,
  },
];

const api = (fields: string, body: string): string =>
  `POST /api/v1/me/password HTTP/1.1\r\nHost: MAIN\r\nOrigin: https://MAIN\r\nContent-Type: application/json\r\n${fields}` +
  `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;

const denialRows: Row[] = [
  {
    row: 'D4',
    name: 'a compressed body to our own API is not unpacked',
    bytes: api('Content-Encoding: gzip\r\n', '\x1f\x8b\x08\0\0\0\0\0\0\x03'.padEnd(1000, '\0')),
    refusedBy: [400, 401, 403, 404, 415],
  },
  {
    row: 'D4',
    name: 'nor is one of eight megabytes read to its end',
    bytes: api('', `"${'a'.repeat(8 * 1024 * 1024)}"`),
    // 0: the connection is reset while the client still writes.
    refusedBy: [400, 401, 403, 404, 413, 0],
  },
  {
    row: 'D4',
    name: 'neighbour: compressed bytes for an application arrive packed',
    bytes: withBody(
      'POST',
      'Content-Encoding: gzip\r\nContent-Length: 10\r\nConnection: close\r\n',
      '\x1f\x8b\x08\0\0\0\0\0\0\x03',
    ),
    passes: true,
    holds: /Content-Encoding: gzip\r\n/,
    body: '\x1f\x8b\x08\0\0\0\0\0\0\x03',
  },
  { row: 'D5', name: '300 header names', bytes: get(many(300)), refused: 'too_many_headers', status: 431 },
  { row: 'D5', name: '2,000 header names', bytes: get(many(2000)), refusedBy: [431] },
  {
    row: 'D5',
    name: 'a path of 50 KB',
    bytes: get('', `/${'a/'.repeat(25_000)}`),
    refused: 'headers_too_large',
    status: 431,
  },
  { row: 'D5', name: 'neighbour: a path of 20 KB', bytes: get('', `/${'a*/'.repeat(7_000)}`), passes: true },
  {
    row: 'D5',
    name: 'neighbour: a thousand colliding query names',
    bytes: get('', `/x?${colliding(1000)}`),
    passes: true,
  },
];

const templates = ['{env.SECRET}', '${jndi:ldap://evil}', '{{7*7}}', '%{PATH}', '$(id)', '<%= 1 %>'];
const templateRows: Row[] = templates.map((text): Row => ({
  row: 'U8',
  name: `${text} stays text`,
  bytes: get(`X-In: ${text}\r\nUser-Agent: ${text}\r\n`, `/x?q=${text.replaceAll(' ', '%20').replace('%{', '%25{')}`),
  passes: true,
  holds: new RegExp(`X-In: ${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}\\r\\n`),
  lacks: /\b49\b|uid=/,
}));

export const rows: Row[] = [...headerRows, ...framingRows, ...denialRows, ...templateRows];
