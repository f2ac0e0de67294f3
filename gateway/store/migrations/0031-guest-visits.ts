import type { Kysely } from 'kysely';

/** Guests on the hosts of services: a code that takes one there, then the session it became (shares/). Both are kept as a hash. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('guest_visits')
    .addColumn('secret_hash', 'text', (c) => c.primaryKey())
    .addColumn('share_id', 'text', (c) => c.notNull().references('shares.id').onDelete('cascade'))
    .addColumn('host', 'text', (c) => c.notNull())
    .addColumn('browser', 'text', (c) => c.notNull())
    .addColumn('code_until', 'bigint')
    .addColumn('started_at', 'bigint', (c) => c.notNull())
    .execute();
  await db.schema.createIndex('guest_visits_share').on('guest_visits').columns(['share_id', 'started_at']).execute();
}
