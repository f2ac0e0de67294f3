import type { CanonicalRequest, Tracer } from '../../lib/index.ts';
import type { ExchangeContext } from './context.ts';

/** The context of one traced request: its trace begins here and ends with its access line, which then names it. */
export function tracedContext(context: ExchangeContext, tracer: Tracer, canonical: CanonicalRequest): ExchangeContext {
  const trace = tracer.begin(canonical);
  return {
    ...context,
    trace,
    onAccess(entry) {
      const traced = { ...entry, traceId: trace.traceId };
      context.onAccess(traced);
      trace.end(traced);
    },
  };
}
