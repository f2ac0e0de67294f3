import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Log } from '../lib/index.ts';
import { endAll, findDescendants, type ProcessIdentity } from './descendants.ts';

/** What a later run must know to find strays: the markers' first part, and processes by number and start time. */
type RunRecord = { bootId: string; instances: string[]; children: ProcessIdentity[] };

/** Remembers in a file which processes this run started, so that the next run can end them if this one cannot. */
export type RunJournal = {
  /** To be called before the first start: from then on a crash leaves a record. */
  open(): void;
  add(identity: ProcessIdentity): void;
  remove(identity: ProcessIdentity): void;
  /** Ends what an earlier run left behind (it was killed with SIGKILL, say); resolves with how many there were. */
  endEarlierRun(graceMs: number): Promise<number>;
};

export function createRunJournal(folder: string | undefined, instance: string, log: Log): RunJournal {
  const file = folder === undefined ? undefined : join(folder, 'processes.json');
  const bootId = readBootId();
  const children = new Map<number, ProcessIdentity>();
  let earlier = file === undefined ? undefined : readRecord(file, bootId);
  let isOpen = false;

  const write = () => {
    if (file === undefined || folder === undefined) return;
    // The earlier run stays in the record until it is ended: this run may crash before that.
    const record: RunRecord = {
      bootId,
      instances: [instance, ...(earlier?.instances ?? [])],
      children: [...children.values(), ...(earlier?.children ?? [])],
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
    open() {
      if (!isOpen) write();
      isOpen = true;
    },
    add(identity) {
      children.set(identity.pid, identity);
      write();
    },
    remove(identity) {
      if (children.delete(identity.pid)) write();
    },
    async endEarlierRun(graceMs) {
      const record = earlier;
      if (!record) return 0;
      const isOurs = (marker: string) => record.instances.some((id) => marker.startsWith(`${id}/`));
      const ended = await endAll(() => findDescendants(record.children, isOurs), graceMs);
      if (ended > 0) log.warn({ processes: ended }, 'ended processes that an earlier run left behind');
      earlier = undefined;
      write();
      return ended;
    },
  };
}

/** Differs after each boot of the machine: process numbers and start times of an earlier boot mean nothing. */
function readBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}

function readRecord(file: string, bootId: string): RunRecord | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined; // No earlier run, or a file cut short by a full disk: nothing is known about leftovers.
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const record = parsed as Record<string, unknown>;
  if (record['bootId'] !== bootId || !Array.isArray(record['instances']) || !Array.isArray(record['children']))
    return undefined;
  return { bootId, instances: record['instances'].filter(isInstance), children: record['children'].filter(isIdentity) };
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
