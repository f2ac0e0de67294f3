/**
 * api: the JSON API of the dashboard and of scripts.
 * Owns: what crosses /api/v1 (contract.ts), who may call what, the event stream of the dashboard, the OpenAPI document;
 * the same files by WebDAV (dav/, decision 0050).
 * Does not own: any rule about users, sessions or policies (accounts, sessions, policy), pages (login, ui).
 * Mounts, on the main host: /api/v1/*, /dav/*
 */
export { filename, sendFile } from './files/content.ts';
export { davMethods } from './dav/methods.ts';
export { davRoutes } from './dav/routes.ts';
export { apiRoutes } from './routes.ts';
export type { ClusterAccess } from './contract/kubernetes.ts';
export type { DockerLogin } from './contract/images.ts';
export type {
  ApiOptions,
  DockerLogins,
  DecisionExplanation,
  ExplainDecision,
  ExplainUrl,
  UrlExplanation,
} from './options.ts';
