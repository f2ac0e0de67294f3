import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { identify, isAlive, type ProcessIdentity, readBootId } from '../process/index.ts';

/** What a gateway tells about itself beside the lock of its data folder, for commands on the same machine. */
export type RunRecord = {
  /** The process, named for good: by number, start time and boot of the machine. */
  process: ProcessIdentity;
  bootId: string;
  /** Epoch milliseconds; differs after each start, also when the process stays the same. */
  startedAt: number;
  /** Its public address, once it answers. */
  origin?: string;
  /** Why the last restart that was asked for did not happen. */
  refused?: { at: number; reason: string };
};

export type RunTelling = {
  /** From now on requests are answered. */
  ready(origin: string): void;
  refused(reason: string): void;
};

/** Writes what is to be known of this run. Nothing is written where a process cannot be told from a later one of its number. */
export function tellOfRun(dataFolder: string, startedAt: number): RunTelling {
  const self = identify(process.pid);
  let record: RunRecord | undefined = self && { process: self, bootId: readBootId(), startedAt };
  const write = (more: Partial<RunRecord> = {}) => {
    if (!record) return;
    record = { ...record, ...more };
    const file = fileIn(dataFolder);
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(`${file}.new`, `${JSON.stringify(record)}\n`, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  };
  write();
  return {
    ready: (origin) => write({ origin }),
    refused: (reason) => write({ refused: { at: Date.now(), reason } }),
  };
}

/** The gateway that runs on a data folder now; undefined when none does, or none can be recognised. */
export function readRun(dataFolder: string): RunRecord | undefined {
  try {
    const record = JSON.parse(readFileSync(fileIn(dataFolder), 'utf8')) as RunRecord;
    if (record.bootId !== readBootId() || typeof record.startedAt !== 'number') return undefined;
    return Number.isInteger(record.process.pid) && record.process.pid > 0 && isAlive(record.process)
      ? record
      : undefined;
  } catch {
    return undefined; // Never started here, or by an older release.
  }
}

function fileIn(dataFolder: string): string {
  return join(dataFolder, 'process/gateway.json');
}
