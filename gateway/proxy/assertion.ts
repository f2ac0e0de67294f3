import { LRUCache } from 'lru-cache';
import type { Clock } from '../lib/index.ts';
import type { SigningKeys } from '../keys/index.ts';
import type { Visitor } from './gate.ts';
import { fieldBlock, type FieldBlock } from './request-headers.ts';

/** What an upstream is told about a visitor. */
export type Assertions = {
  /** Undefined when none is cached or the cached one is old: then `sign`. */
  peek(visitor: Visitor): FieldBlock | undefined;
  sign(visitor: Visitor): Promise<FieldBlock>;
  /** After a rotation of the signing keys. */
  forget(): void;
};

const lifetimeSeconds = 120;
const reuseMs = 60_000;

type Signed = { headers: FieldBlock; version: number; until: number };

/**
 * `X-Knot-Assertion`: an ES256 JWT whose audience is the host of the route, valid for two minutes and used for one, so that an
 * upstream never sees one about to expire. A session belongs to one host, so its id is the key of the cache. The plain
 * headers beside it are a convenience for tools that trust the network between.
 */
export function createAssertions(options: {
  issuer: string;
  signAssertion: SigningKeys['signAssertion'];
  clock: Clock;
}): Assertions {
  const { issuer, signAssertion, clock } = options;
  const cache = new LRUCache<string, Signed>({ max: 20_000 });

  return {
    peek({ session, principal }) {
      const signed = cache.get(session.id);
      if (signed === undefined || signed.version !== principal.version || signed.until <= clock.now()) return undefined;
      return signed.headers;
    },
    async sign({ session, principal }) {
      const { id, username, email, groups, version } = principal;
      const until = clock.now() + reuseMs;
      const token = await signAssertion(
        { iss: issuer, sub: id, preferred_username: username, email, groups, aud: session.host },
        lifetimeSeconds,
      );
      const headers = fieldBlock([
        'x-knot-user',
        username,
        'x-knot-email',
        headerText(email),
        'x-knot-groups',
        headerText(groups.join(',')),
        'x-knot-assertion',
        token,
      ]);
      cache.set(session.id, { headers, version, until });
      return headers;
    },
    forget: () => cache.clear(),
  };
}

/** Header values are bytes: UTF-8 written one character per byte, without control characters. */
function headerText(text: string): string {
  return Buffer.from(text.replaceAll(/\p{Cc}/gu, ''), 'utf8').toString('latin1');
}
