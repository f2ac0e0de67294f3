import type { AuditEntry, Clock } from '../lib/index.ts';
import type { Store, Transaction } from '../store/index.ts';
import { type ChainedRow, genesisHash, hashOf, toRow } from './chain.ts';
import type { AuditCount, AuditFilter, AuditQuery, AuditRecord } from './model.ts';
import { appendRow, lockLedger, readAppendPoint } from './records.ts';
import { countKinds, findLines, markOf } from './search.ts';
import { withToken } from './through-token.ts';
import { type AuditVerification, verifyLedger } from './verify.ts';

export type Audit = {
  /**
   * Appends in its own transaction.
   * @throws KNOT_STORE_* when the line is not on disk: the act it tells of must then not be acknowledged.
   */
  append(entry: AuditEntry): Promise<void>;
  /**
   * Appends inside the caller's transaction, so that act and record are one. Holds the ledger until the transaction ends:
   * call it last, so that other writers wait as briefly as possible and locks are always taken in the same order.
   */
  record(transaction: Transaction, entry: AuditEntry): Promise<void>;
  /** Newest first; `limit` 50 by default, 500 at most. */
  list(query: AuditQuery): Promise<AuditRecord[]>;
  /** How many lines of each kind of act fit the rest of the filter, whatever kind it asks for; kinds without any are left out. */
  counts(filter: AuditFilter): Promise<AuditCount[]>;
  /**
   * Recomputes the chain from the first line and names the first broken one. It sees a line changed, missing, moved or
   * added, and lines missing at either end. It cannot see a rewrite of the whole ledger by someone who can write to the
   * database and recomputes every hash: keep a copy of the newest hash elsewhere to exclude that.
   */
  verify(): Promise<AuditVerification>;
};

const defaultLimit = 50;
const maximumLimit = 500;

export function createAudit({ store, clock }: { store: Store; clock: Clock }): Audit {
  async function record(transaction: Transaction, entry: AuditEntry): Promise<void> {
    await lockLedger(transaction, store.kind);
    const head = await readAppendPoint(transaction.db);
    const row = toRow(withToken(entry), (head?.seq ?? 0) + 1, clock.now(), head?.hash ?? genesisHash);
    await appendRow(transaction.db, { ...row, hash: hashOf(row) });
    transaction.announce({ topic: 'audit', key: String(row.seq) });
  }

  return {
    append: (entry) => store.transaction((transaction) => record(transaction, entry)),
    record,
    async list({ beforeSeq, limit = defaultLimit, ...filter }) {
      const before = beforeSeq === undefined ? {} : { before: await markOf(store.db, beforeSeq) };
      const most = Math.min(Math.max(1, limit), maximumLimit);
      return (await findLines(store.db, { ...filter, ...before }, most)).map(toRecord);
    },
    counts: (filter) => countKinds(store.db, filter),
    verify: () => verifyLedger(store.db),
  };
}

function toRecord(row: ChainedRow & { hash: string }): AuditRecord {
  return {
    seq: row.seq,
    at: row.at,
    action: row.action,
    actor: row.actor,
    subject: row.subject,
    outcome: row.outcome === 'refused' ? 'refused' : 'done',
    ...(row.address === null ? {} : { address: row.address }),
    ...(row.detail === '{}' ? {} : { detail: parseDetail(row.detail) }),
    hash: row.hash,
  };
}

/** A damaged line must still be listed: it is what the admin is looking for. */
function parseDetail(text: string): NonNullable<AuditEntry['detail']> {
  try {
    return JSON.parse(text) as NonNullable<AuditEntry['detail']>;
  } catch {
    return { unreadable: text };
  }
}
