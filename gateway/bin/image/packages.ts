import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A package that is installed and needed to run, as the lock file tells. */
export type InstalledPackage = {
  /** `node_modules/fastify` */
  path: string;
  name: string;
  version: string;
  license: string | undefined;
  /** Subresource integrity, `sha512-…`. */
  integrity: string | undefined;
};

type Locked = {
  version?: string;
  name?: string;
  license?: string;
  integrity?: string;
  dev?: boolean;
  devOptional?: boolean;
  optional?: boolean;
  peer?: boolean;
  link?: boolean;
};

/**
 * What `npm ci --omit=dev` would install, taken from what is installed.
 * @throws Error where a package is missing or of another version than the lock file says
 */
export function packagesToRun(root: string): InstalledPackage[] {
  const locked = (
    JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as { packages: Record<string, Locked> }
  ).packages;
  const found: InstalledPackage[] = [];
  for (const [path, one] of Object.entries(locked)) {
    if (!path.startsWith('node_modules/') || one.dev || one.devOptional || one.link) continue;
    const manifest = join(root, path, 'package.json');
    if (!existsSync(manifest)) {
      // For other systems, or wanted by nobody.
      if (one.optional || one.peer) continue;
      throw new Error(`${path} is not installed: run npm ci`);
    }
    const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
    if (version !== one.version) throw new Error(`${path} is ${version}, not ${one.version}: run npm ci`);
    found.push({
      path,
      name: one.name ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
      version,
      license: one.license,
      integrity: one.integrity,
    });
  }
  return found;
}
