import { namespaceOf, ownerOfNamespace, type Resource } from '../lib/index.ts';

/**
 * Paths that lead into the namespace of a person or team, of an upstream that knows namespaces: `/api/v1/namespaces/{}` and what is
 * below it, `{}` being the namespace and `*` any one segment. `prefix` stands before the name of a person, and `team-` after it
 * before that of a team.
 */
export type NamespacedPaths = { prefix: string; paths: readonly string[] };

/** What an upstream could read otherwise than it stands there, of which nobody can say whose it is. */
const ambiguous = /[%\\;]|\/\/|\/\.{1,2}(?:\/|$)|[^\x21-\x7e]/;

export type NamespacedPath =
  /** Into the namespace of this owner. */
  | { owner: string; isTeam: boolean }
  /** Into a namespace that is no owner's, or perhaps into one: nobody is let in. */
  | 'nobodys'
  /** Into none. */
  | undefined;

/** Which namespace a decoded path leads into; segments must stand there exactly. */
export function createNamespacedPaths({ prefix, paths }: NamespacedPaths): (decodedPath: string) => NamespacedPath {
  const patterns = paths.map((path) => path.split('/'));
  return (path) => {
    if (ambiguous.test(path)) return 'nobodys';
    const segments = path.split('/');
    for (const pattern of patterns) {
      const namespace = namespaceIn(segments, pattern);
      if (namespace !== undefined && namespace !== '') return ownerOf(namespace, prefix);
    }
    return undefined;
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

function ownerOf(namespace: string, prefix: string): Exclude<NamespacedPath, undefined> {
  const owner = ownerOfNamespace({ namespacePrefix: prefix }, namespace);
  return owner === undefined ? 'nobodys' : { owner: owner.name, isTeam: owner.kind === 'team' };
}

/** The namespace of whoever owns what was asked for; that of the person who asks where it is nobody's in particular. */
export function namespaceAt(
  { attributes: { owner, team } }: Resource,
  { prefix }: NamespacedPaths,
  self: string,
): string {
  const kind = owner === undefined || team === undefined ? 'user' : 'team';
  return namespaceOf({ namespacePrefix: prefix }, { kind, name: owner ?? self });
}
