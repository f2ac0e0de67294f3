/**
 * discovery: what people make reachable in their namespaces by hand.
 * Owns: which Ingresses and HTTPRoutes become routes, where each leads, and what is said of those that do not.
 * Does not own: what Knot launched (services), which hosts there are (routes), whose a namespace is (provisioning), who may open it (policy).
 * Mounts: nothing.
 *
 *   Ingress, HTTPRoute ─▶ entry ─▶ wanted: is the host theirs? ─▶ target: Service ▸ endpoints ▸ pods of it ─▶ route
 *                                        │                            │
 *                                        └── refused, with a reason ──┴─▶ record ─▶ lists, `knot provision status`
 *
 * Loaded only where `engine` is `kubernetes`; whoever only reads what was found imports `addresses.ts` through here for nothing of kube.
 */
export type { Address } from './address.ts';
export { type Addresses, createAddresses } from './addresses.ts';
export { createDiscovery, type Discovery, type DiscoveryOptions } from './discovery.ts';
