/**
 * owners: whose it is.
 * Owns: what an owner is (a person or a team), which owners a person may choose, the names of file areas, and the resources that
 * policies are asked about for what an owner has; plans, and which owner has which.
 * Does not own: people, teams and memberships (accounts), verdicts (policy), what is owned (files, services).
 * Mounts: nothing.
 */
export type { Owner } from './owner.ts';
export {
  type Allowance,
  createPlans,
  type EffectivePlan,
  type GivenPlan,
  type Limits,
  type Plan,
  type Plans,
} from './plans.ts';
export { type Area, areaResource, type AreaKind, namespaceResource } from './resources.ts';
export { createOwners, type FindOwner, type Owners, type OwnOwner } from './service.ts';
