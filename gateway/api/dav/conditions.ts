import type { FastifyRequest } from 'fastify';
import {
  covers,
  type Entry,
  isBelow,
  type Lock,
  locked,
  type Path,
  pathOfText,
  textOfPath,
} from '../../files/index.ts';
import { equalSecrets, knotError, withDetails } from '../../lib/index.ts';
import { identityOf } from '../context.ts';
import { tagsIn } from '../files/content.ts';
import type { Place } from '../files/places.ts';

/** One parenthesised list of the If header: all of it must hold. */
type Condition = { isNot: boolean; token?: string; tag?: string };
export type IfList = { address?: string; conditions: Condition[] };

const mostConditions = 100;

/**
 * The If header (RFC 4918 section 10.4): lists of state tokens and entity tags, each for the address before it, or for the request's own.
 * @throws KNOT_API_DAV_CONDITION (400) for what is no such header
 */
export function parseIf(header: string | undefined): IfList[] {
  const lists: IfList[] = [];
  let rest = (header ?? '').trim();
  let address: string | undefined;
  let count = 0;
  const take = (pattern: RegExp): string | undefined => {
    const match = pattern.exec(rest);
    if (match === null) return undefined;
    rest = rest.slice(match[0].length).trimStart();
    return match[1] ?? '';
  };
  while (rest !== '') {
    const tagged = take(/^<([^<>\s]{1,8000})>/);
    if (tagged !== undefined) {
      // Either every list has an address, or none.
      if (address === undefined && lists.length > 0) throw badIf();
      address = tagged;
    }
    if (take(/^\(/) === undefined) throw badIf();
    const conditions: Condition[] = [];
    while (take(/^\)/) === undefined) {
      const isNot = take(/^not(?=[\s<[])/i) !== undefined;
      const token = take(/^<([^<>\s]{1,8000})>/);
      const tag = token === undefined ? take(/^\[\s*(?:W\/)?("[^"]*")\s*\]/) : undefined;
      if (token === undefined && tag === undefined) throw badIf();
      conditions.push({ isNot, ...(token === undefined ? { tag: tag! } : { token }) });
      if ((count += 1) > mostConditions) throw badIf();
    }
    if (conditions.length === 0) throw badIf();
    lists.push({ conditions, ...(address !== undefined && { address }) });
  }
  return lists;
}

const badIf = () =>
  knotError('KNOT_API_DAV_CONDITION', 400, 'The If header is not one of RFC 4918.', {
    remedy: 'It is a list such as (<urn:uuid:…>), with an address before it or not.',
  });

/** What a resource is like now: its version, '' when nothing is there, and the locks that hold for it. */
export type State = { etag: string; locks: readonly Lock[] };

/** Whether one of the lists holds. @param stateOf undefined for an address of another server, where nothing matches */
export async function holds(
  lists: readonly IfList[],
  stateOf: (address: string | undefined) => Promise<State | undefined>,
): Promise<boolean> {
  if (lists.length === 0) return true;
  for (const { address, conditions } of lists) {
    const state = await stateOf(address);
    const isTrue = ({ isNot, token, tag }: Condition): boolean => {
      const matches =
        token === undefined
          ? state?.etag === tag
          : (state?.locks.some((lock) => equalSecrets(lock.token, token)) ?? false);
      return matches !== isNot;
    };
    if (conditions.every(isTrue)) return true;
  }
  return false;
}

/** Tokens that stand anywhere in the header: so a client says that it knows of the locks (RFC 4918 section 6.5). */
export const tokensIn = (lists: readonly IfList[]): ReadonlySet<string> =>
  new Set(lists.flatMap(({ conditions }) => conditions.flatMap(({ token }) => token ?? [])));

/** If-Match and If-None-Match of anything but reading and writing a file, which have them judged where they act (RFC 9110 section 13). */
export function checkTags({ headers }: FastifyRequest, entry: Entry | undefined): void {
  const [wanted, unwanted] = [tagsIn(headers['if-match']), tagsIn(headers['if-none-match'])];
  const isThere = (tags: string[]) => entry !== undefined && (tags.includes('*') || tags.includes(entry.etag));
  if ((wanted && !isThere(wanted)) || (unwanted && isThere(unwanted))) throw notHeld();
}

export const notHeld = () =>
  knotError('KNOT_API_DAV_CONDITION', 412, 'A condition of the request does not hold: somebody changed it meanwhile.', {
    remedy: 'Look at the present version.',
  });

/**
 * Refuses a change that a lock of somebody else, or of another program, forbids (RFC 4918 section 7): of the thing, of what is above it
 * and deep, of its folder when something comes or goes there, and with `isWhole` of all that is in it.
 * @throws KNOT_FILES_LOCKED
 */
export function demandUnlocked(
  request: FastifyRequest,
  question: {
    place: Pick<Place, 'path'>;
    /** Of the whole area. */
    locks: readonly Lock[];
    /** Tokens that the client showed. */
    known: ReadonlySet<string>;
    isWhole: boolean;
    isMember: boolean;
    addressOf(path: Path): string;
  },
): void {
  const { place, locks, known, isWhole, isMember, addressOf } = question;
  const { id } = identityOf(request).principal;
  const here = textOfPath(place.path);
  const above = place.path.length === 0 ? undefined : textOfPath(place.path.slice(0, -1));
  const affects = (lock: Lock): boolean =>
    covers(lock, here) || (isMember && lock.path === above) || (isWhole && isBelow(lock.path, here));
  const byPath = new Map<string, Lock[]>();
  for (const lock of locks) if (affects(lock)) byPath.set(lock.path, [...(byPath.get(lock.path) ?? []), lock]);
  for (const [at, held] of byPath) {
    // Of shared ones it takes one.
    if (held.some((lock) => known.has(lock.token) && lock.userId === id)) continue;
    throw withDetails(locked(at), { address: addressOf(pathOfText(at)) });
  }
}
