import type { Kysely } from 'kysely';

/** What each area of files uses, and what is promised to acts that are still writing (files/). */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('file_usage')
    .addColumn('area', 'text', (c) => c.primaryKey())
    .addColumn('bytes', 'bigint', (c) => c.notNull())
    .addColumn('changes', 'bigint', (c) => c.notNull())
    .addColumn('counted_at', 'bigint')
    .execute();
  await db.schema
    .createTable('file_reservations')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('area', 'text', (c) => c.notNull())
    .addColumn('bytes', 'bigint', (c) => c.notNull())
    .addColumn('run', 'text', (c) => c.notNull())
    .addColumn('expires_at', 'bigint', (c) => c.notNull())
    .execute();
  await db.schema.createIndex('file_reservations_area').on('file_reservations').column('area').execute();
}
