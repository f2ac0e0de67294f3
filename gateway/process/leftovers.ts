import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Log } from '../lib/index.ts';
import { branchValues, endAll, findDescendants, type ProcessIdentity, readBootId } from './descendants.ts';

/**
 * What a later run must know to find strays: the markers' first part, and processes by number and start time. `left` names the
 * children of the first instance whose families stay on purpose, for the next run to take over.
 */
type RunRecord = { bootId: string; instances: string[]; children: ProcessIdentity[]; left?: string[] };

/** Remembers in a file which processes this run started, so that the next run can end them if this one cannot. */
export type RunJournal = {
  /** To be called before the first start: from then on a crash leaves a record. */
  open(): void;
  add(identity: ProcessIdentity): void;
  remove(identity: ProcessIdentity): void;
  /** First part of the markers of this run: that of the earlier run when it left something for this one. */
  instance: string;
  /** Whether the earlier run left the family of this child. */
  hasLeft(name: string): boolean;
  /** From now on the family is this run's own: whoever comes later ends it, unless it is left again. */
  takeOver(name: string): void;
  /** Records that the families of these children stay for the next run; nothing else of this run may be alive. */
  leave(names: readonly string[]): void;
  /**
   * Ends what an earlier run left behind (it was killed with SIGKILL, say) and what it left for this one and nobody took over;
   * resolves with how many there were.
   */
  endEarlierRun(graceMs: number): Promise<number>;
};

export function createRunJournal(folder: string | undefined, newInstance: string, log: Log): RunJournal {
  const file = folder === undefined ? undefined : join(folder, 'processes.json');
  const bootId = readBootId();
  const children = new Map<number, ProcessIdentity>();
  let earlier = file === undefined ? undefined : readRecord(file, bootId);
  const left = new Set(earlier?.left);
  const instance = left.size > 0 ? earlier!.instances[0]! : newInstance;
  let isOpen = false;

  const write = (stays: readonly string[] = []) => {
    if (file === undefined || folder === undefined) return;
    // The earlier run stays in the record until it is ended: this run may crash before that.
    const record: RunRecord = {
      bootId,
      instances: [...new Set([instance, ...(earlier?.instances ?? [])])],
      children: [...children.values(), ...(earlier?.children ?? [])],
      ...(stays.length > 0 && { left: [...stays] }),
    };
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      writeFileSync(`${file}.new`, JSON.stringify(record), { mode: 0o600 });
      renameSync(`${file}.new`, file);
    } catch (error) {
      log.warn({ err: error }, 'the list of started processes cannot be written');
    }
  };

  return {
    instance,
    hasLeft: (name) => left.has(name),
    takeOver(name) {
      if (left.delete(name)) write([...left]);
      isOpen = true;
    },
    leave: (names) => write(names),
    open() {
      if (!isOpen) write([...left]);
      isOpen = true;
    },
    add(identity) {
      children.set(identity.pid, identity);
      write([...left]);
    },
    remove(identity) {
      if (children.delete(identity.pid)) write([...left]);
    },
    async endEarlierRun(graceMs) {
      const record = earlier;
      if (!record) return 0;
      const isOurs = (marker: string) =>
        record.instances.some((id) => id !== instance && marker.startsWith(`${id}/`)) ||
        [...left].some((name) => marker === `${instance}/${name}`);
      const ended = await endAll(() => findDescendants(record.children, isOurs), graceMs);
      if (ended > 0) log.warn({ processes: ended }, 'ended processes that an earlier run left behind');
      earlier = undefined;
      left.clear();
      write();
      return ended;
    },
  };
}

/**
 * Ends what was left for a next run that never came; false when it was taken over meanwhile, or is not there.
 * `instance` names the run that left it.
 */
export async function endWhatWasLeft(folder: string, instance: string, graceMs: number): Promise<boolean> {
  if (!isStillLeft(folder, instance)) return false;
  await endAll(() => findDescendants([], (marker) => marker.startsWith(`${instance}/`)), graceMs);
  return true;
}

/** As `Child.valuesBelow`, of the gateway that runs, or ran last, with this state folder; for other programs. */
export function valuesBelowChild(folder: string, name: string, variable: string): string[] {
  const record = readRecord(join(folder, 'processes.json'), readBootId());
  return (record?.instances ?? []).flatMap((id) => branchValues(`${id}/${name}`, variable));
}

export function isStillLeft(folder: string, instance: string): boolean {
  const record = readRecord(join(folder, 'processes.json'), readBootId());
  return record?.left !== undefined && record.left.length > 0 && record.instances[0] === instance;
}

function readRecord(file: string, bootId: string): RunRecord | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined; // No earlier run, or a file cut short by a full disk: nothing is known about leftovers.
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const { bootId: recorded, instances, children, left } = parsed as Record<string, unknown>;
  if (recorded !== bootId || !Array.isArray(instances) || !Array.isArray(children)) return undefined;
  const isLeft = Array.isArray(left) && isInstance(instances[0]);
  return {
    bootId,
    instances: instances.filter(isInstance),
    children: children.filter(isIdentity),
    ...(isLeft && { left: left.filter((name) => typeof name === 'string') }),
  };
}

function isInstance(value: unknown): value is string {
  // A short or empty text would match markers that are not ours.
  return typeof value === 'string' && value.length >= 16;
}

function isIdentity(value: unknown): value is ProcessIdentity {
  if (typeof value !== 'object' || value === null) return false;
  const { pid, startTicks } = value as { pid?: unknown; startTicks?: unknown };
  return typeof pid === 'number' && pid > 1 && typeof startTicks === 'string';
}
