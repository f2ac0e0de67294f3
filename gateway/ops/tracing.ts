import type { Clock, Log, Tracer } from '../lib/index.ts';

export type TracingOptions = {
  /** Where spans are posted as OTLP in JSON: http(s)://HOST:PORT/PATH. */
  endpoint: string;
  /** Share of the traces begun here that are recorded, 0 to 1. A trace that a trusted proxy began is recorded when it says so. */
  ratio: number;
  serviceName: string;
  /** Sent with each batch; holds secrets. */
  headers: Record<string, string>;
  version: string;
  clock: Clock;
  log: Log;
};

export type Tracing = Tracer & {
  /** Spans that did not get to the collector, because it was down, slow or refused them. */
  droppedCount(): number;
  /** Sends what is left, for two seconds at most. Never throws. */
  close(): Promise<void>;
};
