import type { Kysely } from 'kysely';
import { hashSecret } from '../lib/index.ts';
import type { Row, Tables } from '../store/index.ts';
import { findEnded, noteEnded } from './records.ts';

type Database = Kysely<Tables>;

/**
 * Keeps why a central session ended for as long as a browser may still show its cookie, under the hash of that cookie: who had
 * the session is told on the page that a forced sign-out leads to, and nobody else can ask.
 */
export async function noteWhyEnded(db: Database, central: Row<'sessions'>, reason: string): Promise<void> {
  await noteEnded(db, { secret_hash: central.secret_hash, reason, forget_at: central.expires_at });
}

/** The reason as it stands in the audit record; undefined for a secret that never was a session or is forgotten. */
export async function whyEnded(db: Database, secret: string | undefined, now: number): Promise<string | undefined> {
  if (secret === undefined) return undefined;
  const row = await findEnded(db, hashSecret(secret));
  return row && row.forget_at > now ? row.reason : undefined;
}
