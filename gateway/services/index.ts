/**
 * services: what people and teams run.
 * Owns: the record of each service, what is wanted of it and what it is, every step with time and cause; bringing the one to the
 * other; the engines.
 * Does not own: templates (catalogue), who may what (policy), where a host leads (routes), files, who an owner is (accounts).
 * Mounts: nothing.
 *
 *   launch ─▶ record (wish, revision) ─▶ reconciler ─▶ step: wish + what the engine sees ─▶ act ─▶ engine
 *                        ▲                                                                      │
 *                        └────────────── state, cause, transition ◀── what it sees changed ◀────┘
 *
 * Several gateways on one store may each have a machine: the record of a service says whose it is, what is wanted of it may be said at any,
 * and only the gateway of that machine acts, reaches its socket and has its output. The others know how it is and say so (`elsewhere`).
 * A request is not passed on from gateway to gateway: whoever is trusted for whom, and with which names of clients, would have to be said.
 * Rooms: `process` is the engine of one machine, `kubernetes` that of a cluster (loaded where it is configured, by `loadKubernetes`);
 * both implement `engine.ts` and pass the same contract suite. `output`
 * keeps what programs say (decision 0056).
 */
export type { Engine, LaunchStep, Missing, Observed, Usage } from './engine.ts';
export { type OutputLine, plain } from './output/line.ts';
export { createOutputs, type Outputs } from './output/outputs.ts';
export type { ProcessEngineOptions } from './process/engine.ts';
export { createMachineEngine, openPackages } from './process/machine-engine.ts';
export { packageSetOf } from './process/packages/package-set.ts';
export type { Packages } from './process/packages/packages.ts';
/** The engine of a cluster; what it needs costs half a second and is loaded only here. */
export const loadKubernetes = () => import('./kubernetes/index.ts');
export type { KubernetesEngine } from './kubernetes/engine.ts';
export type { ServiceOutbound } from './process/way-out.ts';
export type { OwnersFiles } from './process/sandboxed.ts';
export { idsInChange, labelIsTaken, servicesOf } from './records.ts';
export type { Cause, Service, Size } from './service.ts';
export { noSuchService } from './refusals.ts';
export type { Became, Versions } from './history/history.ts';
export type { NewService } from './launch.ts';
export type { OwnerLimits } from './room.ts';
export type { Replicas } from './reconciler.ts';
export { createServices, type Services, type ServicesOptions } from './services.ts';
export type { OpenTerminal, TerminalViewer } from './terminals.ts';
export type { Templates } from './template.ts';
