import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Where an environment keeps its packages; undefined before it is made. */
export function sitePackagesOf(venvFolder: string): string | undefined {
  const library = join(venvFolder, 'lib');
  if (!existsSync(library)) return undefined;
  const version = readdirSync(library).find((name) => name.startsWith('python3'));
  return version === undefined ? undefined : join(library, version, 'site-packages');
}
