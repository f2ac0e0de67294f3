/**
 * audit: the append-only, hash-chained record of who did what.
 * Owns: the ledger and its verification.
 * Does not own: the access log (ops).
 * Mounts: nothing.
 */
export type { Audit, AuditQuery, AuditRecord, AuditVerification } from './service.ts';
