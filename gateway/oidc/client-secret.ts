import { equalSecrets, hashSecret } from '../lib/index.ts';

/** What the provider knows of a client's secrets: hashes. */
export type ClientSecrets = {
  clientSecret?: string;
  'knot:previous_secret'?: string;
  'knot:previous_secret_until'?: number;
};

/** Whether a secret is the present one of a client or, during a rotation, the one before. `now` in milliseconds. */
export function isSecretOf(client: ClientSecrets, secret: string, now: number): boolean {
  const hash = hashSecret(secret);
  const isPresent = equalSecrets(hash, client.clientSecret ?? '');
  const previous = client['knot:previous_secret'];
  const isInOverlap = now < (client['knot:previous_secret_until'] ?? Infinity);
  return isPresent || (previous !== undefined && isInOverlap && equalSecrets(hash, previous));
}
