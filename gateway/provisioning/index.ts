/**
 * provisioning: the place of each person and team in the cluster.
 * Owns: which objects there are for an owner (a pure function of account, plan, files and configuration), bringing the cluster to it
 * step by step, what each step says, pausing what runs of somebody disabled, removing all of somebody deleted.
 * Does not own: the API server (kube), who there is (accounts), plans (owners), files (files), what people run (services), what a pod is
 * given (admission).
 * Mounts: nothing.
 *
 *   account, plan, teams, config ─▶ desired ─┐
 *                                            ├─▶ differences ─▶ apply or remove, step by step ─▶ state of each step ─▶ store
 *   cluster: what has our labels ─▶ observed ┘
 *
 * Loaded only where `engine` is `kubernetes`.
 */
export { desiredOf, type Desired, type StepName, stepNames } from './desired/desired.ts';
export { cloneOf } from './desired/clone.ts';
export { argoRule } from './desired/argo-rule.ts';
export { argoAccount, userAccount, userIn } from './desired/rights.ts';
export { type ClusterSettings, type Storage, type Wanted, type WantedArea } from './desired/wanted.ts';
export type { Difference } from './differences.ts';
export type { Place } from './place.ts';
export { createPlaces, type Places } from './places.ts';
export type { Step } from './steps.ts';
export { createSettings, type FixedSettings } from './settings.ts';
export { createProvisioning, type OwnerFacts, type Provisioning } from './provisioning.ts';
