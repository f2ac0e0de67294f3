import type { Provider } from 'oidc-provider';
import { type Clock, type IdentifyBearer, knotError, type Principal } from '../lib/index.ts';
import { createGuesses } from '../tokens/index.ts';
import { commandLineClient } from './device.ts';

/** As the provider makes them: opaque, 43 characters or more of base64url. */
const form = /^[A-Za-z0-9_-]{43,100}$/;
const mostGuesses = 20;
const guessWindowMs = 60_000;

/**
 * Access tokens at Knot's own API: those of `knot login` alone, so that no application behind sign-in can act in Knot with what it was
 * given to know somebody. They do what the person may, but for administering.
 */
export function createIdentifyAccess(options: {
  provider(): Provider;
  principalOf(userId: string): Promise<Principal | undefined>;
  clock: Clock;
}): IdentifyBearer {
  const { provider, principalOf, clock } = options;
  const guesses = createGuesses(clock, { most: mostGuesses, windowMs: guessWindowMs });
  return async (secret, address) => {
    if (!form.test(secret)) return undefined;
    const wait = guesses.waitOf(address);
    if (wait !== undefined) {
      throw knotError('KNOT_OIDC_TOO_OFTEN', 429, 'Too many tokens that do not exist came from this network.', {
        remedy: `Run \`knot login\` again, in ${wait} s.`,
        headers: { 'retry-after': String(wait) },
      });
    }
    const token = await provider().AccessToken.find(secret);
    if (!token || token.clientId !== commandLineClient.clientId || token.grantId === undefined) {
      guesses.note(address);
      return undefined;
    }
    const principal = await principalOf(token.accountId);
    if (principal?.state !== 'active') return undefined;
    const startedAt = token.iat * 1000;
    const expiresAt = startedAt + (token.expiration ?? 0) * 1000;
    const id = `device:${token.grantId}`;
    return {
      principal,
      session: { id, centralId: id, userId: principal.id, host: '', startedAt, authenticatedAt: startedAt, expiresAt },
      token: { id, name: commandLineClient.name, allows: (subject) => subject !== 'admin' },
    };
  };
}
