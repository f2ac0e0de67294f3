import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, realpath, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type Entry, filesBelow } from '../../../gateway/bin/image/index.ts';
import { testCache } from '../../support/process/test-cache.ts';
import { archiveOf, librariesOf, programAt } from './images.ts';
import { notebookLayers } from './notebook-image.ts';

const run = promisify(execFile);
const hubEnvironment = join(testCache, 'jupyterhub-venv');
const requirements = join(import.meta.dirname, 'kubespawner.txt');

/**
 * The archive of `images.hub`: all that the images which `charts/stack/jupyterhub` names hold, for a hub with KubeSpawner, its proxy
 * (`configurable-http-proxy`) and people's notebooks.
 */
export async function hubArchive(): Promise<string> {
  const { layers, sources, sitePackages } = await notebookLayers();
  const spawner = await kubespawnerPackages();
  const node = await realpath(process.execPath);
  return archiveOf(
    'hub',
    [...sources, requirements, node],
    [...layers, () => spawnerEntries(spawner, sitePackages), () => proxyEntries(node)],
    {
      command: ['jupyterhub', '--version'],
      environment: ['PATH=/opt/notebook/bin:/usr/local/bin:/usr/bin:/bin', 'HOME=/home', 'LANG=C.UTF-8'],
      workingFolder: '/home',
      user: '1000:1000',
    },
  );
}

/** Installed once, before the tests (prepare-python.ts). */
export async function kubespawnerPackages(): Promise<string> {
  const key = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12);
  const folder = join(testCache, `kubespawner-${key}`);
  if (existsSync(folder)) return folder;
  const beside = `${folder}.${process.pid}`;
  await mkdir(testCache, { recursive: true });
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', '--target', beside];
  try {
    await run(join(hubEnvironment, 'bin/python3'), [...pip, '--requirement', requirements]);
    await rename(beside, folder);
  } finally {
    await rm(beside, { recursive: true, force: true });
  }
  return folder;
}

async function spawnerEntries(folder: string, sitePackages: string): Promise<Entry[]> {
  const files = filesBelow(folder, sitePackages, (path) => /^bin(\/|$)|(^|\/)tests?$/.test(path));
  const shared = files.flatMap((entry) =>
    entry.kind === 'file' && 'from' in entry && entry.path.endsWith('.so') ? [entry.from] : [],
  );
  return [
    ...files,
    ...(await librariesOf(shared, folder)),
    // The hub's own pages.
    ...filesBelow(join(hubEnvironment, 'share/jupyterhub'), 'opt/notebook/share/jupyterhub'),
    ...['jupyterhub', 'jupyterhub-singleuser'].map((name): Entry => ({
      kind: 'file',
      path: `opt/notebook/bin/${name}`,
      mode: 0o755,
      content: `#!/bin/sh\nexec python3 -m jupyterhub${name === 'jupyterhub' ? '' : '.singleuser'} "$@"\n`,
    })),
  ];
}

/** Node, and the proxy with every package it needs, as they stand in `node_modules`. */
async function proxyEntries(node: string): Promise<Entry[]> {
  const folders = new Map<string, string>();
  const add = (name: string, from: string): void => {
    const folder = packageFolder(name, from);
    if (folders.has(folder)) return;
    folders.set(folder, folder.slice(folder.indexOf('node_modules/') + 'node_modules/'.length));
    const { dependencies = {} } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
      dependencies?: Record<string, string>;
    };
    for (const needed of Object.keys(dependencies)) add(needed, join(folder, 'package.json'));
  };
  add('configurable-http-proxy', join(import.meta.dirname, 'hub-image.ts'));
  return [
    ...(await programAt(node, 'usr/local/bin/node')),
    ...[...folders].flatMap(([folder, name]) =>
      filesBelow(folder, `opt/proxy/node_modules/${name}`, (path) => path === 'node_modules'),
    ),
    {
      kind: 'file',
      path: 'usr/local/bin/configurable-http-proxy',
      mode: 0o755,
      content:
        '#!/bin/sh\nexec node /opt/proxy/node_modules/configurable-http-proxy/bin/configurable-http-proxy "$@"\n',
    },
  ];
}

/** Where Node looks for a package (Node.js modules, "Loading from node_modules folders"). */
function packageFolder(name: string, from: string): string {
  for (let folder = dirname(from); folder !== dirname(folder); folder = dirname(folder)) {
    const found = join(folder, 'node_modules', name);
    if (existsSync(join(found, 'package.json'))) return found;
  }
  throw new Error(`${name} is not installed beside ${dirname(from)}`);
}
