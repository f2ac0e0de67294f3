import type { Kysely } from 'kysely';
import type { NewRow, Row, Tables } from '../store/index.ts';

type Database = Kysely<Tables>;

export async function findTokenRow(db: Database, secretHash: string): Promise<Row<'tokens'> | undefined> {
  return db.selectFrom('tokens').selectAll().where('secret_hash', '=', secretHash).executeTakeFirst();
}

export async function insertToken(db: Database, row: NewRow<'tokens'>): Promise<void> {
  await db.insertInto('tokens').values(row).execute();
}

/** Newest first. */
export async function listTokenRows(db: Database, userId: string): Promise<Row<'tokens'>[]> {
  const rows = db.selectFrom('tokens').selectAll().where('user_id', '=', userId);
  return rows.orderBy('created_at', 'desc').orderBy('id').execute();
}

export async function deleteTokenRow(db: Database, userId: string, id: string): Promise<Row<'tokens'> | undefined> {
  const rows = db.deleteFrom('tokens').where('user_id', '=', userId).where('id', '=', id);
  return rows.returningAll().executeTakeFirst();
}

export async function deleteTokenRows(db: Database, userId: string): Promise<Row<'tokens'>[]> {
  return db.deleteFrom('tokens').where('user_id', '=', userId).returningAll().execute();
}

export async function deleteExpired(db: Database, before: number): Promise<void> {
  await db.deleteFrom('tokens').where('expires_at', '<', before).execute();
}

export async function writeLastUse(db: Database, id: string, at: number, address: string): Promise<void> {
  await db
    .updateTable('tokens')
    .set({ last_used_at: at, last_used_from: address })
    .where('id', '=', id)
    .where(({ or, eb }) => or([eb('last_used_at', 'is', null), eb('last_used_at', '<', at)]))
    .execute();
}
