/**
 * keys: what Knot signs with.
 * Owns: ES256 and RS256 signing keys in the store, their rotation and publication.
 * Does not own: what is signed (oidc: tokens; proxy: assertions), TLS keys (tls).
 * Mounts: `GET /.well-known/jwks.json` (`jwksRoutes`, on the main host).
 */
export { jwksRoutes } from './routes.ts';
export { createSigningKeys, type SigningKeys, type SigningKeysOptions } from './service.ts';
