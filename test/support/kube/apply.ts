import { isDeepStrictEqual } from 'node:util';

type Tree = { [key: string]: unknown };
/** Who holds each leaf of an object: path to managers. */
export type Holders = Map<string, Set<string>>;

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Merge patch (RFC 7396). */
export function merged(target: unknown, patch: unknown): unknown {
  if (!isTree(patch)) return patch;
  const result: Tree = isTree(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch))
    if (value === null) delete result[key];
    else result[key] = merged(result[key], value);
  return result;
}

/** Leaves of an object; lists are one leaf each. What only names the object belongs to nobody. */
function leavesOf(tree: Tree, path: string[] = []): [path: string[], value: unknown][] {
  return Object.entries(tree).flatMap(([key, value]): [string[], unknown][] => {
    const here = [...path, key];
    if (path.length === 0 && (key === 'apiVersion' || key === 'kind')) return [];
    if (path.length === 1 && path[0] === 'metadata' && key !== 'labels' && key !== 'annotations') return [];
    return isTree(value) && Object.keys(value).length > 0 ? leavesOf(value, here) : [[here, value]];
  });
}

/** Server-side apply as far as maps go: fields that were applied before and are no longer are taken away. */
export function applied(
  found: Tree | undefined,
  holders: Holders,
  wanted: Tree,
  manager: string,
  force: boolean,
): { object: Tree; conflicts: string[] } {
  const leaves = leavesOf(wanted).map(([path, value]) => ({ key: path.join('\0'), path, value }));
  const conflicts = leaves.filter(({ key, path, value }) => {
    const others = [...(holders.get(key) ?? [])].filter((one) => one !== manager);
    return others.length > 0 && !isDeepStrictEqual(valueAt(found, path), value);
  });
  if (conflicts.length > 0 && !force) return { object: found!, conflicts: conflicts.map(({ path }) => path.join('.')) };
  let object = structuredClone(found ?? { apiVersion: wanted['apiVersion'], kind: wanted['kind'] });
  if (found === undefined) object['metadata'] = { ...(wanted['metadata'] as Tree) };
  for (const { key } of conflicts) holders.set(key, new Set());
  const kept = new Set(leaves.map(({ key }) => key));
  for (const [key, by] of holders) {
    if (kept.has(key) || !by.delete(manager) || by.size > 0) continue;
    holders.delete(key);
    object = merged(object, nested(key.split('\0'), null)) as Tree;
  }
  for (const { key, path, value } of leaves) {
    object = merged(object, nested(path, value)) as Tree;
    holders.set(key, (holders.get(key) ?? new Set()).add(manager));
  }
  return { object, conflicts: [] };
}

/** Notes that `manager` wrote what differs between two states of an object. */
export function written(holders: Holders, before: Tree, after: Tree, manager: string): void {
  for (const [path, value] of leavesOf(after))
    if (!isDeepStrictEqual(valueAt(before, path), value)) holders.set(path.join('\0'), new Set([manager]));
}

const valueAt = (tree: unknown, path: string[]): unknown =>
  path.reduce<unknown>((at, key) => (isTree(at) ? at[key] : undefined), tree);
const nested = (path: string[], value: unknown): unknown =>
  path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);
