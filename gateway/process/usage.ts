import { readFileSync } from 'node:fs';
import { listProcesses } from './descendants.ts';
import { msPerTick } from './processor-time.ts';

/** Milliseconds of a processor since it was begun, and bytes of memory now. */
export type Usage = { processorMs: number; memory: number };

/**
 * What families of processes use, by the process each began with: read in one look at `/proc` (proc_pid_stat(5), proc_pid_statm(5)). Time
 * of children that ended is in that of their parents; memory is what a process has for itself, so that shared libraries do not count
 * for each. Synchronous: some hundred processes take a few milliseconds.
 */
export function usagesBelow(roots: Iterable<number>): Map<number, Usage> {
  const usages = new Map<number, Usage>();
  for (const root of roots) usages.set(root, { processorMs: 0, memory: 0 });
  if (usages.size === 0) return usages;
  const processes = listProcesses();
  const parents = new Map(processes.map(({ pid, parentPid }) => [pid, parentPid]));
  for (const { pid, ticks } of processes) {
    let root = pid;
    while (!usages.has(root)) {
      const parent = parents.get(root);
      if (parent === undefined || parent === 0) break;
      root = parent;
    }
    const usage = usages.get(root);
    if (usage === undefined) continue;
    usage.processorMs += ticks * msPerTick;
    usage.memory += ownMemory(pid);
  }
  return usages;
}

function ownMemory(pid: number): number {
  try {
    const [, resident, shared] = readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ');
    return (Number(resident) - Number(shared)) * pageBytes();
  } catch {
    return 0; // It ended meanwhile.
  }
}

let page: number | undefined;

function pageBytes(): number {
  page ??= Number(/^KernelPageSize: +(\d+) kB$/m.exec(readFileSync('/proc/self/smaps', 'latin1'))?.[1] ?? 4) * 1024;
  return page;
}
