/** What the one access line of a request says; `ops` writes it and counts it. Never holds a query, cookie or token. */
export type AccessEntry = {
  requestId: string;
  method: string;
  host: string;
  /** Path without the query, as received but for what looks like a secret (`maskSecrets`); on the main host the route's pattern. */
  path: string;
  status: number;
  /** Username, `guest` of whoever came by a link, or '' when nobody is signed in. */
  user: string;
  /** Route name (`jupyterhub`, `echo`, `main`), or '' for an unknown host. */
  route: string;
  /** `allow`, `deny`, or '' when no decision was asked for. */
  verdict: string;
  /** Stable reason code: of the refusal, else ''. */
  reason: string;
  decisionId?: string;
  /** Of the trace the request belongs to, when tracing is on. */
  traceId?: string;
  address: string;
  protocol: 'h1' | 'h2' | 'ws';
  bytesIn: number;
  bytesOut: number;
} & PhaseTimes;

/** Milliseconds. A phase that a request did not come to, or that did not end, is absent; what is left of the whole is the body. */
export type PhaseTimes = {
  totalMs: number;
  /** Until it was known who asks and that they may. */
  judgeMs?: number;
  /** Waiting for room at the upstream. */
  queueMs?: number;
  /** Connecting to it; next to nothing when a connection was free. */
  connectMs?: number;
  /** From there to the head of its answer, sending the request's body included. */
  upstreamMs?: number;
};
