/**
 * routes: which host leads where.
 * Owns: the stored unique map from host to route, the form of a route and of an upstream address, and what resource a path
 * on a route stands for.
 * Does not own: forwarding (proxy), verdicts (policy).
 * Mounts: nothing.
 */
export { createRoutes, type Routes } from './service.ts';
export type { RouteChange } from './table.ts';
export type { IdentityFields, Route, ServiceFacts } from './route.ts';
export { atSocket } from './socket-file.ts';
export { nowhere, parseUpstream, socketUpstream, type Upstream, upstreamAddress, upstreamAt } from './upstream.ts';
export { everybody, namespaceAt, type NamespacedPaths } from './namespaced.ts';
export { partOf, serviceResource } from './resource.ts';
