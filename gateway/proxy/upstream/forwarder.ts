import type { Socket } from 'node:net';
import type { ClientRequest } from '../message/answers.ts';
import type { FieldBlock } from '../wire/field-block.ts';
import type { Fields } from '../wire/http-fields.ts';

/** What carries requests to one back end and reports what comes back, over HTTP/1.1 or HTTP/2. */
export type Forwarder = {
  dispatch(request: ForwardedRequest, handler: ForwardHandler): void;
  /** Ends every connection and what is under way on it. */
  destroy(): Promise<void>;
};

export type ForwardedRequest = {
  method: string;
  /** The raw target, as it was judged. */
  path: string;
  /** Fields of ours, which come first. */
  blocks: readonly FieldBlock[];
  /** The client's fields: alternating names and values. */
  headers: readonly string[];
  body: ClientRequest | null;
  /** Of the body, when the client named one. */
  contentLength: number | undefined;
  /** It authenticates the connection it goes out on (`connection-authentication.ts`). */
  isBinding?: boolean;
};

export type ForwardControl = {
  /** Ends the request; the handler hears nothing more. */
  abort(): void;
  pause(): void;
  resume(): void;
};

/** Whose a private connection is (`private-connections.ts`): one connection of a client, and who spoke on it. */
export type ConnectionOwner = { client: Socket; who: string };

/**
 * What a forwarder tells of one request, in this order, ending with exactly one of `onResponseEnd`, `onResponseAlone`,
 * `onResponseError`. What a method throws ends the request as `onResponseError`.
 */
export type ForwardHandler = {
  /** Whom a connection that authenticates somebody may be kept for; nobody when there is no telling who asks. */
  owner?(): ConnectionOwner | undefined;
  /** The connection is there and the request goes out. */
  onRequestStart(control: ForwardControl): void;
  onBodySent(chunk: Uint8Array): void;
  /** The first byte came back: from now on the upstream may have acted. */
  onResponseStarted(): void;
  /** Also called for each informational answer (status below 200). */
  onResponseStart(control: ForwardControl, status: number, headers: Fields, message?: string): void;
  /** No byte of the body came together with the head. */
  onHeadAlone(): void;
  /** `chunk` is valid only until this returns: it may lie in a buffer that is read into again. */
  onResponseData(control: ForwardControl, chunk: Buffer): void;
  onResponseEnd(control: ForwardControl, trailers: Fields): void;
  onResponseError(control: ForwardControl, error: Error): void;
  /** The headers are the whole answer and ended the stream: what gRPC calls Trailers-Only. HTTP/2 alone can say so. */
  onResponseAlone(control: ForwardControl, status: number, headers: Fields): void;
};
