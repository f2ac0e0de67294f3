/**
 * admission: what is said of an object of a person or team before the API server takes it.
 * Owns: the files and variables that every new pod is given, the rules that the API server judges by.
 * Does not own: namespaces, claims and rights (provisioning), whose a namespace is (handed over by `app`).
 * Mounts: nothing on the listeners of the gateway.
 */
export { filesAnnotation, type Grant, type GrantedClaim } from './grant.ts';
export { mutatePod, type Mutation, type PatchStep } from './mutate.ts';
export { answerReview, isNewPod, readReview, type ReviewAnswer, type ReviewRequest } from './review.ts';
export { applyRules, keepRules } from './rules/keep.ts';
export type { RuleSettings } from './rules/rule.ts';
export { policiesOf } from './rules/rules.ts';
