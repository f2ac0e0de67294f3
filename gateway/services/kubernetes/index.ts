/**
 * services/kubernetes: services as Helm releases in the namespaces of their owners.
 *
 *   record ─▶ values ─▶ helm template ─▶ objects ─▶ judge ─▶ mark ─▶ sealed chart ─▶ helm upgrade --install   (as the owner's account)
 *                                           │                                              │
 *                            dry run of the API server ("will it start?")                  ▼
 *   state ◀── observe ◀── sight (programs, pods, endpoints) ◀── view: one watch for each kind ◀── cluster
 *
 * What is judged is what is applied: the template runs once, its objects are read once, and Helm gets exactly these. Nothing that Knot
 * must not lose is kept in a revision of a release: it is in the record of the service, and on the objects of the cluster as marks.
 */
export { createKubernetesEngine, type KubernetesEngine, type KubernetesEngineOptions } from './engine.ts';
export { createHelm, type Helm } from './helm.ts';
export type { Surroundings } from './values.ts';
