/**
 * integrations: the tools Knot signs people into.
 * Owns: for each tool its route, its OpenID client, its settings and, when managed, its processes.
 * Does not own: forwarding (proxy), the provider (oidc).
 * Mounts: nothing.
 */
export type { Integration, IntegrationClient } from './integration.ts';
export { clusterHubConfig } from './jupyterhub/cluster-hub.ts';
export { peopleWithServers } from './jupyterhub/people.ts';
export type { FilesOf } from './jupyterhub/areas-socket.ts';
export type { JupyterHubOptions } from './jupyterhub/hub-options.ts';
export type { WayOut } from './jupyterhub/ways.ts';
export { describeJupyterHub, openJupyterHub } from './jupyterhub/jupyterhub.ts';
