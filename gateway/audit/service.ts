import type { AuditEntry } from '../lib/index.ts';
import type { Transaction } from '../store/index.ts';

export type AuditRecord = AuditEntry & { seq: number; at: number; hash: string };

export type AuditQuery = { action?: string; actor?: string; subject?: string; beforeSeq?: number; limit?: number };

export type AuditVerification = { isIntact: true; count: number } | { isIntact: false; count: number; brokenSeq: number; message: string };

export type Audit = {
  /** Appends in its own transaction. */
  append(entry: AuditEntry): Promise<void>;
  /** Appends inside the caller's transaction, so that act and record are one. */
  record(transaction: Transaction, entry: AuditEntry): Promise<void>;
  /** Newest first. */
  list(query: AuditQuery): Promise<AuditRecord[]>;
  /** Recomputes the chain from the first line and names the first broken one. */
  verify(): Promise<AuditVerification>;
};
