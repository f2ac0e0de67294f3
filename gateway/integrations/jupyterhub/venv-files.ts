import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
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

export function writeEnvironmentAdditions(venvFolder: string): void {
  const kernelFile = join(venvFolder, 'share/jupyter/kernels/python3/kernel.json');
  const kernel = JSON.parse(readFileSync(kernelFile, 'utf8')) as Record<string, unknown>;
  writeJson(kernelFile, { ...kernel, ...environmentAdditions.kernel });
  const pageFolder = join(venvFolder, 'etc/jupyter/labconfig');
  mkdirSync(pageFolder, { recursive: true });
  writeJson(join(pageFolder, 'page_config.json'), environmentAdditions.page);
}

function writeJson(file: string, value: unknown): void {
  writeFileSync(file, `${JSON.stringify(value, undefined, 1)}\n`);
}
