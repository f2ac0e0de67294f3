import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, readdir, realpath, rm, stat, utimes } from 'node:fs/promises';
import { basename, join, normalize } from 'node:path';
import { promisify } from 'node:util';
import { type Entry, fileAt, type ImageSettings, writeImage } from '../../../gateway/bin/image/index.ts';
import { testCache } from '../../support/process/test-cache.ts';

const run = promisify(execFile);
const busybox = '/bin/busybox';

/** Whom no image is ever pulled from: what has such a name was imported. */
export const importedFrom = 'registry.test';

/** What pods of tests can be made of. Pausing is what holds the namespaces of a pod: kubelet and runtime need it for each. */
export const images = {
  pause: 'registry.test/pause:1',
  /** The commands of busybox: `sh`, `httpd`, `nc`, `wget`, … Waits when it is given nothing to do. */
  box: 'registry.test/box:1',
  /** The same, and `node`: the one that runs the tests. Its arguments are those of Node. */
  node: 'registry.test/node:1',
  /** The commands of busybox, and `redis-server` of this machine, if its archive was made and imported. */
  redis: 'registry.test/redis:1',
  /** PostgreSQL of this machine, if its archive was made and imported (postgresql-image.ts). */
  postgresql: 'registry.test/postgresql:1',
  /** JupyterLab and Python, if its archive was made and imported (notebook-image.ts). */
  notebook: 'registry.test/notebook:1',
  /** The same with JupyterHub, KubeSpawner and the hub's proxy, if its archive was made and imported (hub-image.ts). */
  hub: 'registry.test/hub:1',
  /** What stands beside each step of a workflow, if its archive was made and imported (argo/image.ts). */
  argoexec: 'registry.test/argoexec:1',
} as const;

/** Not `cluster-…`: such folders go with the builds of the programs. */
const cache = join(testCache, 'images');

/** Raised when what is made of the same programs changes. */
const recipe = '2';
const waiting = ['/bin/sleep', '2147483647'];

/** Archives of `pause` and `box`. */
export async function boxArchives(): Promise<string[]> {
  const layers = [boxEntries];
  return [
    await archiveOf('pause', [busybox], layers, { entrypoint: waiting }),
    await archiveOf('box', [busybox], layers, { command: waiting }),
  ];
}

/** The archive of `node`. */
export async function nodeArchive(): Promise<string> {
  const program = await realpath(process.execPath);
  const settings = { entrypoint: ['/usr/local/bin/node'], workingFolder: '/home' };
  return archiveOf('node', [busybox, program], [boxEntries, () => programAt(program, 'usr/local/bin/node')], settings);
}

/**
 * Made once for the same programs, told by what is in them: each clone installs its own, with times of its own. The first of two that
 * make it at once does no harm to the other.
 */
export async function archiveOf(
  name: keyof typeof images,
  programs: readonly string[],
  layers: readonly (() => Promise<Entry[]>)[],
  settings: ImageSettings,
): Promise<string> {
  const key = createHash('sha256').update(recipe);
  for (const program of programs) {
    key.update(`${basename(program)}\0`);
    for await (const part of createReadStream(program, { highWaterMark: 1 << 20 })) key.update(part as Buffer);
  }
  const archive = join(cache, `${name}-${key.digest('hex').slice(0, 12)}.tar`);
  if (existsSync(archive)) {
    const now = new Date();
    await utimes(archive, now, now);
    return archive;
  }
  await mkdir(cache, { recursive: true });
  const made = await Promise.all(layers.map(async (entries) => ({ comment: name, entries: await entries() })));
  await writeImage({ archive, reference: images[name], layers: made, settings, compress: 'none' });
  await removeOlder(name);
  return archive;
}

/** Hundreds of megabytes each, of programs that were there before; not what was used within a day. */
async function removeOlder(name: string): Promise<void> {
  const dayAgo = Date.now() - 24 * 3600 * 1000;
  for (const file of await readdir(cache)) {
    if (!file.startsWith(`${name}-`)) continue;
    const path = join(cache, file);
    const { mtimeMs } = await stat(path);
    if (mtimeMs < dayAgo) await rm(path, { force: true });
  }
}

export async function boxEntries(): Promise<Entry[]> {
  const { stdout } = await run(busybox, ['--list']);
  const commands = stdout.split('\n').filter((name) => name !== '' && name !== 'busybox');
  const people = {
    passwd: 'root:x:0:0::/root:/bin/sh\nperson:x:1000:1000::/home:/bin/sh\n',
    group: 'person:x:1000:\n',
  };
  const folders = { root: 0o700, home: 0o777, tmp: 0o1777, var: 0o755, usr: 0o755 };
  return [
    ...(await programAt(busybox, 'bin/busybox')),
    ...commands.map((name): Entry => ({ kind: 'link', path: `bin/${name}`, to: 'busybox' })),
    ...Object.entries(people).map(([name, content]): Entry => ({ kind: 'file', path: `etc/${name}`, content })),
    ...Object.entries(folders).map(([path, mode]): Entry => ({ kind: 'folder', path, mode })),
  ];
}

/** A program with the libraries it needs, at the addresses where its loader looks for them. */
export async function programAt(program: string, path: string): Promise<Entry[]> {
  return [fileAt(await realpath(program), path), ...(await librariesOf([program]))];
}

/** The libraries that programs and libraries need, each once; not those of a folder that is in the image as a whole. */
export async function librariesOf(files: readonly string[], besides?: string): Promise<Entry[]> {
  const found = new Set<string>();
  for (const file of files) {
    // Fails for a program that needs none.
    const { stdout } = await run('ldd', [file]).catch(() => ({ stdout: '' }));
    for (const [, library = ''] of stdout.matchAll(/(\/\S+) \(0x/g)) found.add(normalize(library));
  }
  const wanted = [...found].filter((file) => besides === undefined || !file.startsWith(besides));
  return Promise.all(wanted.map(async (file) => fileAt(await realpath(file), file.slice(1))));
}
