/**
 * policy: who may do what.
 * Owns: loading, validating, watching and swapping the Cedar set; decisions, their cache and their explanation.
 * Does not own: the facts (accounts, routes) or what happens on a refusal (proxy, api).
 * Mounts: nothing.
 */
export {
  createPolicy,
  type Explanation,
  type Policy,
  type PolicyOptions,
  type PolicyReload,
  type Verified,
  type VerifiedSets,
} from './service.ts';
export type { PolicyFile, PolicyProblem, PolicyStatus } from './status.ts';
export { checkFolder } from './check.ts';
export { formatProblems } from './print.ts';
