import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { sitePackagesOf } from './venv-folder.ts';

export type DamageOptions = {
  isThorough?: boolean;
  /** Those that were there when it was made, where that is known. */
  packages?: readonly string[];
  /** Files that are not as their package made them, and that is right so. */
  changed?: readonly string[];
};

/**
 * What is wrong with a finished environment, in plain words; undefined when nothing is. Each package lists its files with size and
 * hash (`RECORD`, Python packaging specification "Recording installed projects"); `isThorough` reads them all, which takes seconds,
 * while sizes are known in some hundred milliseconds.
 */
export async function findDamage(
  venvFolder: string,
  { isThorough = false, packages = [], changed = [] }: DamageOptions = {},
): Promise<string | undefined> {
  if (!existsSync(join(venvFolder, 'pyvenv.cfg'))) return 'pyvenv.cfg is missing';
  const folder = sitePackagesOf(venvFolder);
  const found = packagesIn(venvFolder);
  if (folder === undefined || found.length === 0) return 'it has no packages';
  const gone = packages.filter((name) => !found.includes(name));
  if (gone.length > 0) return `${nameOf(gone[0]!)} is missing${gone.length > 1 ? `, and ${gone.length - 1} more` : ''}`;
  const untold = new Set(changed);
  for (const name of found) {
    for (const file of filesOf(folder, name)) {
      if (untold.has(file.path)) continue;
      if (isDamaged(file, isThorough)) return `${file.listed} of ${nameOf(name)} is missing or changed`;
      if (isThorough) await turn();
    }
    // The gateway answers requests meanwhile.
    await turn();
  }
  return undefined;
}

/** Names of the packages in an environment, with their versions, as its folders have them. */
export function packagesIn(venvFolder: string): string[] {
  const folder = sitePackagesOf(venvFolder);
  return folder === undefined ? [] : readdirSync(folder).filter((name) => name.endsWith('.dist-info'));
}

const nameOf = (distInfo: string): string => distInfo.replace(/-[^-]*\.dist-info$/, '');

type ListedFile = { path: string; listed: string; size: number; sha256: string | undefined };

function filesOf(folder: string, name: string): ListedFile[] {
  let record: string;
  try {
    record = readFileSync(join(folder, name, 'RECORD'), 'utf8');
  } catch {
    return [{ path: join(folder, name, 'RECORD'), listed: 'RECORD', size: -1, sha256: undefined }];
  }
  const files: ListedFile[] = [];
  for (const line of record.split(/\r?\n/)) {
    const [, quoted, plain, sha256, size] =
      /^(?:"((?:[^"]|"")*)"|([^,]*)),(?:sha256=([\w-]+))?[^,]*,(\d*)$/.exec(line) ?? [];
    // RECORD itself and what Python compiles have no size.
    if (size === undefined || size === '') continue;
    const listed = quoted?.replaceAll('""', '"') ?? plain!;
    files.push({ path: resolve(folder, listed), listed, size: Number(size), sha256 });
  }
  return files;
}

function isDamaged({ path, size, sha256 }: ListedFile, isThorough: boolean): boolean {
  try {
    if (statSync(path).size !== size) return true;
    if (!isThorough || sha256 === undefined) return false;
    return createHash('sha256').update(readFileSync(path)).digest('base64url') !== sha256;
  } catch {
    return true;
  }
}
