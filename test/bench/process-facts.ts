import { readdirSync, readFileSync } from 'node:fs';

/** What the kernel knows about a process and everything it started (proc(5)). */

/** USER_HZ: one hundred on every Linux platform Node runs on. */
const ticksPerSecond = 100;

/** A process and all its descendants, itself first. */
export function descendants(pid: number): number[] {
  const found = [pid];
  try {
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      const children = readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim();
      if (children !== '') found.push(...children.split(' ').flatMap((child) => descendants(Number(child))));
    }
  } catch {
    // It ended while we looked.
  }
  return found;
}

/** Processor time of the whole tree, user and system, in microseconds. */
export function processorMicroseconds(pid: number): number {
  const ticks = sumOver(pid, (each) => {
    const stat = readFileSync(`/proc/${each}/stat`, 'latin1');
    // The name in parentheses may hold spaces: fields are counted after it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(fields[11]) + Number(fields[12]);
  });
  return (ticks * 1e6) / ticksPerSecond;
}

/** Processor time of one process alone, in microseconds: what its threads really ran, not what was running at each tick of the clock. */
export function ownMicroseconds(pid: number): number {
  let nanoseconds = 0;
  for (const task of readdirSync(`/proc/${pid}/task`))
    nanoseconds += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'latin1').split(' ')[0]);
  return nanoseconds / 1000;
}

/** Resident memory of the whole tree, KiB; pages shared between its processes count once for each. */
export function residentKiB(pid: number): number {
  return sumOver(pid, (each) =>
    Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${each}/status`, 'latin1'))?.[1] ?? 0),
  );
}

export function openFiles(pid: number): number {
  return sumOver(pid, (each) => readdirSync(`/proc/${each}/fd`).length);
}

function sumOver(pid: number, count: (pid: number) => number): number {
  let sum = 0;
  for (const each of descendants(pid)) {
    try {
      sum += count(each);
    } catch {
      // It ended while we looked.
    }
  }
  return sum;
}
