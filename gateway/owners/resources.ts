import type { Resource } from '../lib/index.ts';
import type { Owner } from './owner.ts';

export type AreaKind = 'private' | 'team' | 'shared' | 'admin';

/**
 * A folder of files. `key` is its place on the disk and in records (`private/USER-ID`, `team/TEAM-ID`, `shared`, `admin`), `name`
 * what addresses call it (`private`, `team:physics`, `user:ann`, …).
 */
export type Area = { kind: AreaKind; id?: string; key: string; name: string; title: string; owner?: Owner };

/** The owner as rules see them: by name, and as a team when it is one. */
function ownedBy(owner: Owner): Resource['attributes'] {
  return owner.kind === 'team' ? { owner: owner.name, team: owner.name } : { owner: owner.name };
}

/** The place of an owner: `launch`, `manage` and `see` are asked on it. */
export function namespaceResource(owner: Owner): Resource {
  return { type: 'Namespace', id: owner.name, attributes: { name: owner.name, ...ownedBy(owner) } };
}

/** `FileArea::"private/ann"`, `"team/physics"`, `"shared"` or `"admin"`. */
export function areaResource({ kind, owner }: Area): Resource {
  if (owner === undefined) return { type: 'FileArea', id: kind, attributes: { name: kind, owner: '' } };
  const id = `${kind}/${owner.name}`;
  return { type: 'FileArea', id, attributes: { name: owner.name, ...ownedBy(owner) } };
}
