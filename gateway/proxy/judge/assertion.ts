import { LRUCache } from 'lru-cache';
import { type Clock, type Principal, type Resource, shownName } from '../../lib/index.ts';
import type { SigningKeys } from '../../keys/index.ts';
import type { IdentityFields, Route } from '../../routes/index.ts';
import type { Visitor } from './gate.ts';
import { fieldBlock, type FieldBlock } from '../wire/field-block.ts';
import type { WarnOnce } from './warn-once.ts';

/**
 * What an upstream that does not know Knot is to be told in place of an assertion: who it is that asks, and for what, in the upstream's
 * own words (alternating lower-case names and values), with credentials of the gateway. Undefined for all other routes.
 */
export type CredentialsOf = (route: Route) => Credentials | undefined;

export type Credentials = {
  (principal: Principal, resource: Resource, visit: { isProgram: boolean }): Promise<readonly string[]>;
  /** Hears that the upstream answered 401 to whom it was told. */
  refused?(principal: Principal, resource: Resource): void;
};

/** What an upstream is told about a visitor. */
export type Assertions = {
  /** Undefined when none is cached or the cached one is old: then `sign`. */
  peek(visitor: Visitor, route: Route, resource: Resource): FieldBlock | undefined;
  sign(visitor: Visitor, route: Route, resource: Resource): Promise<FieldBlock>;
  /**
   * The upstream knows them no more. Those that were told it for a while are asked for anew by the next request; what is fresh and refused
   * as well is not: a client that makes an upstream say so again and again costs nothing.
   */
  refused(visitor: Visitor, route: Route, resource: Resource): void;
  /** After a rotation of the signing keys. */
  forget(): void;
};

/** Elsewhere the same is said of all that a route has. */
const keyOf = ({ id }: Visitor['session'], { namespaces }: Route, resource: Resource): string =>
  namespaces === undefined ? id : `${id} ${resource.id}`;

const lifetimeSeconds = 120;
const reuseMs = 60_000;
/** So long at least what was refused is told once more. */
const freshMs = 5_000;

type Signed = { headers: FieldBlock; version: number; route: Route; until: number };

/**
 * `X-Knot-Assertion`: an ES256 JWT whose audience is the host of the route, valid for two minutes and used for one, so that an
 * upstream never sees one about to expire. A session belongs to one host, so its id is the key of the cache. The plain
 * headers beside it are a convenience for tools that trust the network between.
 *
 * All of them together hold at most about `identityBytes`: an ordinary Node upstream refuses 16 KiB of fields, Tomcat 8 KiB, and then
 * a person in many teams could open nothing. Groups that find no room are left out, and `groups_truncated` says so.
 */
export function createAssertions(options: {
  issuer: string;
  signAssertion: SigningKeys['signAssertion'];
  credentialsOf?: CredentialsOf | undefined;
  identityBytes: number;
  warnOnce: WarnOnce;
  clock: Clock;
}): Assertions {
  const { issuer, signAssertion, credentialsOf, identityBytes, warnOnce, clock } = options;
  const cache = new LRUCache<string, Signed>({ max: 20_000 });

  return {
    peek({ session, principal }, route, resource) {
      const signed = cache.get(keyOf(session, route, resource));
      if (signed === undefined || signed.version !== principal.version || signed.until <= clock.now()) return undefined;
      return signed.route === route ? signed.headers : undefined;
    },
    async sign({ session, principal, isProgram = false }, route, resource) {
      const { id, email, version } = principal;
      const until = clock.now() + reuseMs;
      const credentials = (await credentialsOf?.(route)?.(principal, resource, { isProgram })) ?? [];
      // Beside them the tool is told who asks only where it is said in which fields.
      if (credentials.length > 0 && route.switches.identityFields === undefined) {
        const headers = fieldBlock(credentials);
        cache.set(keyOf(session, route, resource), { headers, version, route, until });
        return headers;
      }
      const username = shownName(principal);
      const claims = { iss: issuer, sub: id, preferred_username: username, email, aud: session.host };
      const fields = route.switches.identityFields ?? ownFields;
      const plain = [...field(fields.user, username), ...field(fields.email, headerText(email))];
      const wanted = groupsFor(principal, route);
      const groups = fitting(wanted, identityBytes - bytesWithoutGroups(claims, plain));
      const isCut = groups.length < wanted.length;
      if (isCut) {
        const facts = { user: username, host: route.host, groups: wanted.length, told: groups.length };
        const message =
          'the groups of a person find no room in the identity headers; name those the application needs in `apps[].groups`, or raise `limits.identityBytes`';
        warnOnce(`groups ${id} ${route.host}`, facts, message);
      }
      const token = await signAssertion(
        { ...claims, groups, ...(isCut && { groups_truncated: true }) },
        lifetimeSeconds,
      );
      const headers = fieldBlock([
        ...plain,
        ...field(fields.groups, headerText(groups.join(','))),
        ...(isCut && fields === ownFields ? ['x-knot-groups-truncated', 'true'] : []),
        ...field(fields.token, fields.token === 'authorization' ? `Bearer ${token}` : token),
        ...credentials,
      ]);
      cache.set(keyOf(session, route, resource), { headers, version, route, until });
      return headers;
    },
    refused({ session, principal }, route, resource) {
      const credentials = credentialsOf?.(route);
      if (credentials === undefined) return;
      const key = keyOf(session, route, resource);
      const signed = cache.get(key);
      if (signed === undefined || signed.until > clock.now() + reuseMs - freshMs) return;
      cache.delete(key);
      credentials.refused?.(principal, resource);
    },
    forget: () => cache.clear(),
  };
}

/** What an application is told by that asks for nothing else. */
const ownFields: IdentityFields = {
  user: 'x-knot-user',
  email: 'x-knot-email',
  groups: 'x-knot-groups',
  token: 'x-knot-assertion',
};

const field = (name: string | undefined, value: string): string[] => (name === undefined ? [] : [name, value]);

/** What a route is to be told, the most important first: the groups it names, else what everybody has, then the teams. */
function groupsFor({ groups }: Principal, { switches }: Route): string[] {
  const { groups: named } = switches;
  if (named !== undefined) return named.filter((group) => groups.includes(group));
  const isTeam = (group: string): boolean => group.startsWith('knot:team:');
  return [...groups.filter((group) => !isTeam(group)), ...groups.filter(isTeam)];
}

/** In base64 (RFC 4648 section 5) three bytes become four characters. */
const encoded = (bytes: number): number => Math.ceil((bytes * 4) / 3);
/** Names of the fields, the head of the token, its times and flags, its signature. */
const otherBytes = 420;

function bytesWithoutGroups(claims: object, plain: readonly string[]): number {
  return plain.join('').length + encoded(Buffer.byteLength(JSON.stringify(claims))) + otherBytes;
}

/** As many of the first groups as fit, each standing once by itself and once in the token. */
function fitting(groups: readonly string[], bytes: number): string[] {
  let left = bytes;
  const kept: string[] = [];
  for (const group of groups) {
    const length = Buffer.byteLength(group);
    left -= length + 1 + encoded(length + 3);
    if (left < 0) break;
    kept.push(group);
  }
  return kept;
}

/** Header values are bytes: UTF-8 written one character per byte, without control characters. */
function headerText(text: string): string {
  return Buffer.from(text.replaceAll(/\p{Cc}/gu, ''), 'utf8').toString('latin1');
}
