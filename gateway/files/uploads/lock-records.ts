import type { Store } from '../../store/index.ts';

export type LockHolder = { holder: string; run: string };

/** Takes a lock nobody holds. */
export async function insertLock(db: Store['db'], id: string, by: LockHolder, expiresAt: number): Promise<boolean> {
  const result = await db
    .insertInto('upload_locks')
    .values({ id, ...by, is_wanted: 0, expires_at: expiresAt })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .executeTakeFirst();
  return (result.numInsertedOrUpdatedRows ?? 0n) > 0n;
}

export function findLock(db: Store['db'], id: string) {
  return db.selectFrom('upload_locks').selectAll().where('id', '=', id).executeTakeFirst();
}

/** Takes a lock from a holder that lost it; only one of several who try succeeds. */
export async function takeLock(
  db: Store['db'],
  lost: { id: string; holder: string; expires_at: number },
  by: LockHolder,
  expiresAt: number,
): Promise<boolean> {
  const result = await db
    .updateTable('upload_locks')
    .set({ ...by, is_wanted: 0, expires_at: expiresAt })
    .where('id', '=', lost.id)
    .where('holder', '=', lost.holder)
    .where('expires_at', '=', lost.expires_at)
    .executeTakeFirst();
  return result.numUpdatedRows > 0n;
}

export async function wantLock(db: Store['db'], id: string, holder: string): Promise<void> {
  await db
    .updateTable('upload_locks')
    .set({ is_wanted: 1 })
    .where('id', '=', id)
    .where('holder', '=', holder)
    .execute();
}

/** Whether the lock is still held, and whether somebody waits for it. */
export async function renewLock(
  db: Store['db'],
  id: string,
  holder: string,
  expiresAt: number,
): Promise<{ isWanted: boolean } | undefined> {
  const row = await db
    .updateTable('upload_locks')
    .set({ expires_at: expiresAt })
    .where('id', '=', id)
    .where('holder', '=', holder)
    .returning('is_wanted')
    .executeTakeFirst();
  return row && { isWanted: row.is_wanted === 1 };
}

export async function deleteLock(db: Store['db'], id: string, holder: string): Promise<void> {
  await db.deleteFrom('upload_locks').where('id', '=', id).where('holder', '=', holder).execute();
}
