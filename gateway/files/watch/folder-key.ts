import { createHash } from 'node:crypto';
import { type Area, areaOfKey, keyOf } from '../walk/areas.ts';
import type { Path } from '../walk/names.ts';

/**
 * What stands for a place in the change feed: `AREA#HASH` for a folder, whose name is nobody's business there and may be long;
 * `AREA#` when what lies at many paths of an area may be another thing now (a folder was moved or deleted); `AREA` when only what it
 * uses has changed.
 */
export function folderKey(area: Area, path: Path): string {
  const hash = createHash('sha256');
  for (const name of path) hash.update(name).update('/');
  return `${keyOf(area)}#${hash.digest('base64url').slice(0, 22)}`;
}

export const pathsKey = (area: Area): string => `${keyOf(area)}#`;

/** The area of any of these keys. */
export const areaOfFolderKey = (key: string): Area | undefined => areaOfKey(key.split('#', 1)[0]!);
