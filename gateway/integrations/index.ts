/**
 * integrations: the tools Knot signs people into.
 * Owns: for each tool its route, its OpenID client, its settings and, when managed, its processes.
 * Does not own: forwarding (proxy), the provider (oidc).
 * Mounts: nothing.
 */
export type { Integration, IntegrationClient, ToolOwner } from './integration.ts';
export type { ToolGround } from './ground.ts';
export type { Older } from './older.ts';
export { endedWithOurs, type OwnSession } from './own-session.ts';
export type { ToolPlace } from './places/place.ts';
export { createToolPlaces, type ToolOwners, type ToolPlaces } from './places/places.ts';
export { createGrafana } from './grafana/grafana.ts';
export { createHarbor, type HarborOptions } from './harbor/harbor.ts';
export type { ProjectImages, Registry, RegistryChart } from './registry.ts';
export type { RequestToken } from './argo/account-tokens.ts';
export { createArgo } from './argo/argo.ts';
export { argoSecretNames } from './argo/settings.ts';
export type { Workflow, WorkflowAct, Workflows } from './argo/workflows.ts';
export { createApplication, ownSessionsOf } from './application/application.ts';
export { keepSecret, noSecret, readSecretFile } from './secret-file.ts';
export { clusterHubConfig } from './jupyterhub/cluster-hub.ts';
export { peopleWithServers } from './jupyterhub/people.ts';
export type { FilesOf } from './jupyterhub/areas-socket.ts';
export type { JupyterHubOptions } from './jupyterhub/hub-options.ts';
export type { WayOut } from './jupyterhub/ways.ts';
export { checkJupyterHub, describeJupyterHub, openJupyterHub } from './jupyterhub/jupyterhub.ts';
