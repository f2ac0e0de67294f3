/** JSON Web Keys of the platform, made at first start, rotated without restart. */
export type SigningKeys = {
  /** Public keys: current, upcoming and not yet expired ones (`/.well-known/jwks.json`). */
  publicJwks(): { keys: Record<string, unknown>[] };
  /** Private JWKS for the OpenID Provider; the first key of each algorithm signs. */
  providerJwks(): { keys: Record<string, unknown>[] };
  /** Signs a compact JWS with the current ES256 key. `iat` is set; `exp` from `lifetimeSeconds`. */
  signAssertion(claims: Record<string, unknown>, lifetimeSeconds: number): Promise<string>;
  /** Publishes a new key of each algorithm now and lets it sign after `leadSeconds`. */
  rotate(leadSeconds?: number): Promise<void>;
  onChange(listener: () => void): () => void;
  close(): void;
};
