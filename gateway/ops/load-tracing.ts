import type { Tracing, TracingOptions } from './tracing.ts';

/** Makes the tracer. OpenTelemetry's packages are loaded only here, so a gateway that traces nothing does not pay for them. */
export async function createTracing(options: TracingOptions): Promise<Tracing> {
  const { openTelemetryTracing } = await import('./open-telemetry.ts');
  return openTelemetryTracing(options);
}
