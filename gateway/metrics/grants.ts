import { createLocalJWKSet, jwtVerify } from 'jose';
import { LRUCache } from 'lru-cache';
import type { Accounts } from '../accounts/index.ts';
import type { SigningKeys } from '../keys/index.ts';
import type { Clock, Identity, Principal } from '../lib/index.ts';

/**
 * Grafana hands on cookies that its data source names (`keepCookies`), and no other field of a request. So what says to Knot for whom
 * Grafana asks is a cookie, which the gateway adds on the way to Grafana and no browser ever has.
 */
export const grantCookie = 'knot-metrics';

const audience = 'knot-metrics';
const lifetimeSeconds = 120;

export type Grants = {
  /** The cookie for somebody's requests to Grafana: `knot-metrics=…`, good for two minutes. */
  cookieFor(principal: Pick<Principal, 'id'>): Promise<string>;
  /** Who is asked for, by the `Cookie` fields of a request; undefined when no such cookie is right or the person is not active. */
  identify(cookieHeader: string | undefined): Promise<Identity | undefined>;
};

/** An ES256 JWT of Knot with an audience of its own: what other applications are told about people opens nothing here. */
export function createGrants(options: {
  keys: Pick<SigningKeys, 'signAssertion' | 'publicJwks' | 'onChange'>;
  accounts: Pick<Accounts, 'principal'>;
  issuer: string;
  clock: Clock;
}): Grants {
  const { keys, accounts, issuer, clock } = options;
  const verified = new LRUCache<string, { userId: string; issuedAt: number; until: number }>({ max: 5000 });
  keys.onChange(() => verified.clear());

  async function verify(token: string) {
    const known = verified.get(token);
    if (known) return known.until > clock.now() ? known : undefined;
    try {
      const { payload } = await jwtVerify(token, createLocalJWKSet(keys.publicJwks() as never), {
        ...{ issuer, audience, algorithms: ['ES256'], requiredClaims: ['sub', 'iat', 'exp'] },
        currentDate: new Date(clock.now()),
      });
      const found = { userId: payload.sub!, issuedAt: payload.iat! * 1000, until: payload.exp! * 1000 };
      verified.set(token, found);
      return found;
    } catch {
      return undefined;
    }
  }

  return {
    cookieFor: async ({ id }) =>
      `${grantCookie}=${await keys.signAssertion({ iss: issuer, aud: audience, sub: id }, lifetimeSeconds)}`,
    async identify(cookieHeader) {
      const tokens = [...(cookieHeader ?? '').matchAll(/(?:^|;) *knot-metrics=([A-Za-z0-9._-]{1,2000}) *(?=;|$)/g)];
      // Of two, one is not of the gateway.
      const found = tokens.length === 1 ? await verify(tokens[0]![1]!) : undefined;
      const principal = found && (await accounts.principal(found.userId));
      if (!found || principal?.state !== 'active') return undefined;
      const { userId, issuedAt, until } = found;
      const id = `metrics:${userId}`;
      return {
        principal,
        session: {
          id,
          centralId: id,
          userId,
          host: '',
          startedAt: issuedAt,
          authenticatedAt: issuedAt,
          expiresAt: until,
        },
      };
    },
  };
}
