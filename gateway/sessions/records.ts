import type { Kysely } from 'kysely';
import type { Session } from '../lib/index.ts';
import type { NewRow, Row, Tables } from '../store/index.ts';

type Database = Kysely<Tables>;

export function sessionOf(row: Row<'sessions'>): Session {
  return {
    id: row.id,
    userId: row.user_id,
    host: row.host,
    centralId: row.central_id,
    startedAt: row.started_at,
    authenticatedAt: row.authenticated_at,
    expiresAt: row.expires_at,
  };
}

export async function insertSession(db: Database, row: NewRow<'sessions'>): Promise<void> {
  await db.insertInto('sessions').values(row).execute();
}

/** A session with the last use of its whole sign-in; undefined for a host session whose central session is gone. */
export async function findSession(
  db: Database,
  secretHash: string,
): Promise<(Row<'sessions'> & { family_last_seen_at: number }) | undefined> {
  return db
    .selectFrom('sessions')
    .innerJoin('sessions as central', 'central.id', 'sessions.central_id')
    .selectAll('sessions')
    .select('central.last_seen_at as family_last_seen_at')
    .where('sessions.secret_hash', '=', secretHash)
    .executeTakeFirst();
}

export async function findCentral(db: Database, id: string): Promise<Row<'sessions'> | undefined> {
  return db.selectFrom('sessions').selectAll().where('id', '=', id).where('host', '=', '').executeTakeFirst();
}

/** Gives a central session another secret, and what a fresh sign-in says of it. */
export async function renewCentral(
  db: Database,
  id: string,
  renewed: Pick<
    Row<'sessions'>,
    'secret_hash' | 'device' | 'address' | 'authenticated_at' | 'last_seen_at' | 'expires_at'
  >,
): Promise<void> {
  await db.updateTable('sessions').set(renewed).where('id', '=', id).where('host', '=', '').execute();
}

export async function listCentral(db: Database, userId?: string): Promise<Row<'sessions'>[]> {
  const query = db.selectFrom('sessions').selectAll().where('host', '=', '').orderBy('last_seen_at', 'desc');
  return userId === undefined ? query.execute() : query.where('user_id', '=', userId).execute();
}

export async function countCentral(db: Database): Promise<number> {
  const { count } = await db
    .selectFrom('sessions')
    .select((select) => select.fn.countAll<number | string>().as('count'))
    .where('host', '=', '')
    .executeTakeFirstOrThrow();
  return Number(count);
}

export async function listHosts(db: Database, userId?: string): Promise<{ central_id: string; host: string }[]> {
  const query = db
    .selectFrom('sessions')
    .select(['central_id', 'host'])
    .distinct()
    .where('host', '!=', '')
    .orderBy('host');
  return userId === undefined ? query.execute() : query.where('user_id', '=', userId).execute();
}

/** Those of these central sessions that there are; not more than 1,000 at once. */
export async function findCentrals(db: Database, ids: readonly string[]): Promise<Row<'sessions'>[]> {
  if (ids.length === 0) return [];
  return db.selectFrom('sessions').selectAll().where('id', 'in', ids).where('host', '=', '').execute();
}

/** Central sessions whose time is over. Asked twice, because no index answers "expired or idle". */
export async function listOver(db: Database, now: number, idleMs: number): Promise<Row<'sessions'>[]> {
  const central = db.selectFrom('sessions').selectAll().where('host', '=', '').limit(1000);
  const expired = await central.where('expires_at', '<=', now).execute();
  const idle = await central
    .where('last_seen_at', '<=', now - idleMs)
    .where('expires_at', '>', now)
    .execute();
  return [...expired, ...idle];
}

/** Removes a central session with everything bound to it. Its codes stay: they lead to no session, but know the way. */
export async function deleteFamily(db: Database, centralId: string): Promise<void> {
  await db.deleteFrom('sessions').where('central_id', '=', centralId).execute();
}

export async function deleteHostSession(db: Database, id: string): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom('sessions')
    .where('id', '=', id)
    .where('host', '!=', '')
    .executeTakeFirst();
  return numDeletedRows > 0n;
}

/** Host sessions whose time is over: also those that were written while their central session was being ended. */
export async function deleteExpiredHostSessions(db: Database, now: number): Promise<void> {
  await db.deleteFrom('sessions').where('host', '!=', '').where('expires_at', '<=', now).execute();
}

/** Host sessions of one sign-in on one host, newest first: an exchange that is repeated for ever must not fill the table. */
export async function listHostSessions(db: Database, centralId: string, host: string): Promise<{ id: string }[]> {
  return db
    .selectFrom('sessions')
    .select('id')
    .where('central_id', '=', centralId)
    .where('host', '=', host)
    .orderBy('started_at', 'desc')
    .execute();
}

/** Moves the last use of many sign-ins forward, in one statement per 200. */
export async function writeLastSeen(db: Database, centralIds: readonly string[], lastSeenAt: number): Promise<void> {
  for (let from = 0; from < centralIds.length; from += 200) {
    await db
      .updateTable('sessions')
      .set({ last_seen_at: lastSeenAt })
      .where('central_id', 'in', centralIds.slice(from, from + 200))
      .where('last_seen_at', '<', lastSeenAt)
      .execute();
  }
}

export async function insertCode(db: Database, row: NewRow<'handoff_codes'>): Promise<void> {
  await db.insertInto('handoff_codes').values(row).execute();
}

export async function findCode(db: Database, codeHash: string): Promise<Row<'handoff_codes'> | undefined> {
  return db.selectFrom('handoff_codes').selectAll().where('code_hash', '=', codeHash).executeTakeFirst();
}

/** Compare-and-set: true for exactly one of any number of concurrent callers, on every replica. */
export async function useCode(db: Database, codeHash: string, now: number): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('handoff_codes')
    .set({ used_at: now })
    .where('code_hash', '=', codeHash)
    .where('used_at', 'is', null)
    .executeTakeFirst();
  return numUpdatedRows === 1n;
}

export async function noteMadeSession(db: Database, codeHash: string, sessionId: string): Promise<void> {
  await db.updateTable('handoff_codes').set({ made_session_id: sessionId }).where('code_hash', '=', codeHash).execute();
}

export async function deleteOldCodes(db: Database, before: number): Promise<void> {
  await db.deleteFrom('handoff_codes').where('expires_at', '<', before).execute();
}

export async function findKept(db: Database, id: string): Promise<Row<'kept_addresses'> | undefined> {
  return db.selectFrom('kept_addresses').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function findKeptOf(
  db: Database,
  browser: string,
  address: string,
): Promise<Row<'kept_addresses'> | undefined> {
  return db
    .selectFrom('kept_addresses')
    .selectAll()
    .where('browser', '=', browser)
    .where('address', '=', address)
    .executeTakeFirst();
}

export async function insertKept(db: Database, row: NewRow<'kept_addresses'>): Promise<void> {
  await db.insertInto('kept_addresses').values(row).execute();
}

export async function touchKept(db: Database, id: string, now: number): Promise<void> {
  await db.updateTable('kept_addresses').set({ kept_at: now }).where('id', '=', id).execute();
}

/** Ids of those of one owner, or of all, that are older than the newest `most`; at most 100 of them at a time. */
export async function listKeptBeyond(
  db: Database,
  owner: { browser?: string; client?: string },
  most: number,
): Promise<string[]> {
  let query = db.selectFrom('kept_addresses').select('id').orderBy('kept_at', 'desc').limit(100).offset(most);
  if (owner.browser !== undefined) query = query.where('browser', '=', owner.browser);
  if (owner.client !== undefined) query = query.where('client', '=', owner.client);
  return (await query.execute()).map(({ id }) => id);
}

export async function deleteKept(db: Database, ids: readonly string[]): Promise<void> {
  if (ids.length > 0) await db.deleteFrom('kept_addresses').where('id', 'in', ids).execute();
}

export async function deleteKeptBefore(db: Database, before: number): Promise<void> {
  await db.deleteFrom('kept_addresses').where('kept_at', '<=', before).execute();
}

export async function noteEnded(db: Database, row: NewRow<'ended_sessions'>): Promise<void> {
  await db
    .insertInto('ended_sessions')
    .values(row)
    .onConflict((conflict) => conflict.column('secret_hash').doNothing())
    .execute();
}

export async function findEnded(db: Database, secretHash: string): Promise<Row<'ended_sessions'> | undefined> {
  return db.selectFrom('ended_sessions').selectAll().where('secret_hash', '=', secretHash).executeTakeFirst();
}

export async function deleteEndedBefore(db: Database, now: number): Promise<void> {
  await db.deleteFrom('ended_sessions').where('forget_at', '<=', now).execute();
}
