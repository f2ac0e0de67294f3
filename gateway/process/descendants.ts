import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** Every child carries this variable, and what it starts inherits it: that is how strays are found after their parent is gone. */
export const markerVariable = 'KNOT_SUPERVISOR';

/** A process as the kernel lists it. Number and start time together name it for good: numbers are reused. */
export type ProcessIdentity = { pid: number; startTicks: string };

type ProcessEntry = ProcessIdentity & {
  parentPid: number;
  groupId: number;
  sessionId: number;
  isZombie: boolean;
  /** Of a processor, with those of children that ended and were waited for. */ ticks: number;
};

/**
 * What runs on this machine now, from `/proc` (proc(5)); empty on systems without it, where only process groups are ended.
 * Synchronous on purpose: `/proc` is memory, a scan of some hundred processes takes a few milliseconds, and it must also
 * work while the gateway exits.
 */
export function listProcesses(): ProcessEntry[] {
  const entries: ProcessEntry[] = [];
  for (const name of listNumericNames()) {
    const entry = readProcess(Number(name));
    if (entry) entries.push(entry);
  }
  return entries;
}

function listNumericNames(): string[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

function readProcess(pid: number): ProcessEntry | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The command name may hold spaces and parentheses; the fields begin after the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return {
      pid,
      isZombie: fields[0] === 'Z' || fields[0] === 'X',
      parentPid: Number(fields[1]),
      groupId: Number(fields[2]),
      sessionId: Number(fields[3]),
      ticks: Number(fields[11]) + Number(fields[12]) + Number(fields[13]) + Number(fields[14]),
      startTicks: fields[19]!,
    };
  } catch {
    return undefined; // It ended between the listing and the reading.
  }
}

export function identify(pid: number): ProcessIdentity | undefined {
  const entry = readProcess(pid);
  return entry && !entry.isZombie ? { pid, startTicks: entry.startTicks } : undefined;
}

export function isAlive({ pid, startTicks }: ProcessIdentity): boolean {
  return identify(pid)?.startTicks === startTicks;
}

function marker(pid: number): string | undefined {
  return variableOf(pid, markerVariable);
}

function variableOf(pid: number, variable: string): string | undefined {
  try {
    const environment = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
    return environment.find((entry) => entry.startsWith(`${variable}=`))?.slice(variable.length + 1);
  } catch {
    return undefined; // Ended, or another account's.
  }
}

/** Values of a variable among the processes that carry a marker; below one that has it nobody is asked. */
export function branchValues(mark: string, variable: string): string[] {
  const values = new Map<number, string>();
  const parents = new Map<number, number>();
  for (const { pid, parentPid, isZombie } of listProcesses()) {
    if (isZombie || marker(pid) !== mark) continue;
    const value = variableOf(pid, variable);
    if (value === undefined) continue;
    values.set(pid, value);
    parents.set(pid, parentPid);
  }
  return [...values].filter(([pid]) => !values.has(parents.get(pid)!)).map(([, value]) => value);
}

/** Differs after each boot of the machine: process numbers and start times of an earlier boot mean nothing. Empty where unknown. */
export function readBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}

/**
 * Every living process that descends from one of `roots` or carries a marker that `isOurs`: children of children, processes
 * that moved to a group or session of their own, and those whose parent is gone already.
 */
export function findDescendants(
  roots: readonly ProcessIdentity[],
  isOurs: (marker: string) => boolean,
): ProcessIdentity[] {
  const processes = listProcesses();
  const own = process.pid;
  const found = new Set<number>();
  const isRoot = new Map(roots.map(({ pid, startTicks }) => [pid, startTicks]));
  for (const { pid, startTicks, isZombie } of processes) {
    if (isRoot.get(pid) === startTicks) found.add(pid);
    else if (!isZombie && pid !== own) {
      const mark = marker(pid);
      if (mark !== undefined && isOurs(mark)) found.add(pid);
    }
  }
  addRelatives(processes, found, own);
  return processes
    .filter(({ pid, isZombie }) => found.has(pid) && !isZombie)
    .map(({ pid, startTicks }) => ({ pid, startTicks }));
}

/** What a process started and is alive, and what that started, without itself. */
export function descendantsOf(root: number): number[] {
  const processes = listProcesses();
  const found = new Set([root]);
  addRelatives(processes, found, process.pid);
  return processes.filter(({ pid, isZombie }) => pid !== root && found.has(pid) && !isZombie).map(({ pid }) => pid);
}

/** Closes the set over "child of" and "member of a group or session led by a member". */
function addRelatives(processes: readonly ProcessEntry[], found: Set<number>, own: number): void {
  let size;
  do {
    size = found.size;
    for (const { pid, parentPid, groupId, sessionId } of processes) {
      if (pid !== own && (found.has(parentPid) || found.has(groupId) || found.has(sessionId))) found.add(pid);
    }
  } while (found.size > size);
}

/** Sends a signal to a process if it is still the same one. False when it is gone. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isAlive(identity)) return false;
  try {
    process.kill(identity.pid, signal);
    return true;
  } catch {
    return false;
  }
}

/** SIGTERM to all, SIGKILL to those left after `graceMs`; finds newcomers again until none is left. */
export async function endAll(find: () => ProcessIdentity[], graceMs: number): Promise<number> {
  const ended = new Set<string>();
  const deadline = performance.now() + graceMs;
  const giveUp = deadline + 5000;
  for (;;) {
    const remaining = find();
    if (remaining.length === 0) return ended.size;
    const isOverdue = performance.now() >= deadline;
    for (const identity of remaining) {
      const key = `${identity.pid}:${identity.startTicks}`;
      if (isOverdue) signalProcess(identity, 'SIGKILL');
      else if (!ended.has(key)) signalProcess(identity, 'SIGTERM');
      ended.add(key);
    }
    // Uninterruptible sleep in the kernel cannot be ended by anybody; waiting for it would hang the shutdown.
    if (performance.now() >= giveUp) return ended.size;
    await delay(50);
  }
}
