import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Log } from '../../lib/index.ts';

/**
 * Which teams' folders each notebook server was started with: a server keeps what it has mounted until it is stopped, also when the
 * person left the team. On disk, because servers outlive the gateway (decision 0029).
 */
export type Mounts = {
  /** A server of theirs starts now, with the folders of these teams. */
  note(username: string, teams: readonly string[]): void;
  /** Of the last start; nothing where none is known. */
  of(username: string): readonly string[];
};

export function openMounts(folder: string, log: Log): Mounts {
  const file = join(folder, 'mounts.json');
  const known = read(file);
  return {
    note(username, teams) {
      const before = known.get(username) ?? [];
      if (before.join() === teams.join()) return;
      if (teams.length === 0) known.delete(username);
      else known.set(username, [...teams]);
      try {
        writeFileSync(`${file}.new`, JSON.stringify(Object.fromEntries(known)), { mode: 0o600 });
        renameSync(`${file}.new`, file);
      } catch (error) {
        // The server starts all the same; only its tile says less after a restart of the gateway.
        log.warn({ err: error }, 'what a notebook server was started with could not be kept');
      }
    },
    of: (username) => known.get(username) ?? [],
  };
}

/** What is missing or no such list is as if nothing were known: nobody is told less of their rights by it. */
function read(file: string): Map<string, readonly string[]> {
  let kept: unknown;
  try {
    kept = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return new Map();
  }
  const entries = Object.entries(typeof kept === 'object' && kept !== null ? kept : {});
  return new Map(entries.filter((entry): entry is [string, string[]] => isNames(entry[1])));
}

const isNames = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((name) => typeof name === 'string');
