import { type ClientRequest, isHttp2 } from './answers.ts';

/** gRPC over HTTP/2 (`application/grpc`, `+proto`, `-web` …): both directions may rest for long and still be wanted. */
export function isGrpc(request: ClientRequest): boolean {
  return isHttp2(request) && request.headers['content-type']?.startsWith('application/grpc') === true;
}
