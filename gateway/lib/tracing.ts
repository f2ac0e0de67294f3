import type { AccessEntry } from './access-entry.ts';

/** What a trusted proxy says about the trace of a request (W3C Trace Context and Baggage), as received and not yet checked. */
export type ReceivedTrace = {
  traceParent: string | undefined;
  traceState: string | undefined;
  baggage: string | undefined;
};

/** Makes one trace entry (a span) for each request of the forward path; `ops` has the one that sends them to a collector. */
export type Tracer = {
  /** Never throws, never waits. */
  begin(request: { receivedTrace: ReceivedTrace | undefined }): Trace;
};

export type Trace = {
  /** 32 hexadecimal digits; stands in the access line too, so that log and trace can be joined. */
  readonly traceId: string;
  /** What the upstream gets in place of the client's own trace fields, as alternating names and values. */
  readonly headers: readonly string[];
  /** Says what became of the request. The first call counts: a WebSocket's comes with its 101. Never throws. */
  end(entry: AccessEntry): void;
};
