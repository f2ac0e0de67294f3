import type { Kysely } from 'kysely';
import type { NewRow, Row, Tables } from '../store/index.ts';

type Database = Kysely<Tables>;

export type ShareRow = Row<'shares'> & { user_name: string | null; team_name: string | null };

const withNames = (db: Database) =>
  db
    .selectFrom('shares')
    .leftJoin('users', 'users.id', 'shares.with_user_id')
    .leftJoin('teams', 'teams.id', 'shares.with_team_id')
    .selectAll('shares')
    .select(['users.username as user_name', 'teams.name as team_name']);

export async function listShareRows(db: Database): Promise<ShareRow[]> {
  return withNames(db).where('shares.ended_at', 'is', null).execute();
}

export async function findShareRows(db: Database, ids: readonly string[]): Promise<ShareRow[]> {
  const rows: ShareRow[] = [];
  for (let from = 0; from < ids.length; from += 1000) {
    rows.push(
      ...(await withNames(db)
        .where('shares.id', 'in', ids.slice(from, from + 1000))
        .where('shares.ended_at', 'is', null)
        .execute()),
    );
  }
  return rows;
}

/** Also one that ended: who has its link is told so. */
export async function findGuestRow(db: Database, secretHash: string): Promise<ShareRow | undefined> {
  return withNames(db).where('shares.secret_hash', '=', secretHash).executeTakeFirst();
}

export async function insertShare(db: Database, row: NewRow<'shares'>): Promise<void> {
  await db.insertInto('shares').values(row).execute();
}

export type End = { at: number; why: string; by: string | null };

const endOf = ({ at, why, by }: End) => ({ ended_at: at, ended_why: why, ended_by: by });

/** True for exactly one of those who end it. */
export async function endShareRow(db: Database, id: string, end: End): Promise<boolean> {
  const row = db.updateTable('shares').set(endOf(end)).where('id', '=', id).where('ended_at', 'is', null);
  return (await row.executeTakeFirst()).numUpdatedRows === 1n;
}

/** Of all that one person owns. */
export async function endSharesOf(db: Database, userId: string, end: End): Promise<Row<'shares'>[]> {
  const rows = db.updateTable('shares').set(endOf(end)).where('owner_user_id', '=', userId);
  return rows.where('ended_at', 'is', null).returningAll().execute();
}

/** Those whose time is over and whose end nobody has noted yet. */
export async function listOverdueRows(db: Database, now: number): Promise<ShareRow[]> {
  return withNames(db).where('shares.ended_at', 'is', null).where('shares.expires_at', '<=', now).execute();
}

/** The row of a share that ended; undefined while it lives. */
export async function findEndedRow(db: Database, id: string): Promise<ShareRow | undefined> {
  return withNames(db).where('shares.id', '=', id).where('shares.ended_at', 'is not', null).executeTakeFirst();
}

export async function findEndedRows(db: Database, ids: readonly string[]): Promise<ShareRow[]> {
  if (ids.length === 0) return [];
  return withNames(db).where('shares.id', 'in', ids).where('shares.ended_at', 'is not', null).execute();
}

export async function reviveRow(db: Database, id: string, more: { mark?: null } = {}): Promise<boolean> {
  const alive = { ended_at: null, ended_why: null, ended_by: null, ...more };
  const row = db.updateTable('shares').set(alive).where('id', '=', id);
  return (await row.where('ended_at', 'is not', null).executeTakeFirst()).numUpdatedRows === 1n;
}

export async function setMark(db: Database, id: string, mark: string | null): Promise<void> {
  await db.updateTable('shares').set({ mark }).where('id', '=', id).execute();
}

export async function setExpiry(db: Database, id: string, expiresAt: number | null): Promise<boolean> {
  const row = db.updateTable('shares').set({ expires_at: expiresAt }).where('id', '=', id);
  return (await row.where('ended_at', 'is', null).executeTakeFirst()).numUpdatedRows === 1n;
}

/** True for the first that comes. */
export async function markOpened(db: Database, id: string, at: number): Promise<ShareRow | undefined> {
  const row = db.updateTable('shares').set({ opened_at: at }).where('id', '=', id).where('opened_at', 'is', null);
  if ((await row.executeTakeFirst()).numUpdatedRows !== 1n) return undefined;
  return withNames(db).where('shares.id', '=', id).executeTakeFirst();
}

export async function deleteEnded(db: Database, before: number): Promise<void> {
  await db.deleteFrom('shares').where('ended_at', '<', before).execute();
}

export async function countShares(db: Database, kind: 'files' | 'service', thing: string): Promise<number> {
  const rows = db
    .selectFrom('shares')
    .where('kind', '=', kind)
    .where('thing', '=', thing)
    .where('ended_at', 'is', null);
  return (await rows.select(({ fn }) => fn.countAll<number>().as('count')).executeTakeFirstOrThrow()).count;
}

/** True for exactly one browser, on whatever replica. */
export async function bindBrowser(db: Database, id: string, browserHash: string): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('shares')
    .set({ browser_hash: browserHash })
    .where('id', '=', id)
    .where('browser_hash', 'is', null)
    .executeTakeFirst();
  return numUpdatedRows === 1n;
}

export async function writeUse(db: Database, use: NewRow<'share_uses'>, most: number): Promise<void> {
  const { share_id, who, last_at, last_from, name } = use;
  const known = await db
    .updateTable('share_uses')
    .set(({ eb }) => ({ last_at, last_from, name, times: eb('times', '+', 1) }))
    .where('share_id', '=', share_id)
    .where('who', '=', who)
    .executeTakeFirst();
  if (known.numUpdatedRows > 0n) return;
  const { count } = await db
    .selectFrom('share_uses')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('share_id', '=', share_id)
    .executeTakeFirstOrThrow();
  if (count >= most) return;
  // A share that ended meanwhile is noted no more.
  const share = await db.selectFrom('shares').select('id').where('id', '=', share_id).executeTakeFirst();
  if (share)
    await db
      .insertInto('share_uses')
      .values(use)
      .onConflict((c) => c.doNothing())
      .execute();
}

/** Latest first. */
export async function listUses(db: Database, shareIds: readonly string[]): Promise<Row<'share_uses'>[]> {
  const rows: Row<'share_uses'>[] = [];
  for (let from = 0; from < shareIds.length; from += 1000) {
    const some = db
      .selectFrom('share_uses')
      .selectAll()
      .where('share_id', 'in', shareIds.slice(from, from + 1000));
    rows.push(...(await some.orderBy('last_at', 'desc').execute()));
  }
  return rows;
}
