import { createHash } from 'node:crypto';
import type { AuditEntry } from '../lib/index.ts';
import type { Row } from '../store/index.ts';

export type ChainedRow = Omit<Row<'audit'>, 'hash'>;

/** What the first line names as the hash of the line before it. */
export const genesisHash = '';

/**
 * SHA-256, base64url, over the JSON array of every field in a fixed order, the previous hash included. An array of
 * strings, integers and null has exactly one JSON form, so the hash is the same for every implementation.
 */
export function hashOf(row: ChainedRow): string {
  const canonical = JSON.stringify([
    row.seq,
    row.at,
    row.action,
    row.actor,
    row.subject,
    row.outcome,
    row.address,
    row.detail,
    row.previous_hash,
  ]);
  return createHash('sha256').update(canonical).digest('base64url');
}

export function toRow(entry: AuditEntry, seq: number, at: number, previousHash: string): ChainedRow {
  return {
    seq,
    at,
    action: clean(entry.action),
    actor: clean(entry.actor),
    subject: clean(entry.subject),
    outcome: entry.outcome,
    address: entry.address === undefined ? null : clean(entry.address),
    detail: canonicalDetail(entry.detail ?? {}),
    previous_hash: previousHash,
  };
}

const maximumLength = 256;

/**
 * Actors and subjects may be what a stranger typed. Control characters would make a printed ledger lie, and PostgreSQL
 * refuses NUL, so that a refused sign-in could not be recorded at all; the length is bounded for the same reason.
 */
function clean(text: string): string {
  return text
    .toWellFormed()
    .slice(0, maximumLength)
    .toWellFormed()
    .replaceAll(/\p{Cc}/gu, '\u{fffd}');
}

function canonicalDetail(detail: NonNullable<AuditEntry['detail']>): string {
  const entries = Object.entries(detail)
    .map(([key, value]) => [clean(key), typeof value === 'string' ? clean(value) : value] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(Object.fromEntries(entries));
}
