import type { Kysely } from 'kysely';
import { hashSecret } from '../lib/index.ts';
import type { Row, Tables } from '../store/index.ts';
import { findCentral, findEnded, noteEnded } from './records.ts';

type Database = Kysely<Tables>;

/**
 * Keeps why a central session ended for as long as a browser may still show its cookie, under the hash of that cookie: who had
 * the session is told on the page that a forced sign-out leads to, and nobody else can ask.
 */
export async function noteWhyEnded(db: Database, central: Row<'sessions'>, reason: string): Promise<void> {
  await noteEnded(db, { secret_hash: central.secret_hash, reason, forget_at: central.expires_at, central_id: null });
}

/** Keeps which session goes on under another secret than the one it had until now. */
export async function noteRenewed(db: Database, central: Row<'sessions'>): Promise<void> {
  const { id, secret_hash, expires_at } = central;
  await noteEnded(db, { secret_hash, reason: 'signed_in_again', forget_at: expires_at, central_id: id });
}

/**
 * The central session that a secret belonged to which was renewed since. The secret opens nothing any more; but a browser that shows
 * it, because of two answers the wrong one came last, must be able to sign out of what it is still signed in to.
 */
export async function findRenewed(
  db: Database,
  secret: string | undefined,
  now: number,
): Promise<Row<'sessions'> | undefined> {
  if (secret === undefined) return undefined;
  const row = await findEnded(db, hashSecret(secret));
  return row?.central_id && row.forget_at > now ? await findCentral(db, row.central_id) : undefined;
}

/** The reason as it stands in the audit record; undefined for a secret that never was a session or is forgotten. */
export async function whyEnded(db: Database, secret: string | undefined, now: number): Promise<string | undefined> {
  if (secret === undefined) return undefined;
  const row = await findEnded(db, hashSecret(secret));
  return row && row.forget_at > now ? row.reason : undefined;
}
