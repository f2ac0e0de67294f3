/**
 * audit: the append-only, hash-chained record of who did what.
 * Owns: the ledger, its head record and its verification.
 * Does not own: the access log (ops); what is worth recording (whoever acts).
 * Mounts: nothing.
 */
export { type Audit, type AuditQuery, type AuditRecord, createAudit } from './service.ts';
export type { AuditVerification } from './verify.ts';
