/** What the one access line of a request says; `ops` writes it and counts it. Never holds a query, cookie or token. */
export type AccessEntry = {
  requestId: string;
  method: string;
  host: string;
  /** Path without the query, as received. */
  path: string;
  status: number;
  /** Username, or '' when nobody is signed in. */
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
  /** Whole time and time to the upstream's first byte, milliseconds. */
  totalMs: number;
  upstreamMs?: number;
};
