import type { ReasonCode } from './reasons.ts';

/** Forms of a path that are refused unless the route opts in; bits of `TargetFacts.oddities`. */
export const oddity = { encodedSlash: 1, doubleSlash: 2, pathParameter: 4 } as const;

export type TargetFacts = {
  /** Path bytes as received, one character per byte, without the query. */
  path: string;
  /** Query with its `?`, or ''. */
  query: string;
  /** Path decoded once; equal to `path` when it holds no `%`. Only ever judged, never forwarded. */
  decodedPath: string;
  oddities: number;
};

const slash = 0x2f;
const dotSegment = /(?:^|[/\\])\.{1,2}(?:[/\\;]|$)/;
const dotEndedSegment = /\.[/\\]/;
const percentTriplets = /^(?:[^%]|%[0-9A-Fa-f]{2})*$/;
const encodedSlash = /%(?:2f|5c)/i;

/**
 * Reads a request target in origin form (RFC 9112 section 3.2.1). Nothing is repaired: what an intermediary, a router or a
 * file system could read differently is refused with its reason (attack catalogue, section 2.1).
 */
export function readTarget(target: string): TargetFacts | ReasonCode {
  if (target.charCodeAt(0) !== slash) return 'target_form';
  if (target.charCodeAt(1) === slash) return 'leading_double_slash';
  let queryAt = -1;
  let oddities = 0;
  let hasPercent = false;
  let hasDot = false;
  for (let index = 1; index < target.length; index++) {
    const byte = target.charCodeAt(index);
    if (byte <= 0x20 || byte >= 0x7f) return 'target_bytes';
    if (byte === 0x23) return 'fragment';
    if (queryAt !== -1) continue;
    if (byte === 0x3f) queryAt = index;
    else if (byte === 0x25) hasPercent = true;
    else if (byte === 0x2e) hasDot = true;
    else if (byte === 0x5c) return 'backslash';
    else if (byte === 0x3b) oddities |= oddity.pathParameter;
    else if (byte === slash && target.charCodeAt(index - 1) === slash) oddities |= oddity.doubleSlash;
  }
  const path = queryAt === -1 ? target : target.slice(0, queryAt);
  const query = queryAt === -1 ? '' : target.slice(queryAt);
  let decodedPath = path;
  if (hasPercent) {
    if (!percentTriplets.test(path)) return 'bad_percent';
    if (path.includes('%00')) return 'encoded_nul';
    if (encodedSlash.test(path)) oddities |= oddity.encodedSlash;
    const decoded = decodeUtf8(path);
    if (decoded === undefined) return 'bad_utf8';
    decodedPath = decoded;
    hasDot = hasDot || decoded.includes('.');
  }
  if (hasDot) {
    if (dotSegment.test(decodedPath)) return 'dot_segment';
    if (dotEndedSegment.test(decodedPath)) return 'dot_ended_segment';
  }
  return { path, query, decodedPath, oddities };
}

/** `decodeURIComponent` refuses overlong forms and surrogates, which is what RFC 3629 asks for. */
function decodeUtf8(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

/** Which oddities a route accepts. */
export type PathSwitches = { encodedSlash: boolean; doubleSlash?: boolean; pathParameters?: boolean };

/** The reason to refuse `oddities` under these switches, if there is one. */
export function refusedOddity(oddities: number, switches: PathSwitches): ReasonCode | undefined {
  if (oddities === 0) return undefined;
  if ((oddities & oddity.encodedSlash) !== 0 && !switches.encodedSlash) return 'encoded_slash';
  if ((oddities & oddity.doubleSlash) !== 0 && switches.doubleSlash !== true) return 'double_slash';
  if ((oddities & oddity.pathParameter) !== 0 && switches.pathParameters !== true) return 'path_parameter';
  return undefined;
}
