/** Requests that are refused and end their connection; whatever is glued behind one must never come to life. */
export const refusedFirst: { row: string; name: string; bytes: string }[] = [
  {
    row: 'S3',
    name: 'Transfer_Encoding before a length',
    bytes: 'POST /x HTTP/1.1\r\nHost: HOST\r\nTransfer_Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n',
  },
  {
    row: 'S3',
    name: 'gzip, chunked',
    bytes: 'POST /x HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
  },
  {
    row: 'S4',
    name: 'chunked in HTTP/1.0',
    bytes: 'POST /x HTTP/1.0\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n0\r\n\r\n',
  },
  { row: 'S8', name: 'an unknown expectation', bytes: 'GET /x HTTP/1.1\r\nHost: HOST\r\nExpect: x\r\n\r\n' },
  { row: 'T1', name: 'two hosts', bytes: 'GET /x HTTP/1.1\r\nHost: HOST\r\nHost: HOST\r\n\r\n' },
  { row: 'P1', name: 'a dot segment', bytes: 'GET /a/../b HTTP/1.1\r\nHost: HOST\r\n\r\n' },
  { row: 'P14', name: 'CONNECT', bytes: 'CONNECT a:1 HTTP/1.1\r\nHost: HOST\r\n\r\n' },
  { row: 'H2', name: 'an underscore', bytes: 'GET /x HTTP/1.1\r\nHost: HOST\r\nX_Knot_User: evil\r\n\r\n' },
];

export const glued: Record<string, string> = {
  'a request': 'GET /smuggled HTTP/1.1\r\nHost: HOST\r\nCookie: COOKIE\r\n\r\n',
  'an upgrade':
    'GET /smuggled HTTP/1.1\r\nHost: HOST\r\nCookie: COOKIE\r\nOrigin: ORIGIN\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${'A'.repeat(22)}==\r\n\r\n`,
};
