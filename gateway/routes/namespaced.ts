import { LRUCache } from 'lru-cache';
import { namespaceOf, ownerOfNamespace, type Resource } from '../lib/index.ts';
import { foldedSegments } from './folded.ts';

/**
 * Paths that lead into the namespace of a person or team, of an upstream that knows namespaces: `/api/v1/namespaces/{}` and what is
 * below it, `{}` being the namespace and `*` any one segment. `prefix` stands before the name of a person, and `team-` after it
 * before that of a team.
 */
export type NamespacedPaths = {
  prefix: string;
  paths: readonly string[];
  /** Where else a namespace is named. */
  query?: NamespacesInQuery;
  /** Exact paths (with `*`) that lead into all namespaces: the Service `<name>/*`, which is a matter of rules of its own. */
  wide?: readonly string[];
  /**
   * Exact paths (with `*`, and `/**` at the end for all that is below) into no namespace. When they are given, nothing else may begin as
   * one of all these paths does: what is not listed is nobody's, so that a spelling that an upstream reads alike opens nothing.
   */
  plain?: readonly string[];
  /** Paths (as `plain`) that name a thing and not its namespace: nobody's. */
  refused?: readonly string[];
};

/** Query parameters are read by everybody in their own way, so a namespace is found only where it stands there once and plainly. */
export type NamespacesInQuery = {
  /** Exact paths (with `*`) of which a parameter says the namespace. Without one they are nobody's, unless they are `wide` as well. */
  paths: readonly string[];
  /** A parameter that holds a namespace. On a path that names one it must be the same. */
  name: string;
  /** A parameter that holds a field selector, where `metadata.namespace` says the same. */
  selector: string;
};

/** What an upstream could read otherwise than it stands there, of which nobody can say whose it is. */
const ambiguous = /[%\\;]|\/\/|\/\.{1,2}(?:\/|$)|[^\x21-\x7e]/;

export type NamespacedPath =
  /** Into the namespace of this owner. */
  | { owner: string; isTeam: boolean }
  /** Into all of them. */
  | 'everybodys'
  /** Into a namespace that is no owner's, or perhaps into one: nobody is let in. */
  | 'nobodys'
  /** Into none. */
  | undefined;

/** Which namespace a decoded path leads into, with the query behind it (`?…`); segments must stand there exactly. */
export function createNamespacedPaths({
  prefix,
  paths,
  query,
  wide = [],
  plain,
  refused = [],
}: NamespacedPaths): (decodedPath: string, query: string) => NamespacedPath {
  const split = (list: readonly string[]): string[][] => list.map((path) => path.split('/'));
  const patterns = split(paths);
  const [inQuery, everywhere, nowhere] = [split(query?.paths ?? []), split(wide), split(plain ?? [])];
  // `/` itself begins no path in particular.
  const begins =
    plain &&
    new Set([paths, query?.paths ?? [], wide, plain, refused].flat().map((path) => foldedSegments(path)[0] ?? ''));
  begins?.delete('');

  /** The one namespace that the query names; undefined where it names none. */
  const namedIn = (text: string): string | typeof unclear | undefined =>
    query === undefined || text.length < 2 ? undefined : namespaceInQuery(text.slice(1), query);

  return remembered((path, text) => {
    if (ambiguous.test(path)) return 'nobodys';
    const segments = path.split('/');
    const named = namedIn(text);
    if (named === unclear) return 'nobodys';
    for (const pattern of patterns) {
      const namespace = namespaceIn(segments, pattern);
      if (namespace === undefined || namespace === '') continue;
      return named === undefined || named === namespace ? ownerOf(namespace, prefix) : 'nobodys';
    }
    if (named !== undefined && inQuery.some((pattern) => isExactly(segments, pattern))) return ownerOf(named, prefix);
    if (everywhere.some((pattern) => isExactly(segments, pattern))) return 'everybodys';
    if (begins === undefined || nowhere.some((pattern) => isExactly(segments, pattern))) return undefined;
    const [first] = foldedSegments(path);
    return first !== undefined && begins.has(first) ? 'nobodys' : undefined;
  });
}

type Judge = (path: string, query: string) => NamespacedPath;

const mostRemembered = 2_000;
const longestRemembered = 300;

/** What pages ask for again and again is judged once: it costs a tenth of a whole request each time, with a query. Long ones are not kept. */
function remembered(judge: Judge): Judge {
  const known = new LRUCache<string, { found: NamespacedPath }>({ max: mostRemembered });
  return (path, query) => {
    if (path.length + query.length > longestRemembered) return judge(path, query);
    // A path may hold what looks like a query once it is decoded: where it ends is part of the key.
    const key = `${path.length}${path}${query}`;
    const held = known.get(key);
    if (held !== undefined) return held.found;
    const found = judge(path, query);
    known.set(key, { found });
    return found;
  };
}

function namespaceIn(segments: readonly string[], pattern: readonly string[]): string | undefined {
  let namespace: string | undefined;
  for (const [index, wanted] of pattern.entries()) {
    const found = segments[index];
    if (found === undefined) return undefined;
    if (wanted === '{}') namespace = found;
    else if (wanted !== '*' && wanted !== found) return undefined;
  }
  return namespace;
}

function isExactly(segments: readonly string[], pattern: readonly string[]): boolean {
  const isOpen = pattern.at(-1) === '**';
  const wanted = isOpen ? pattern.slice(0, -1) : pattern;
  if (isOpen ? segments.length <= wanted.length : segments.length !== wanted.length) return false;
  return wanted.every((each, index) => each === segments[index] || (each === '*' && segments[index] !== ''));
}

const unclear = Symbol('more than one reading');

/** How Go reads it (net/url, ParseQuery) and how others might: they must come to the same. */
function namespaceInQuery(text: string, { name, selector }: NamespacesInQuery): string | typeof unclear | undefined {
  const found: string[] = [];
  const seen = new Set<string>();
  for (const pair of text.split('&')) {
    const at = pair.indexOf('=');
    const raw = at === -1 ? pair : pair.slice(0, at);
    const key = decoded(raw);
    const value = at === -1 ? '' : decoded(pair.slice(at + 1));
    if (key === undefined || value === undefined || pair.includes(';')) return unclear;
    const isName = isLike(key, name);
    if (!isName && !isLike(key, selector)) continue;
    // Another letter case, written in percent signs, or a second time: some upstream reads it, some does not.
    if (raw !== (isName ? name : selector) || seen.has(raw)) return unclear;
    seen.add(raw);
    if (isName) found.push(value);
    else found.push(...value.split(',').flatMap(namespaceSelected));
  }
  // An empty one is none, where nothing else says of one.
  if (found.length === 1 && found[0] === '') return undefined;
  return found.some((each) => each !== found[0] || !plainName.test(each)) ? unclear : found[0];
}

const plainName = /^[a-z0-9-]+$/;

/** What a requirement of a field selector says of the namespace: `?` for what is not simply one. */
function namespaceSelected(requirement: string): string[] {
  if (!/namespace/i.test(requirement)) return [];
  return [/^metadata\.namespace=([a-z0-9-]+)$/.exec(requirement)?.[1] ?? '?'];
}

function isLike(key: string, name: string): boolean {
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[^a-z]/g, '');
  return plain(key) === plain(name);
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}

function ownerOf(namespace: string, prefix: string): Exclude<NamespacedPath, undefined> {
  const owner = ownerOfNamespace({ namespacePrefix: prefix }, namespace);
  return owner === undefined ? 'nobodys' : { owner: owner.name, isTeam: owner.kind === 'team' };
}

/** The namespace of whoever owns what was asked for; that of the person who asks where it is nobody's, or nobody's in particular. */
export function namespaceAt(
  { attributes: { owner, team } }: Resource,
  { prefix }: Pick<NamespacedPaths, 'prefix'>,
  self: string,
): string {
  const isOfSomebody = owner !== undefined && owner !== '' && owner !== everybody;
  const kind = !isOfSomebody || team === undefined ? 'user' : 'team';
  return namespaceOf({ namespacePrefix: prefix }, { kind, name: isOfSomebody ? owner : self });
}

/** The owner, as rules see it, of what leads into all namespaces: no person and no team is called so. */
export const everybody = '*';
