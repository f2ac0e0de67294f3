import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';

/** What `npm run build` left in the folder, as the routes need it. */
export type DashboardBuild = {
  /** URL paths of all files that may be served, with a leading slash; compressed siblings are not among them. */
  files: ReadonlySet<string>;
  /** Content-Security-Policy of the fallback page, with the hash of its one inline script. */
  contentSecurityPolicy: string;
};

/** The page every address of the dashboard starts with. */
export const fallbackFile = '/200.html';

/**
 * Hands out the build in a folder, read again when its fallback page was written anew, so that `npm run build` beside a
 * running gateway is enough. Undefined while there is no complete build.
 */
export function createBuildReader(folder: string): () => Promise<DashboardBuild | undefined> {
  let known: { modifiedAt: number; build: DashboardBuild } | undefined;
  return async () => {
    const modifiedAt = await modificationTime(join(folder, fallbackFile));
    if (modifiedAt === undefined) return undefined;
    if (known?.modifiedAt !== modifiedAt) known = { modifiedAt, build: await readBuild(folder) };
    return known.build;
  };
}

async function readBuild(folder: string): Promise<DashboardBuild> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && !/\.(br|gz)$/.test(entry.name))
    .map((entry) => '/' + relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'));
  const page = await readFile(join(folder, fallbackFile), 'utf8');
  return { files: new Set(files), contentSecurityPolicy: policyOf(page) };
}

/**
 * The policy the build wrote as a `<meta>` element, plus what only a header can say (CSP Level 3 §3.3: `frame-ancestors`
 * is ignored in a `<meta>`). A page without one gets a policy under which no script runs.
 */
export function policyOf(page: string): string {
  const written = /<meta http-equiv="content-security-policy" content="([^"]*)"/.exec(page)?.[1];
  return `${written ?? "default-src 'none'"}; form-action 'self'; frame-ancestors 'none'`;
}

async function modificationTime(file: string): Promise<number | undefined> {
  try {
    return (await stat(file)).mtimeMs;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
