/**
 * policy: who may do what.
 * Owns: loading, validating, watching and swapping the Cedar set; decisions, their cache and their explanation.
 * Does not own: the facts (accounts, routes) or what happens on a refusal (proxy, api).
 * Mounts: nothing.
 */
export type { Explanation, Policy, PolicyFile, PolicyProblem, PolicyStatus } from './service.ts';
