import { sql } from 'kysely';
import type { NewRow, Transaction } from '../../store/index.ts';

type Db = Transaction['db'];

async function makeUsage(db: Db, area: string): Promise<void> {
  await db
    .insertInto('file_usage')
    .values({ area, bytes: 0, changes: 0, counted_at: null })
    .onConflict((conflict) => conflict.column('area').doNothing())
    .execute();
}

/** Reads what an area uses and holds it until the transaction ends, so that two reservations never both see the last room. */
export async function lockUsage(db: Db, area: string): Promise<number> {
  await makeUsage(db, area);
  const row = await db
    .updateTable('file_usage')
    .set({ changes: sql`changes + 1` })
    .where('area', '=', area)
    .returning('bytes')
    .executeTakeFirstOrThrow();
  return row.bytes;
}

export async function readChanges(db: Db, area: string): Promise<number> {
  await makeUsage(db, area);
  return (await findUsage(db, area))?.changes ?? 0;
}

export function findUsage(db: Db, area: string) {
  return db.selectFrom('file_usage').selectAll().where('area', '=', area).executeTakeFirst();
}

export async function listUsage(db: Db): Promise<Map<string, number>> {
  const rows = await db.selectFrom('file_usage').select(['area', 'bytes']).execute();
  return new Map(rows.map(({ area, bytes }) => [area, bytes]));
}

export async function reservedBytes(db: Db, area: string, now: number): Promise<number> {
  const row = await db
    .selectFrom('file_reservations')
    .select(sql<number | null>`cast(sum(bytes) as bigint)`.as('bytes'))
    .where('area', '=', area)
    .where('expires_at', '>', now)
    .executeTakeFirst();
  return Number(row?.bytes ?? 0);
}

export async function insertReservation(db: Db, row: NewRow<'file_reservations'>): Promise<void> {
  await db.insertInto('file_reservations').values(row).execute();
}

export async function growReservation(db: Db, id: string, bytes: number): Promise<void> {
  await db
    .updateTable('file_reservations')
    .set({ bytes: sql`bytes + ${bytes}` })
    .where('id', '=', id)
    .execute();
}

export async function deleteReservation(db: Db, id: string): Promise<void> {
  await db.deleteFrom('file_reservations').where('id', '=', id).execute();
}

export async function deleteReservationsOf(db: Db, runs: readonly string[]): Promise<void> {
  if (runs.length > 0)
    await db
      .deleteFrom('file_reservations')
      .where('run', 'in', [...runs])
      .execute();
}

export async function runsWithReservations(db: Db): Promise<string[]> {
  const rows = await db.selectFrom('file_reservations').select('run').distinct().execute();
  return rows.map(({ run }) => run);
}

export async function deleteExpiredReservations(db: Db, now: number): Promise<void> {
  await db.deleteFrom('file_reservations').where('expires_at', '<=', now).execute();
}

export async function addBytes(db: Db, area: string, bytes: number): Promise<void> {
  const before = await lockUsage(db, area);
  await db
    .updateTable('file_usage')
    .set({ bytes: Math.max(0, before + bytes) })
    .where('area', '=', area)
    .execute();
}

/** What a count found, unless an act has changed something since `changes`. */
export async function setCounted(
  db: Db,
  area: string,
  { bytes, changes, at, isForced }: { bytes: number; changes: number; at: number; isForced: boolean },
): Promise<boolean> {
  const update = db.updateTable('file_usage').set({ bytes, counted_at: at }).where('area', '=', area);
  const result = await (isForced ? update : update.where('changes', '=', changes)).executeTakeFirst();
  return result.numUpdatedRows > 0n;
}
