import type { Kysely } from 'kysely';
import type { Row, Tables } from '../store/index.ts';

type Database = Kysely<Tables>;

export async function findAttempts(db: Database, key: string): Promise<Row<'attempts'> | undefined> {
  return db.selectFrom('attempts').selectAll().where('key', '=', key).executeTakeFirst();
}

/** The row of a key, made when it is new, and locked until the transaction ends (PostgreSQL; SQLite has one writer anyway). */
export async function lockAttempts(db: Database, key: string, now: number): Promise<Row<'attempts'>> {
  return db
    .insertInto('attempts')
    .values({ key, failures: 0, window_started_at: now, blocked_until: 0 })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ key }))
    .returningAll()
    .executeTakeFirstOrThrow();
}

export async function writeAttempts(db: Database, row: Row<'attempts'>): Promise<void> {
  const { key: _, ...values } = row;
  await db
    .insertInto('attempts')
    .values(row)
    .onConflict((conflict) => conflict.column('key').doUpdateSet(values))
    .execute();
}

export async function deleteAttempts(db: Database, key: string): Promise<void> {
  await db.deleteFrom('attempts').where('key', '=', key).execute();
}

export async function deleteOldAttempts(db: Database, startedBefore: number, blockedBefore: number): Promise<void> {
  await db
    .deleteFrom('attempts')
    .where('window_started_at', '<', startedBefore)
    .where('blocked_until', '<', blockedBefore)
    .execute();
}
