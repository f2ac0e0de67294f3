/**
 * kube: the API server of the cluster, and nothing of what Knot means by what is in it.
 * Owns: who Knot is there (kubeconfig, service account, exec plugins), one pool of connections, requests and their faults,
 * server-side apply, what is kept of it as it changes.
 * Does not own: which objects there should be (provisioning, services), whose they are (owners).
 * Mounts: nothing.
 *
 *   kubeconfig or service account ─▶ credentials (renewed) ─▶ connection ─▶ requests ─▶ kube.get / list / apply / remove
 *                                                                   └─▶ follow (list, watch, again) ─▶ cache ─▶ kube.watch
 *
 * Loaded only where `engine` is `kubernetes`: the client library costs half a second and 90 MB.
 */
export { openKube, type Kube, type Impersonated, type ListOptions } from './client.ts';
export type { CacheHealth, Change, KubeCache, WatchOptions } from './cache.ts';
export type { ExecOptions, Execution } from './exec.ts';
export { isKubeFault, reasonOf } from './faults.ts';
export { kinds, type Kind } from './kinds.ts';
export { takeLease, type Lease, type LeaseOptions } from './lease.ts';
export type { KubeConnection } from './connection.ts';
export type { KubeRequest } from './request.ts';
export type { LogLine, LogOptions } from './logs.ts';
export { type Pace, usualPace } from './pace.ts';
export type { KubeObject, ObjectMeta } from './objects.ts';
