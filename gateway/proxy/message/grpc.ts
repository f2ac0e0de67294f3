import type { Http2ServerResponse } from 'node:http2';
import { type ClientRequest, isHttp2 } from './answers.ts';

/** gRPC over HTTP/2 (`application/grpc`, `+proto`, `-web` …): both directions may rest for long and still be wanted. */
export function isGrpc(request: ClientRequest): boolean {
  return isHttp2(request) && request.headers['content-type']?.startsWith('application/grpc') === true;
}

/**
 * Headers that end the stream: the form of a gRPC answer that is nothing but a status (Trailers-Only in "gRPC over HTTP2"). Node's
 * compatible API would put an empty frame behind them, which gRPC clients take for an answer without a status.
 */
export function answerAlone(
  response: Http2ServerResponse,
  status: number,
  fields: Readonly<Record<string, string | string[]>>,
): void {
  response.statusCode = status;
  response.stream.respond({ ...fields, ':status': status }, { endStream: true });
}
