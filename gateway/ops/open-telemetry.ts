import { ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { AccessEntry, ReceivedTrace, Trace } from '../lib/index.ts';
import { isFailure, spanAttributes, spanName } from './span-attributes.ts';
import { createSpanQueue, type SpanQueue } from './span-queue.ts';
import type { Tracing, TracingOptions } from './tracing.ts';

const longestText = 1000;
/** A batch becomes JSON in one go, on the thread that forwards; this many take it about a millisecond. */
const spansPerBatch = 256;
const batchMs = 1_000;
/** How long the collector may take for a batch, retries included. */
const exportMs = 5_000;
const closeMs = 2_000;

/**
 * The tracer on OpenTelemetry's SDK. Nothing is registered globally and nothing is patched: each span is made here, and no other
 * library of the process takes part.
 */
export function openTelemetryTracing(options: TracingOptions): Tracing {
  const { endpoint, ratio, serviceName, headers, version, clock, log } = options;
  const exporter = new OTLPTraceExporter({
    url: endpoint,
    headers,
    timeoutMillis: exportMs,
    httpAgentOptions: { keepAlive: true },
  });
  const queue = createSpanQueue({ exporter, exportMs, clock, log });
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': serviceName, 'service.version': version }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
    spanLimits: { attributeValueLengthLimit: longestText },
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: queue.exporter,
        maxExportBatchSize: spansPerBatch,
        maxQueueSize: queue.mostWaiting,
        scheduledDelayMillis: batchMs,
        exportTimeoutMillis: exportMs,
      }),
    ],
  });
  const tracer = provider.getTracer('knot', version);
  const propagator = new W3CTraceContextPropagator();

  function contextOf(received: ReceivedTrace | undefined) {
    // A field that came twice has a comma, which no version of it may hold: it says nothing.
    if (received?.traceParent === undefined || received.traceParent.includes(',')) return ROOT_CONTEXT;
    return propagator.extract(ROOT_CONTEXT, received, getField);
  }

  return {
    begin({ receivedTrace }) {
      const span = tracer.startSpan('request', { kind: SpanKind.SERVER }, contextOf(receivedTrace));
      return new RequestTrace(span, queue, receivedTrace?.baggage);
    },
    droppedCount: queue.droppedCount,
    async close() {
      const { promise: tooLate, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, closeMs);
      // What does not arrive is counted and told by the queue.
      await Promise.race([provider.shutdown().catch(() => undefined), tooLate]);
      clearTimeout(timer);
    },
  };
}

const getField = {
  get: (received: ReceivedTrace, name: string) => (name === 'traceparent' ? received.traceParent : received.traceState),
  keys: () => ['traceparent', 'tracestate'],
};

/** One request as one span. */
class RequestTrace implements Trace {
  readonly #span: Span;
  readonly #queue: SpanQueue;
  readonly #baggage: string | undefined;
  #isOver = false;

  constructor(span: Span, queue: SpanQueue, baggage: string | undefined) {
    this.#span = span;
    this.#queue = queue;
    this.#baggage = baggage;
  }

  get traceId(): string {
    return this.#span.spanContext().traceId;
  }

  get headers(): string[] {
    const { traceId, spanId, traceFlags, traceState } = this.#span.spanContext();
    const headers = ['traceparent', `00-${traceId}-${spanId}-0${traceFlags}`];
    const state = traceState?.serialize() ?? '';
    if (state !== '') headers.push('tracestate', state);
    if (this.#baggage !== undefined) headers.push('baggage', this.#baggage);
    return headers;
  }

  end(entry: AccessEntry): void {
    if (this.#isOver) return;
    this.#isOver = true;
    // A span that is not recorded, or that nobody would take, is let go as it is.
    if (!this.#span.isRecording() || !this.#queue.admit()) return;
    this.#span.updateName(spanName(entry));
    this.#span.setAttributes(spanAttributes(entry));
    if (isFailure(entry)) this.#span.setStatus({ code: SpanStatusCode.ERROR });
    this.#span.end();
  }
}
