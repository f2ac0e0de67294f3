import type { Kysely } from 'kysely';
import type { NewRow, Row, Tables } from '../store/index.ts';

type Database = Kysely<Tables>;

export async function insertVisit(db: Database, row: NewRow<'guest_visits'>): Promise<void> {
  await db.insertInto('guest_visits').values(row).execute();
}

/**
 * A code becomes a session, for exactly one of those who show it in time, and takes the place of an earlier one of the same browser: those,
 * or undefined where it became none.
 */
export async function redeemVisitRow(
  db: Database,
  { code, secret, host, now }: { code: string; secret: string; host: string; now: number },
): Promise<string[] | undefined> {
  const redeemed = await db
    .updateTable('guest_visits')
    .set({ secret_hash: secret, code_until: null, started_at: now })
    .where('secret_hash', '=', code)
    .where('host', '=', host)
    .where('code_until', '>', now)
    .returning(['share_id', 'browser'])
    .executeTakeFirst();
  if (redeemed === undefined) return undefined;
  const replaced = await db
    .deleteFrom('guest_visits')
    .where('share_id', '=', redeemed.share_id)
    .where('browser', '=', redeemed.browser)
    .where('host', '=', host)
    .where('code_until', 'is', null)
    .where('secret_hash', '!=', secret)
    .returning('secret_hash')
    .execute();
  return replaced.map((row) => row.secret_hash);
}

/** A session; a code that nobody took yet is none. */
export async function findVisitRow(db: Database, hash: string): Promise<Row<'guest_visits'> | undefined> {
  const row = db.selectFrom('guest_visits').selectAll().where('secret_hash', '=', hash).where('code_until', 'is', null);
  return row.executeTakeFirst();
}

/** Makes room for a new visit: codes whose time is over go, and the oldest beyond a bound, whose hashes it returns. */
export async function deleteOldVisits(
  db: Database,
  { shareId, codesBefore, most }: { shareId: string; codesBefore: number; most: number },
): Promise<string[]> {
  await db.deleteFrom('guest_visits').where('share_id', '=', shareId).where('code_until', '<', codesBefore).execute();
  const beyond = await db
    .selectFrom('guest_visits')
    .select('secret_hash')
    .where('share_id', '=', shareId)
    .orderBy('started_at', 'desc')
    .offset(most)
    .limit(100)
    .execute();
  const hashes = beyond.map((row) => row.secret_hash);
  if (hashes.length > 0) await db.deleteFrom('guest_visits').where('secret_hash', 'in', hashes).execute();
  return hashes;
}
