import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ErrorPage, errorPageHeaders, type PublicError, renderErrorPage } from '../../lib/index.ts';
import type { Http1Request } from './http1-request.ts';
import type { Http1Response } from './http1-response.ts';
import { Http2Request } from './http2-request.ts';
import { Http2Response } from './http2-response.ts';

/** A request and its answer: of HTTP/1.1 on a connection of ours or of Node's server, or on an HTTP/2 stream. */
export type ClientRequest = IncomingMessage | Http1Request | Http2Request;
export type ClientResponse = (ServerResponse | Http1Response | Http2Response) & ResponseMethods;

/** What all kinds of answer have, in one signature each: the declarations in Node's types do not unite by themselves. */
type ResponseMethods = {
  on(event: 'close' | 'drain' | 'error', listener: (...args: never[]) => void): unknown;
  writeHead(status: number, headers: Readonly<Record<string, string | string[]>>): unknown;
  write(chunk: Uint8Array): boolean;
  end(chunk?: string | Uint8Array): unknown;
  flushHeaders(): void;
  addTrailers(trailers: Readonly<Record<string, string | string[]>>): void;
  writeEarlyHints(hints: { link: string | string[] }): void;
  destroy(): unknown;
};

/** What the gateway itself has to say instead of an upstream: a calm page for people, one JSON shape for programs. */
export type Refusal = ErrorPage & {
  code: string;
  /** Stable word of the access log. */
  reasonCode: string;
  details?: Record<string, unknown>;
  headers?: Readonly<Record<string, string | string[]>>;
  /** The connection may be out of step, so nothing more is read from it. */
  closesConnection?: boolean;
};

/** Writes the refusal. Does nothing when the client is gone or an answer has begun. */
export function answerRefusal(response: ClientResponse, refusal: Refusal, asPage: boolean, requestId: string): void {
  const { status, headers } = refusal;
  const body = asPage ? renderErrorPage(refusal) : refusalJson(refusal, requestId);
  const type = asPage ? errorPageHeaders(refusal) : jsonHeaders;
  answer(response, status, { ...type, ...headers }, body, refusal.closesConnection === true);
}

/** A refusal for programs, in the shape that every error of Knot has. */
export function refusalJson({ status, code, reason, remedy, details }: Refusal, requestId: string): string {
  const error: PublicError = {
    statusCode: status,
    code,
    message: reason,
    ...(remedy === undefined ? {} : { remedy }),
    ...(details === undefined ? {} : { details }),
    requestId,
  };
  return JSON.stringify(error);
}

const jsonHeaders: Readonly<Record<string, string>> = {
  'content-type': 'application/json; charset=utf-8',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
};

export function answer(
  response: ClientResponse,
  status: number,
  headers: Readonly<Record<string, string | string[]>>,
  body: string,
  closesConnection = false,
): void {
  if (response.headersSent || response.destroyed || response.writableEnded) return;
  const length = { 'content-length': String(Buffer.byteLength(body)) };
  const connection = closesConnection ? { connection: 'close' } : {};
  response.writeHead(status, { ...headers, ...length, ...connection });
  response.end(response.req.method === 'HEAD' ? '' : body);
}

export function isHttp2(message: ClientRequest): message is Http2Request;
export function isHttp2(message: ClientResponse): message is Http2Response & ResponseMethods;
export function isHttp2(message: ClientRequest | ClientResponse): boolean {
  return message instanceof Http2Request || message instanceof Http2Response;
}
