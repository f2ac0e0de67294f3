import { LRUCache } from 'lru-cache';
import type { Accounts } from '../../accounts/index.ts';
import type { CanonicalRequest, Principal } from '../../lib/index.ts';
import type { Route } from '../../routes/index.ts';
import type { Asked, Verdict, Visitor } from './visitor.ts';

/** Whom credentials of an upstream's own name: a person, or somebody that Knot does not know; nothing where they name nobody. */
export type ClaimedBy = (route: Route) => ((authorization: string) => string | undefined) | undefined;

/**
 * Requests that are forwarded without a session show credentials that the upstream alone can judge. Whom they name is believed only to
 * refuse and to cut: what somebody may not do under their own name no credential of theirs does for them, though the upstream would still
 * take it.
 */
export type Claims = {
  /** From caches only: undefined means "ask `find`"; null is nobody that Knot knows, and whoever may not is `refused`. */
  peek(asked: Claiming, route: Route): Visitor | 'refused' | null | undefined;
  find(asked: Claiming, route: Route): Promise<Visitor | 'refused' | null>;
};

export type Claiming = Asked & Pick<CanonicalRequest, 'authorization'>;

/** Names that were asked for lately, and whose they are; those of nobody too, so that guessing asks the store rarely. */
const known = { max: 10_000, ttl: 60_000 };

export function createClaims(options: {
  claimedBy: ClaimedBy | undefined;
  accounts: Pick<Accounts, 'peekPrincipal' | 'principal' | 'principalByName'>;
  decide(asked: Asked, route: Route, principal: Principal): Verdict;
}): Claims {
  const { claimedBy, accounts, decide } = options;
  const ids = new LRUCache<string, { id: string | null }>(known);

  const nameIn = ({ authorization }: Claiming, route: Route): string | undefined =>
    authorization === undefined ? undefined : claimedBy?.(route)?.(authorization);

  function judged(asked: Claiming, route: Route, principal: Principal | undefined): Visitor | 'refused' | null {
    if (principal === undefined) return null;
    if (principal.state !== 'active') return 'refused';
    const { decision } = decide(asked, route, principal);
    return decision.effect === 'allow' ? { session: sessionOf(principal, route), principal } : 'refused';
  }

  return {
    peek(asked, route) {
      const name = nameIn(asked, route);
      if (name === undefined) return null;
      const found = ids.get(name);
      if (found === undefined) return undefined;
      if (found.id === null) return null;
      const principal = accounts.peekPrincipal(found.id);
      return principal && judged(asked, route, principal);
    },
    async find(asked, route) {
      const name = nameIn(asked, route);
      if (name === undefined) return null;
      const found = ids.get(name);
      const principal = found?.id
        ? await accounts.principal(found.id)
        : found === undefined
          ? await accounts.principalByName(name)
          : undefined;
      if (found === undefined) ids.set(name, { id: principal?.id ?? null });
      return judged(asked, route, principal);
    },
  };
}

/** What is open by it is found by the person; it belongs to no sign-in. */
function sessionOf({ id: userId }: Principal, { host }: Route): Visitor['session'] {
  const id = `claimed:${userId}`;
  return { id, centralId: id, userId, host, startedAt: 0, authenticatedAt: 0, expiresAt: Number.MAX_SAFE_INTEGER };
}
