import type { Kysely } from 'kysely';

/** Refused decisions of the last day (denials/). */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('denials')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addColumn('detail', 'text', (c) => c.notNull())
    .execute();
  await db.schema.createIndex('denials_at').on('denials').column('at').execute();
}
