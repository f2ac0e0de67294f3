/**
 * Why a request is refused before anyone looks at who sent it. Codes are stable: they stand in the access log, in metrics
 * and in the answer. Rows of the attack catalogue (`test/proxy/catalogue`) name the code they expect.
 */
export const refusals = {
  request_line: {
    status: 400,
    message: 'The request line must be a method, a path and HTTP/1.1, with one space between them.',
  },
  scheme: { status: 421, message: 'The ":scheme" of the request must be "https".' },
  target_form: { status: 400, message: 'The request target must be a path that starts with "/".' },
  target_bytes: { status: 400, message: 'The address holds a space, a control character or a byte outside ASCII.' },
  fragment: { status: 400, message: 'The request target holds a "#".' },
  backslash: { status: 400, message: 'The path holds a backslash.' },
  dot_segment: { status: 400, message: 'The path holds a "." or ".." segment.' },
  dot_ended_segment: { status: 400, message: 'The path holds a folder name that ends in a dot.' },
  leading_double_slash: { status: 400, message: 'The path starts with "//".' },
  double_slash: { status: 400, message: 'The path holds an empty segment ("//").' },
  path_parameter: { status: 400, message: 'The path holds a ";".' },
  encoded_slash: { status: 400, message: 'The path holds an encoded slash or backslash.' },
  encoded_nul: { status: 400, message: 'The path holds an encoded NUL byte.' },
  bad_percent: { status: 400, message: 'The path holds a "%" that is not followed by two hexadecimal digits.' },
  bad_utf8: { status: 400, message: 'The path does not decode to valid UTF-8.' },
  header_name: {
    status: 400,
    message: 'A header name holds an underscore, a dot or another character that is refused.',
  },
  too_many_headers: { status: 431, message: 'The request has too many headers.' },
  headers_too_large: { status: 431, message: 'The headers of the request are too large.' },
  host_missing: { status: 400, message: 'The request names no host.' },
  host_repeated: { status: 400, message: 'The request names its host more than once.' },
  host_syntax: { status: 400, message: 'The host name is not valid.' },
  host_mismatch: { status: 400, message: 'The ":authority" and "host" of the request differ.' },
  repeated_header: { status: 400, message: 'A header that may stand once stands more than once.' },
  transfer_encoding: { status: 501, message: 'The only transfer coding accepted is "chunked".' },
  transfer_encoding_version: { status: 400, message: 'A transfer coding is not valid in this version of HTTP.' },
  content_length: { status: 400, message: 'The Content-Length is not a plain number.' },
  ambiguous_length: { status: 400, message: 'The request has both a Content-Length and a Transfer-Encoding.' },
  expectation: { status: 417, message: 'The only expectation that can be met is "100-continue".' },
  http_version: { status: 505, message: 'The version of HTTP is not spoken here.' },
  method_unknown: { status: 501, message: 'The method is not known here.' },
  method_not_allowed: { status: 405, message: 'The method is not allowed here.' },
  upgrade_protocol: {
    status: 400,
    message: 'The only protocol a connection can be upgraded to is "websocket", by GET.',
  },
  upgrade_version: { status: 426, message: 'The WebSocket version must be 13.' },
  upgrade_handshake: { status: 400, message: 'The WebSocket handshake is incomplete.' },
  malformed: { status: 400, message: 'The request is not valid HTTP.' },
  too_slow: { status: 408, message: 'The request took too long to arrive.' },
  unknown_host: { status: 404, message: 'Nothing is served under this address.' },
  misdirected: { status: 421, message: 'This server does not answer for that host name.' },
} as const satisfies Record<string, { status: number; message: string }>;

export type ReasonCode = keyof typeof refusals;
