import type { Kysely } from 'kysely';

/** What outlives a page while somebody signs in: addresses too long to travel in another one, and why a session ended. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('kept_addresses')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('address', 'text', (c) => c.notNull())
    .addColumn('browser', 'text', (c) => c.notNull())
    .addColumn('client', 'text', (c) => c.notNull())
    .addColumn('kept_at', 'bigint', (c) => c.notNull())
    .execute();
  for (const column of ['browser', 'client', 'kept_at']) {
    await db.schema.createIndex(`kept_addresses_${column}`).on('kept_addresses').column(column).execute();
  }
  await db.schema
    .createTable('ended_sessions')
    .addColumn('secret_hash', 'text', (c) => c.primaryKey())
    .addColumn('reason', 'text', (c) => c.notNull())
    .addColumn('forget_at', 'bigint', (c) => c.notNull())
    .execute();
  await db.schema.createIndex('ended_sessions_forget_at').on('ended_sessions').column('forget_at').execute();
}
