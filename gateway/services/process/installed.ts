import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Executable } from '../../lib/index.ts';
import { isExecutable } from '../../process/index.ts';
import { programsAt } from './layout.ts';

/** Whether a program is in one of the usual folders, or of those that its template names. */
export const isInstalled = ({ name, folders = [] }: Executable): boolean =>
  [...programsAt, ...folders.flatMap(foldersLike)].some((folder) => isExecutable(join(folder, name)));

/** Folders that a path with `*` in it stands for. */
function foldersLike(pattern: string): string[] {
  let found = ['/'];
  for (const name of pattern.split('/').filter(Boolean))
    found = found.flatMap((folder) => (name === '*' ? namesIn(folder) : [name]).map((one) => join(folder, one)));
  return found;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
