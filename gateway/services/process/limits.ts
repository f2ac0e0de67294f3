import { existsSync, readFileSync } from 'node:fs';
import type { Group, Groups, Refusals } from '../../process/index.ts';
import type { Crossed } from '../causes.ts';
import type { Size } from '../service.ts';

const untouched = 1024 ** 3;

/** What each service may have at most besides processors and memory, which its size says. */
export type Bounds = {
  /** Processes and threads. */
  processes: number;
  /** Open files of one process. */
  descriptors: number;
  /** Bytes that it keeps for itself, in its home. */
  disk: number;
};

export const usualBounds: Bounds = { processes: 2048, descriptors: 16_384, disk: 20 * 1024 ** 3 };

/**
 * Arguments before a program that bound what it may take (prlimit(1), of util-linux), never above what the gateway may itself: open
 * files, one file's length, no memory images on the disk, processes by account or sandbox. Without a control group also memory: not
 * of addresses, which Node.js, Java and Go reserve by the gigabyte, but of data (RLIMIT_DATA, getrlimit(2)), for each process and with
 * room for what they claim and never touch (500 MiB of an idle Node.js). That only holds up one that takes everything at once; what a
 * service uses in all is looked at with each sample.
 */
export function boundsBefore(bounds: Bounds, memory: number | undefined): string[] {
  const program = ['/usr/bin/prlimit', '/bin/prlimit'].find((path) => existsSync(path));
  if (program === undefined) return [];
  const own = readFileSync('/proc/self/limits', 'utf8');
  const atMost = (name: string, wanted: number): number => {
    const hard = new RegExp(`^${name} +\\S+ +(\\d+) `, 'm').exec(own)?.[1];
    return Math.min(wanted, Number(hard ?? wanted));
  };
  return [
    program,
    `--nproc=${atMost('Max processes', 2 * bounds.processes)}`,
    `--nofile=${atMost('Max open files', bounds.descriptors)}`,
    `--fsize=${atMost('Max file size', bounds.disk)}`,
    ...(memory === undefined ? [] : [`--data=${atMost('Max data size', memory + untouched)}`]),
    '--core=0',
    '--',
  ];
}

/** The group of a service, and what the kernel refused it lately. */
export type Limited = {
  group: Group;
  /** Takes note of what was refused; whatever is asked next begins here. */
  look(now: number): void;
  /** The bound that was crossed since the last look but one: what happened long before an end is not its cause. */
  crossed(now: number): Crossed | undefined;
};

const recentMs = 30_000;

/** A group for a service; undefined where there are none, and the kernel counts nothing. */
export async function limit(
  groups: Groups | undefined,
  name: string,
  size: Size | undefined,
  bounds: Bounds,
): Promise<Limited | undefined> {
  if (groups === undefined || size === undefined) return undefined;
  const { cpu, memory } = size;
  const group = await groups.make(name, { cpu, memory, processes: bounds.processes });
  let seen: Refusals = group.refusals();
  const lastAt = { memory: -Infinity, processes: -Infinity };
  const look = (now: number): void => {
    const found = group.refusals();
    for (const kind of ['memory', 'processes'] as const) if (found[kind] > seen[kind]) lastAt[kind] = now;
    seen = found;
  };
  return {
    group,
    look,
    crossed(now) {
      look(now);
      return (['memory', 'processes'] as const).find((kind) => now - lastAt[kind] <= recentMs);
    },
  };
}
