import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../lib/index.ts';
import { descendantsOf } from './descendants.ts';
import { findHierarchies, type Hierarchies } from './hierarchies.ts';
import type { Usage } from './usage.ts';

/** What a family of processes may take: processors, bytes of memory, and how many processes and threads. */
export type GroupLimits = { cpu: number; memory: number; processes: number };

/** How often the kernel stood in the way, since the group was made. */
export type Refusals = {
  /** Processes that were ended because the group's memory was full. */
  memory: number;
  /** Processes that were not made because there were enough. */
  processes: number;
};

/** A control group (cgroups(7)): processes whose limits and usage the kernel counts together, whatever becomes of their parents. */
export type Group = {
  /** Takes a process in, with what it started already; what it starts from then on is in it from the beginning. */
  admit(pid: number): Promise<void>;
  /** Undefined when it is gone. Synchronous: these files are memory, and reading them takes some microseconds. */
  usage(): Usage | undefined;
  /** Synchronous also because it is asked at the end of a process, when the next one is about to begin. */
  refusals(): Refusals;
  /** Ends everything in it, and it. */
  end(): Promise<void>;
};

export type Groups = {
  make(name: string, limits: GroupLimits): Promise<Group>;
  /** Ends and removes what an earlier run left; resolves with how many groups those were. */
  endEarlier(): Promise<number>;
  /** Removes what is left, when nothing runs any more. */
  close(): Promise<void>;
};

/**
 * Groups for what this gateway starts, in one folder of theirs that follows from its state folder; undefined where it may not make any.
 * `root` and `own` are for tests.
 */
export async function openGroups(options: {
  stateFolder: string;
  log: Log;
  root?: string;
  own?: string;
}): Promise<Groups | undefined> {
  const { stateFolder, log, root = '/sys/fs/cgroup', own = readOwn() } = options;
  const found = await findHierarchies(root, own);
  if (found === undefined) return undefined;
  const name = `knot-${createHash('sha256').update(stateFolder).digest('hex').slice(0, 12)}`;
  const hierarchies = below(found, name);
  const record = join(stateFolder, 'groups.json');
  const folders = [...new Set(foldersOf(hierarchies))];
  let isMade: Promise<void> | undefined;

  /** Where they are stays on the disk: a later run may be in another group and would not find them. */
  async function makeFolders(): Promise<void> {
    const earlier = await readRecord(record);
    await mkdir(stateFolder, { recursive: true, mode: 0o700 });
    await writeFile(`${record}.new`, JSON.stringify([...new Set([...folders, ...earlier])]), { mode: 0o600 });
    await rename(`${record}.new`, record);
    for (const folder of folders) await mkdir(folder, { recursive: true });
    if (hierarchies.version === 2)
      await writeFile(join(hierarchies.memory, 'cgroup.subtree_control'), '+memory +pids +cpu');
  }

  return {
    async make(group, limits) {
      isMade ??= makeFolders().catch((error: unknown) => {
        // The next one tries again.
        isMade = undefined;
        throw error;
      });
      await isMade;
      const own = below(hierarchies, group);
      for (const folder of new Set(foldersOf(own))) await mkdir(folder, { recursive: true });
      for (const [file, value, isNeeded] of settingsOf(own, limits)) {
        try {
          await writeFile(file, value);
        } catch (error) {
          if (isNeeded) throw error;
        }
      }
      return openGroup(own, log);
    },
    async endEarlier() {
      const ended = new Set<string>();
      const earlier = await readRecord(record);
      for (const folder of new Set([...earlier, ...folders]))
        for (const group of await groupsIn(folder)) {
          await endFolder(join(folder, group));
          ended.add(group);
        }
      for (const folder of earlier) if (!folders.includes(folder)) await rmdir(folder).catch(() => undefined);
      if (ended.size > 0) log.warn({ groups: ended.size }, 'ended control groups that an earlier run left behind');
      return ended.size;
    },
    async close() {
      for (const folder of folders) {
        for (const group of await groupsIn(folder)) await endFolder(join(folder, group));
        await rmdir(folder).catch(() => undefined);
      }
      await rm(record, { force: true });
      isMade = undefined;
    },
  };
}

function openGroup(own: Hierarchies, log: Log): Group {
  const folders = [...new Set(foldersOf(own))];
  return {
    async admit(pid) {
      const admitted = new Set<number>();
      // What was started between two looks was started by something that is in it already.
      for (let fresh = [pid]; fresh.length > 0; fresh = descendantsOf(pid).filter((one) => !admitted.has(one)))
        for (const one of fresh) {
          admitted.add(one);
          for (const folder of folders)
            await writeFile(join(folder, 'cgroup.procs'), String(one)).catch((error: unknown) => {
              // It ended meanwhile, which is no reason to let others in unlimited.
              if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
            });
        }
    },
    usage() {
      try {
        return own.version === 1 ? usageOfV1(own) : usageOfV2(own);
      } catch {
        return undefined;
      }
    },
    refusals() {
      const memoryFile = own.version === 1 ? 'memory.oom_control' : 'memory.events';
      return {
        memory: numberIn(join(own.memory, memoryFile), /^oom_kill (\d+)$/m),
        processes: numberIn(join(own.processes, 'pids.events'), /^max (\d+)$/m),
      };
    },
    async end() {
      if (own.kill !== undefined) await writeFile(join(own.kill, 'cgroup.kill'), '1').catch(() => undefined);
      for (const folder of folders)
        await endFolder(folder).catch((error: unknown) => log.warn({ err: error }, 'a control group stays'));
    },
  };
}

/** The files that set limits, what is written, and whether nothing may run without. */
function settingsOf(own: Hierarchies, { cpu, memory, processes }: GroupLimits): [string, string, boolean][] {
  const period = 100_000;
  const quota = Math.max(1000, Math.round(cpu * period));
  const bytes = String(Math.floor(memory));
  const pids: [string, string, boolean] = [join(own.processes, 'pids.max'), String(processes), true];
  if (own.version === 2)
    return [
      [join(own.memory, 'memory.max'), bytes, true],
      [join(own.memory, 'memory.swap.max'), '0', false],
      [join(own.cpu, 'cpu.max'), `${quota} ${period}`, true],
      pids,
    ];
  return [
    [join(own.memory, 'memory.limit_in_bytes'), bytes, true],
    // Only where the kernel counts swap; never below the other.
    [join(own.memory, 'memory.memsw.limit_in_bytes'), bytes, false],
    [join(own.cpu, 'cpu.cfs_period_us'), String(period), true],
    [join(own.cpu, 'cpu.cfs_quota_us'), String(quota), true],
    pids,
  ];
}

function usageOfV1(own: Hierarchies): Usage {
  const processorMs = Number(read(own.time, 'cpuacct.usage')) / 1e6;
  const inactive = /^total_inactive_file (\d+)$/m.exec(read(own.memory, 'memory.stat'))?.[1];
  return { processorMs, memory: workingSet(read(own.memory, 'memory.usage_in_bytes'), inactive) };
}

function usageOfV2(own: Hierarchies): Usage {
  const usec = /^usage_usec (\d+)$/m.exec(read(own.time, 'cpu.stat'))?.[1];
  const inactive = /^inactive_file (\d+)$/m.exec(read(own.memory, 'memory.stat'))?.[1];
  return { processorMs: Number(usec) / 1000, memory: workingSet(read(own.memory, 'memory.current'), inactive) };
}

const read = (folder: string, name: string): string => readFileSync(join(folder, name), 'latin1');

/** Without pages of files that nobody looked at lately: the kernel gives them away before it ends anybody. */
const workingSet = (used: string, inactiveFile = '0'): number => Math.max(0, Number(used) - Number(inactiveFile));

/** Ends what is in a group until nothing is, and removes it. */
async function endFolder(folder: string): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    const pids = await readFile(join(folder, 'cgroup.procs'), 'utf8').catch(() => '');
    // Of another namespace of processes it is told as 0, which would be everything of the gateway's own.
    for (const pid of pids
      .split('\n')
      .map(Number)
      .filter((one) => one > 1 && one !== process.pid))
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended by itself.
      }
    try {
      return await rmdir(folder);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return;
      // Uninterruptible sleep in the kernel cannot be ended by anybody.
      if (tries === 100) throw error;
    }
    await delay(20);
  }
}

function below(parents: Hierarchies, name: string): Hierarchies {
  const { version, memory, processes, cpu, time, kill } = parents;
  const at = (folder: string): string => join(folder, name);
  return {
    version,
    memory: at(memory),
    processes: at(processes),
    cpu: at(cpu),
    time: at(time),
    kill: kill === undefined ? undefined : at(kill),
  };
}

const foldersOf = ({ memory, processes, cpu, time, kill }: Hierarchies): string[] => [
  ...(kill === undefined ? [] : [kill]),
  ...[processes, memory, cpu, time],
];

async function groupsIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

/** Folders of earlier runs; only what has the form of one, whoever wrote the file. */
async function readRecord(file: string): Promise<string[]> {
  try {
    const read: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (!Array.isArray(read)) return [];
    return read.filter(
      (path): path is string => typeof path === 'string' && ownFolder.test(path) && dirname(path) !== '/',
    );
  } catch {
    return [];
  }
}

const ownFolder = /^\/(?:[^/]+\/)*knot-[\da-f]{12}$/;

function numberIn(file: string, pattern: RegExp): number {
  try {
    return Number(pattern.exec(readFileSync(file, 'latin1'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

function readOwn(): string {
  try {
    return readFileSync('/proc/self/cgroup', 'utf8');
  } catch {
    return '';
  }
}
