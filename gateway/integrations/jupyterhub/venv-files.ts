import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { chmod, lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Small additions to a freshly installed environment; part of what decides whether an environment is up to date. */
export const environmentAdditions = {
  /**
   * The environment is shared and read-only for people, so `pip install` in a notebook goes to a folder of their own home
   * (`PIP_TARGET`, set by the spawner). Only kernels look there: a broken package cannot keep a notebook server from starting.
   */
  kernel: { display_name: 'Python 3', env: { PYTHONPATH: '${PIP_TARGET}' } },
  /** The news prompt asks a third party; lab extensions are the business of whoever runs the platform. */
  page: {
    disabledExtensions: {
      '@jupyterlab/apputils-extension:announcements': true,
      '@jupyterlab/extensionmanager-extension': true,
    },
  },
};

/** Files of packages that are not as their package made them. */
export function changedFiles(venvFolder: string): string[] {
  return [kernelFileOf(venvFolder)];
}

function kernelFileOf(venvFolder: string): string {
  return join(venvFolder, 'share/jupyter/kernels/python3/kernel.json');
}

export function writeEnvironmentAdditions(venvFolder: string): void {
  const kernelFile = kernelFileOf(venvFolder);
  const kernel = JSON.parse(readFileSync(kernelFile, 'utf8')) as Record<string, unknown>;
  writeJson(kernelFile, { ...kernel, ...environmentAdditions.kernel });
  const pageFolder = join(venvFolder, 'etc/jupyter/labconfig');
  mkdirSync(pageFolder, { recursive: true, mode: 0o755 });
  chmodSync(pageFolder, 0o755);
  writeJson(join(pageFolder, 'page_config.json'), environmentAdditions.page);
}

/** Readable for the accounts of people, whatever the gateway's umask says. */
function writeJson(file: string, value: unknown): void {
  writeFileSync(file, `${JSON.stringify(value, undefined, 1)}\n`);
  chmodSync(file, 0o644);
}

/**
 * Makes an environment readable for the accounts of people. New ones are made that way; an earlier release took over whatever
 * umask the gateway was started with.
 */
export async function openToPeople(venvFolder: string): Promise<void> {
  if ((statSync(join(venvFolder, 'bin')).mode & 0o005) === 0o005) return;
  const paths = await readdir(venvFolder, { recursive: true, withFileTypes: true });
  for (const entry of paths) {
    if (entry.isSymbolicLink()) continue;
    const path = join(entry.parentPath, entry.name);
    const { mode } = await lstat(path);
    await chmod(path, (mode & 0o777) | 0o044 | (mode & 0o100 ? 0o011 : 0));
  }
  await chmod(venvFolder, 0o755);
}
