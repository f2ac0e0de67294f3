/**
 * metrics: what people ask Prometheus, and the way to it.
 * Owns: which series a person's query may read, forced into the query; the parameters and endpoints of Prometheus that are enforced.
 * Does not own: who may read which namespace (policy), metrics about the gateway itself (ops).
 * Mounts: nothing.
 */
export { enforceQuery, enforceSelector, type Readable, selectorOf } from './promql/enforce.ts';
