/**
 * metrics: what people ask Prometheus, and the way to it.
 * Owns: which series a person's query may read, forced into the query; the parameters and endpoints of Prometheus that are enforced; asking
 * it, and how it is; what was used, per day and service, and what it costs; the token by which Grafana says who asks.
 * Does not own: who may read which namespace (policy), metrics about the gateway itself (ops).
 * Mounts: nothing.
 */
export { enforceQuery, enforceSelector, type Readable, selectorOf } from './promql/enforce.ts';
export { type Endpoint, endpoints, enforceParameters, type Parameters, type Question } from './parameters.ts';
export { createGrants, grantCookie, type Grants } from './grants.ts';
export { createMetrics, type Metrics } from './service.ts';
export type { MonthOfUse } from './usage.ts';
export { type Answer, type PrometheusOptions } from './upstream.ts';
