/**
 * oidc: Knot as an OpenID Provider.
 * Owns: the provider at `https://DOMAIN/oidc` (codes, tokens, grants), its clients, the consent page, connected applications,
 * telling clients of a sign-out, and its binding to Knot sessions: signed in here exactly as long as there.
 * Does not own: signing people in (login), sessions, signing keys (keys), what integrations do with a client.
 * Mounts: `/oidc/*`, `GET|POST /oidc/interaction/:uid`, `GET /.well-known/oauth-authorization-server/oidc` on the main host.
 */
export {
  type AddedClient,
  type ClientActor,
  type ClientListing,
  type ClientOrigin,
  type ClientSettings,
  type Clients,
  type ClientsOptions,
  createClients,
  type NewClient,
  type RotatedSecret,
} from './clients.ts';
export { type Connection, type Connections, createConnections } from './connections.ts';
export { oidcRoutes } from './routes.ts';
export { type ConfiguredClient, createOidc, type IntegratedClient, type Oidc, type OidcOptions } from './service.ts';
