import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  findEnvironment,
  type Installation,
  type Installed,
  installEnvironment,
  type InstallProgress,
  type InstallWords,
  type Supervisor,
} from '../../process/index.ts';
import { environmentAdditions, writeEnvironmentAdditions } from './venv-files.ts';

const shippedRequirements = join(import.meta.dirname, 'requirements.txt');

export const hubWords: InstallWords = {
  needs: 'Notebooks need',
  packages: 'the Python packages of JupyterHub (about 400 MB)',
  isProven: true,
  listRemedy: 'Use an index with all packages of PyPI (PIP_INDEX_URL), and a Python between 3.10 and 3.14.',
  folderRemedy:
    'Give this account write access to the data folder, or to the one in integrations.jupyterhub.pythonEnvironment.',
  again: 'Knot tries again by itself.',
};

/** The environment of the hub if it is complete and made from the present list. Starts no process. */
export function findInstallation(venvFolder: string, requirementsFile = shippedRequirements): Installed | undefined {
  return findEnvironment(venvFolder, requirementsHash(requirementsFile));
}

/** Makes the Python environment of the hub; by default of the list beside this file. */
export function install({
  requirementsFile = shippedRequirements,
  ...options
}: {
  supervisor: Supervisor;
  venvFolder: string;
  searchPath: string;
  requirementsFile?: string;
  signal: AbortSignal;
  onProgress(progress: InstallProgress): void;
}): Promise<Installation> {
  return installEnvironment({
    ...options,
    what: ['--no-deps', '--requirement', requirementsFile],
    total: readRequirements(requirementsFile).length,
    print: requirementsHash(requirementsFile),
    words: hubWords,
    finish: writeEnvironmentAdditions,
  });
}

function readRequirements(requirementsFile: string): string[] {
  return readFileSync(requirementsFile, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
}

/** Changes when the list, or anything this module adds to the environment, changes. */
function requirementsHash(requirementsFile: string): string {
  return createHash('sha256')
    .update(readFileSync(requirementsFile))
    .update(JSON.stringify(environmentAdditions))
    .digest('hex');
}
