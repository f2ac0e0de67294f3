import type { AuditEntry } from '../lib/index.ts';

export type AuditRecord = AuditEntry & { seq: number; at: number; hash: string };

/**
 * Which lines: of one kind of act; about a name in any place (`person`: who acted, what was acted on, or who is named in an act on a
 * team; in any letter case); of an exact actor or subject; from a time on and before another, in milliseconds.
 */
export type AuditFilter = {
  action?: string;
  person?: string;
  actor?: string;
  subject?: string;
  from?: number;
  to?: number;
};

export type AuditQuery = AuditFilter & { beforeSeq?: number; limit?: number };

/** How many lines of a kind there are; `isMore`: at least so many, counting ends somewhere. */
export type AuditCount = { action: string; count: number; isMore: boolean };
