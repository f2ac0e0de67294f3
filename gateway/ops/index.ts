/**
 * ops: what an operator watches.
 * Owns: the log and its redaction, the access line of each request, traces of the forward path, metrics, health and readiness, the check of the Node version.
 * Does not own: the health of others (each module reports its own), the audit record (audit).
 * Mounts: GET /healthz and /readyz on the main host; GET /metrics, /healthz and /readyz on a listener of its own.
 */
export { accessHook, type AccessHookOptions } from './access-hook.ts';
export { type AccessLog, createAccessLog } from './access-log.ts';
export { createLog, isForTerminal, type LogOptions, type ProcessLog } from './log.ts';
export { createMetrics, type Metrics, type MetricsSources } from './metrics.ts';
export { nodeHealth } from './node-version.ts';
export { createReadiness, type Readiness } from './readiness.ts';
export { probeRoutes, type ProbeRoutesOptions } from './routes.ts';
export { createOpsServer, type OpsServer, type OpsServerOptions } from './server.ts';
export { createTracing } from './load-tracing.ts';
export type { Tracing, TracingOptions } from './tracing.ts';
