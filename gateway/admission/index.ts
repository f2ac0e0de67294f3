/**
 * admission: what is said of an object of a person or team before the API server takes it.
 * Owns: the files and variables that every new pod is given, the rules that the API server judges by, the listener that it asks, its
 * certificate, and what tells it to ask; trying all of it, and the rights of people, on a cluster (isolation).
 * Does not own: namespaces, claims and rights (provisioning), whose a namespace is (handed over by `app`).
 * Mounts: nothing on the listeners of the gateway.
 *
 *   new pod ─▶ API server ─▶ listener ─▶ review ─▶ grant of the namespace ─▶ mutate ─▶ patch
 *   any object ─▶ API server ─▶ rules (it judges by them itself, also while the gateway is down)
 */
export { filesAnnotation, type Grant, type GrantedClaim } from './grant.ts';
export { mutatePod, type Mutation, type PatchStep } from './mutate.ts';
export { answerReview, isNewPod, readReview, type ReviewAnswer, type ReviewRequest } from './review.ts';
export { readCertificate } from './listener/certificates.ts';
export { registrationOf } from './listener/registration.ts';
export { type FindGrant, openServer } from './listener/server.ts';
export { applyRules } from './rules/keep.ts';
export type { RuleSettings } from './rules/rule.ts';
export { policiesOf } from './rules/rules.ts';
export { type Admission, type AdmissionSettings, createAdmission } from './service.ts';
export type { Ground, Probe, Result, Subject } from './isolation/probe.ts';
export { type IsolationReport, reportOf } from './isolation/report.ts';
export { probesFor, tryIsolation } from './isolation/run.ts';
