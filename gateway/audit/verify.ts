import { setImmediate } from 'node:timers/promises';
import type { Kysely } from 'kysely';
import type { Row, Tables } from '../store/index.ts';
import { genesisHash, hashOf } from './chain.ts';
import { readEnds, readPage } from './records.ts';

/** `count` is the number of lines that were found good: all of them, or those before the broken one. */
export type AuditVerification =
  { isIntact: true; count: number } | { isIntact: false; count: number; brokenSeq: number; message: string };

const pageSize = 500;

/**
 * Walks the ledger in pages, up to the newest line at the time of the call, and stops at the first line that is not what
 * it was. Gives the event loop a turn between pages: the walk may be long, and SQLite answers synchronously.
 */
export async function verifyLedger(db: Kysely<Tables>): Promise<AuditVerification> {
  const { head, newest } = await readEnds(db);
  let expected = { seq: 1, previousHash: genesisHash };
  // From below the first line, so that one put in front of it is met.
  let after = Number.MIN_SAFE_INTEGER;
  while (expected.seq <= newest) {
    const page = await readPage(db, after, pageSize);
    for (const row of page) {
      if (row.seq > newest) break;
      const problem = problemOf(row, expected);
      if (problem !== undefined) return broken(expected.seq, problem);
      expected = { seq: row.seq + 1, previousHash: row.hash };
      after = row.seq;
    }
    if (page.length === 0) return broken(expected.seq, `Line ${expected.seq} is missing.`);
    await setImmediate();
  }
  return checkEnd(head, newest, expected.previousHash);
}

function problemOf(row: Row<'audit'>, expected: { seq: number; previousHash: string }): string | undefined {
  if (row.seq < expected.seq) return `Line ${row.seq} is there, but the first line is line 1.`;
  if (row.seq > expected.seq) return `Line ${expected.seq} is missing; the next one there is line ${row.seq}.`;
  if (row.hash !== hashOf(row)) return `Line ${row.seq} was changed after it was written.`;
  if (row.previous_hash !== expected.previousHash) {
    return `Line ${row.seq} does not follow line ${row.seq - 1}: one of the two was replaced.`;
  }
  return undefined;
}

function checkEnd(
  head: { seq: number; hash: string } | undefined,
  newest: number,
  newestHash: string,
): AuditVerification {
  if (!head) {
    if (newest === 0) return { isIntact: true, count: 0 };
    return broken(
      newest + 1,
      `The head record is missing or unreadable, so lines after line ${newest} may have been removed.`,
    );
  }
  if (head.seq > newest) {
    const range = head.seq === newest + 1 ? `Line ${head.seq} is` : `Lines ${newest + 1} to ${head.seq} are`;
    return broken(newest + 1, `${range} missing at the end.`);
  }
  if (head.seq < newest) {
    return broken(head.seq + 1, `The head record ends at line ${head.seq}, but there are lines up to ${newest}.`);
  }
  if (head.hash !== newestHash) {
    return broken(newest, `Line ${newest} is not the one the head record names.`);
  }
  return { isIntact: true, count: newest };
}

function broken(seq: number, message: string): AuditVerification {
  return { isIntact: false, count: seq - 1, brokenSeq: seq, message };
}
