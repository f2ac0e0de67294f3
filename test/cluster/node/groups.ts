import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = '/sys/fs/cgroup';

/** What the kubelet cannot do without: on v1 a hierarchy each, on v2 a controller of the one. */
const needed = { 1: ['memory', 'cpu', 'cpuacct', 'cpuset', 'pids', 'systemd'], 2: ['memory', 'cpu', 'cpuset', 'pids'] };

/** Which control groups this machine has (cgroups(7)). */
export function groupVersion(): 1 | 2 {
  return existsSync(join(root, 'cgroup.controllers')) ? 2 : 1;
}

/** Where the group of this name is: once on v2, once in each hierarchy on v1. */
export function groupFolders(name: string): string[] {
  if (groupVersion() === 2) return [join(root, name)];
  return mounts().map((folder) => join(folder, name));
}

/** Makes the group that a kubelet puts its pods below. */
export function makeGroup(name: string): void {
  if (groupVersion() === 2) {
    for (const controller of needed[2]) {
      // Where it is allowed already, or this process may not say so, the group below shows it.
      try {
        writeFileSync(join(root, 'cgroup.subtree_control'), `+${controller}`);
      } catch {
        continue;
      }
    }
  }
  for (const folder of groupFolders(name)) mkdirSync(folder, { recursive: true });
}

/** Why pods could not be put into groups here, or nothing. */
export function missingGroups(): string | undefined {
  const version = groupVersion();
  const there =
    version === 2
      ? readFileSync(join(root, 'cgroup.controllers'), 'utf8').trim().split(' ')
      : mounts().map((folder) => folder.slice(root.length + 1));
  const missing = needed[version].filter((name) => !there.some((each) => each.split(',').includes(name)));
  return missing.length === 0 ? undefined : `no control group (v${version}) for ${missing.join(', ')} below ${root}`;
}

function mounts(): string[] {
  return (
    readFileSync('/proc/self/mounts', 'utf8')
      .split('\n')
      .map((line) => line.split(' '))
      // On v1 the one hierarchy of v2 is often there as well, without controllers; the runtime puts pods into it too.
      .filter(([, folder = '', type]) => /^cgroup2?$/.test(type ?? '') && folder.startsWith(`${root}/`))
      .map(([, folder = '']) => folder)
  );
}
