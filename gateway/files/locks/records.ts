import type { NewRow, Row, Store } from '../../store/index.ts';

type Db = Store['db'];

export function locksIn(db: Db, area: string, now: number): Promise<Row<'file_locks'>[]> {
  const rows = db.selectFrom('file_locks').selectAll().where('area', '=', area).where('expires_at', '>', now);
  return rows.orderBy('token').execute();
}

export async function countLocks(db: Db, userId: string): Promise<number> {
  const rows = db.selectFrom('file_locks').select('token').where('user_id', '=', userId);
  return (await rows.execute()).length;
}

export async function insertLock(db: Db, row: NewRow<'file_locks'>): Promise<void> {
  await db.insertInto('file_locks').values(row).execute();
}

export async function extendLock(db: Db, token: string, expiresAt: number): Promise<void> {
  await db.updateTable('file_locks').set({ expires_at: expiresAt }).where('token', '=', token).execute();
}

export async function deleteLocks(db: Db, tokens: readonly string[]): Promise<void> {
  if (tokens.length > 0)
    await db
      .deleteFrom('file_locks')
      .where('token', 'in', [...tokens])
      .execute();
}

export async function deleteExpiredLocks(db: Db, now: number): Promise<void> {
  await db.deleteFrom('file_locks').where('expires_at', '<=', now).execute();
}
