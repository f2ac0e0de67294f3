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

export async function findPlaces(db: Database, userId: string, places: readonly string[]): Promise<string[]> {
  const rows = await db
    .selectFrom('known_places')
    .select('place')
    .where('user_id', '=', userId)
    .where('place', 'in', places)
    .execute();
  return rows.map(({ place }) => place);
}

export async function isPlaceKnown(db: Database, place: string): Promise<boolean> {
  return (
    (await db.selectFrom('known_places').select('user_id').where('place', '=', place).executeTakeFirst()) !== undefined
  );
}

export async function writePlace(db: Database, row: Row<'known_places'>): Promise<void> {
  const { last_used_at } = row;
  await db
    .insertInto('known_places')
    .values(row)
    .onConflict((conflict) => conflict.columns(['user_id', 'place']).doUpdateSet({ last_used_at }))
    .execute();
}

/** Forgets what was used too long ago, and all but the latest. */
export async function deletePlacesBeyond(
  db: Database,
  userId: string,
  { most, usedBefore }: { most: number; usedBefore: number },
): Promise<void> {
  const latest = db
    .selectFrom('known_places')
    .select('place')
    .where('user_id', '=', userId)
    .orderBy('last_used_at', 'desc')
    .limit(most);
  await db
    .deleteFrom('known_places')
    .where('user_id', '=', userId)
    .where(({ or, eb }) => or([eb('last_used_at', '<', usedBefore), eb('place', 'not in', latest)]))
    .execute();
}
