import { access, mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/**
 * Where control groups are on this machine, by what they control: with cgroup v2 one folder for everything, with v1 one for each
 * controller, and beside those often a v2 tree without controllers, which can still end a whole group at once (`kill`).
 */
export type Hierarchies = {
  version: 1 | 2;
  memory: string;
  processes: string;
  cpu: string;
  /** Where the time of processors is counted. */
  time: string;
  kill: string | undefined;
};

const wanted = ['memory', 'pids', 'cpu'];

/**
 * The folders below which this process may make groups of its own: below the group it is in, so that what limits it limits all of them
 * together. Undefined where there are none or it may not.
 */
export async function findHierarchies(root: string, ownGroups: string): Promise<Hierarchies | undefined> {
  try {
    return (await isThere(join(root, 'cgroup.controllers')))
      ? await unified(root, ownGroups)
      : await byController(root, ownGroups);
  } catch {
    return undefined;
  }
}

/** cgroup v1, by what `/proc/self/cgroup` says (cgroups(7)). */
async function byController(root: string, ownGroups: string): Promise<Hierarchies | undefined> {
  const own = new Map<string, string>();
  for (const line of ownGroups.split('\n')) {
    const [, names = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    for (const name of names.split(',')) own.set(name, path);
  }
  const folderOf = async (mount: string, name = mount): Promise<string | undefined> => {
    // A container without a namespace of groups is told of a path that it does not see.
    for (const path of [own.get(name), '/']) {
      const folder = join(root, mount, path ?? '/');
      if ((await isThere(join(folder, 'cgroup.procs'))) && (await mayMake(folder))) return folder;
    }
    return undefined;
  };
  const [memory, processes, cpu, time, kill] = await Promise.all([
    folderOf('memory'),
    folderOf('pids'),
    folderOf('cpu'),
    folderOf('cpuacct'),
    folderOf('unified', ''),
  ]);
  if (memory === undefined || processes === undefined || cpu === undefined || time === undefined) return undefined;
  return { version: 1, memory, processes, cpu, time, kill };
}

/** cgroup v2: one tree. What has processes of its own cannot hand controllers on, so that the gateway moves into a leaf first. */
async function unified(root: string, ownGroups: string): Promise<Hierarchies | undefined> {
  const path = /^0::(.*)$/m.exec(ownGroups)?.[1] ?? '/';
  const own = join(root, path);
  // Moved by an earlier look.
  const folder = path.endsWith(`/${leaf}`) ? dirname(own) : own;
  const available = (await readFile(join(folder, 'cgroup.controllers'), 'utf8')).split(/\s+/);
  if (!wanted.every((name) => available.includes(name)) || !(await mayMake(folder))) return undefined;
  const handOn = () => writeFile(join(folder, 'cgroup.subtree_control'), wanted.map((name) => `+${name}`).join(' '));
  try {
    await handOn();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
    await mkdir(join(folder, leaf), { recursive: true });
    await writeFile(join(folder, leaf, 'cgroup.procs'), String(process.pid));
    await handOn();
  }
  return { version: 2, memory: folder, processes: folder, cpu: folder, time: folder, kill: folder };
}

const leaf = 'knot-gateway';

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

async function mayMake(folder: string): Promise<boolean> {
  const trial = join(folder, `knot-trial-${process.pid}`);
  try {
    await mkdir(trial);
    await rmdir(trial);
    return true;
  } catch {
    return false;
  }
}
