/**
 * audit: the append-only, hash-chained record of who did what.
 * Owns: the ledger, its head record and its verification.
 * Does not own: the access log (ops); what is worth recording (whoever acts).
 * Mounts: nothing.
 */
export type { AuditCount, AuditFilter, AuditQuery, AuditRecord } from './model.ts';
export { type Audit, createAudit } from './service.ts';
export { throughToken } from './through-token.ts';
export type { AuditVerification } from './verify.ts';
