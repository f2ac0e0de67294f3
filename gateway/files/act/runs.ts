import { readlinkSync, utimesSync } from 'node:fs';
import { KnotError, newShortId } from '../../lib/index.ts';
import { identify, isAlive, type ProcessIdentity, readBootId } from '../../process/index.ts';
import { codeOf } from '../walk/errors.ts';
import type { HeldFolder } from '../walk/held-folder.ts';
import { nameOf, textOf } from '../walk/names.ts';
import { namesIn } from '../walk/tree.ts';
import { readRecord, writeRecord } from './records.ts';

/**
 * Which gateways work on this disk. What one was writing carries its name, so that another one knows what is left over by a dead one
 * and what a living neighbour is in the middle of. A number of a process proves nothing by itself: it is compared only on the same boot
 * of the same machine in the same process namespace; elsewhere the time of the record tells, which each gateway keeps fresh.
 */
export type Runs = {
  /** A name for something that this gateway is writing. */
  newName(): string;
  /** Whether the gateway that made a name is gone. */
  isLeftOver(name: string): boolean;
  /** Whether a gateway is gone, by the first part of its names. */
  isGone(run: string): boolean;
  own: string;
  close(): void;
};

type RunRecord = { bootId: string; namespace: string; process: ProcessIdentity };

const freshMs = 5_000;
const staleMs = 60_000;

export function openRuns(back: HeldFolder): Runs {
  const own = newShortId();
  const folder = back.folderMade(nameOf('runs'));
  const self = identify(process.pid);
  const file = nameOf(own);
  const here = { bootId: readBootId(), namespace: namespaceOfProcesses() };
  if (self) writeRecord(folder, file, { ...here, process: self } satisfies RunRecord);
  const timer = setInterval(() => {
    try {
      const now = Date.now() / 1000;
      utimesSync(folder.at(file), now, now);
    } catch {
      // The disk is away; its other gateways cannot clean it either.
    }
  }, freshMs).unref();

  function isGone(run: string): boolean {
    if (run === own) return false;
    try {
      const stats = folder.look(nameOf(run));
      if (stats === undefined) return true;
      const isFresh = Date.now() - Number(stats.mtimeMs) < staleMs;
      const record = readRecord<RunRecord>(folder, nameOf(run));
      const isSamePlace = record?.bootId === here.bootId && record.namespace === here.namespace;
      return isSamePlace ? !isAlive(record.process) : !isFresh;
    } catch (error) {
      // Not a name of ours.
      if (error instanceof KnotError) return false;
      throw error;
    }
  }

  return {
    own,
    newName: () => `${own}.${newShortId()}`,
    isGone,
    isLeftOver: (name) => isGone(name.split('.', 1)[0]!),
    close() {
      clearInterval(timer);
      try {
        folder.remove(file);
      } catch {
        // Found to be dead by the next one.
      }
      folder.close();
    },
  };
}

/** Removes the records of gateways that are gone. */
export async function forgetGoneRuns(back: HeldFolder, runs: Runs): Promise<void> {
  const folder = back.folderMade(nameOf('runs'));
  try {
    for (const name of await namesIn(folder)) if (runs.isGone(textOf(name))) folder.remove(name);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  } finally {
    folder.close();
  }
}

function namespaceOfProcesses(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}
