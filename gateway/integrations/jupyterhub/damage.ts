import { join } from 'node:path';
import { findDamage, lastMeaningfulLine, type Supervisor, systemEnvironment } from '../../process/index.ts';
import { changedFiles } from './venv-files.ts';

/** What is wrong with the files of a finished environment of the hub, in plain words; undefined when nothing is. */
export function findHubDamage(
  venvFolder: string,
  options: { isThorough?: boolean; packages?: readonly string[] } = {},
): Promise<string | undefined> {
  return findDamage(venvFolder, { ...options, changed: changedFiles(venvFolder) });
}

/** As `findHubDamage` with every file read, and whether Python can load what hub and servers are made of. */
export async function findDeepDamage(options: {
  supervisor: Supervisor;
  venvFolder: string;
  packages: readonly string[];
  cwd: string;
  signal: AbortSignal;
}): Promise<string | undefined> {
  const { supervisor, venvFolder, packages, cwd, signal } = options;
  const damage = await findHubDamage(venvFolder, { isThorough: true, packages });
  if (damage !== undefined || signal.aborted) return damage;
  const modules = [
    'jupyterhub.app',
    'jupyterhub.singleuser',
    'oauthenticator.generic',
    'jupyterlab.labapp',
    'ipykernel',
  ];
  const { code, output } = await supervisor.run({
    name: 'check-python',
    command: join(venvFolder, 'bin/python'),
    args: ['-I', '-W', 'ignore', '-c', `import ${modules.join(', ')}`],
    env: systemEnvironment(),
    cwd,
    signal,
    timeoutMs: 60_000,
  });
  // Ended or never started says nothing about its packages.
  if (code === 0 || code === null) return undefined;
  return lastMeaningfulLine(output) ?? 'Python does not start in it';
}
