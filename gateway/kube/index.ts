/**
 * kube: the API server of the cluster, and nothing of what Knot means by what is in it.
 * Owns: who Knot is there (kubeconfig, service account, plugins), connections, requests and their faults, server-side apply, objects as
 * they are now, logs, programs and ports of pods, what is held at rest and what it was before, who of several processes leads.
 * Does not own: which objects there should be (provisioning, services), whose they are (owners).
 * Mounts: nothing.
 *
 *   kubeconfig or service account ─▶ credentials (renewed each minute, and when refused)
 *                                        │
 *                                        ▼
 *       ┌───────────────────────── connection ──────────────────────────┐
 *       │ pool of requests            │ pool of streams                  │ WebSockets
 *       ▼                             ▼                                  ▼
 *     ask: JSON, again where      follow: list ▸ watch ▸ again         exec, portForward
 *     that does no harm               │            logs
 *       │                             ▼
 *       ▼                         cache: get, byLabel, onChange, health
 *     get list apply create           │
 *     merge remove                    ▼
 *       └──────────────▶ takeLease: one leads
 *
 * Work by keys for reconcilers is `createKeyedQueue` in lib. Loaded only where `engine` is `kubernetes`. The client library for Node is
 * loaded only for kubeconfigs that sign in as they did before there were plugins (`auth-provider`): it costs half a second and 90 MB.
 */
export { openKube, type Kube, type Impersonated, type ListOptions } from './client.ts';
export type { CacheHealth, Change, KubeCache, WatchOptions } from './cache.ts';
export type { ExecOptions, Execution } from './exec.ts';
export {
  addressesOfPod,
  answering,
  type Endpoints,
  endpointsOf,
  type ServicePorts,
  writtenByCluster,
} from './endpoints.ts';
export { type Backend, type Exposure, type ExposureRule, exposureOf } from './exposure.ts';
export { isKubeFault, reasonOf } from './faults.ts';
export { hold, holdMark, isHeld, letGo, wasAtRest } from './hold.ts';
export { kinds, type Kind, pathOf } from './kinds.ts';
export { takeLease, type Lease, type LeaseOptions } from './lease.ts';
export type { KubeConnection } from './connection.ts';
export type { KubeRequest } from './request.ts';
export type { LogLine, LogOptions } from './logs.ts';
export { type Pace, usualPace } from './pace.ts';
export type { KubeObject, ObjectMeta } from './objects.ts';
