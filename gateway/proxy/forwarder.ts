import type { Dispatcher } from 'undici';
import type { ClientRequest } from './answers.ts';
import type { AnswerHeaders } from './response-headers.ts';

/** What carries requests to one back end and reports what comes back: undici's pool, or `createHttp2Forwarder`. */
export type Forwarder = {
  dispatch(request: ForwardedRequest, handler: ForwardHandler): unknown;
  /** Ends every connection and what is under way on it. */
  destroy(): Promise<void>;
};

export type ForwardedRequest = {
  method: string;
  /** The raw target, as it was judged. */
  path: string;
  /** Alternating names and values. */
  headers: string[];
  body: ClientRequest | null;
  servername: string;
};

export type ForwardControl = Pick<Dispatcher.DispatchController, 'abort' | 'pause' | 'resume'>;

/** The handler of undici's `dispatch`, with one call more for what only HTTP/2 can say. */
export type ForwardHandler = {
  onRequestStart(control: ForwardControl): void;
  onBodySent(chunk: Uint8Array): void;
  onResponseStarted(): void;
  onResponseStart(control: ForwardControl, status: number, headers: AnswerHeaders, message?: string): void;
  onResponseData(control: ForwardControl, chunk: Buffer): void;
  onResponseEnd(control: ForwardControl, trailers: AnswerHeaders): void;
  onResponseError(control: ForwardControl, error: Error): void;
  /** The headers are the whole answer and ended the stream: what gRPC calls Trailers-Only. */
  onResponseAlone(control: ForwardControl, status: number, headers: AnswerHeaders): void;
};
