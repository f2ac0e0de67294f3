import type { Kysely } from 'kysely';

/** Locks that clients of WebDAV took (files/locks, decision 0050). */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('file_locks')
    .addColumn('token', 'text', (c) => c.primaryKey())
    .addColumn('area', 'text', (c) => c.notNull())
    .addColumn('path', 'text', (c) => c.notNull())
    .addColumn('is_deep', 'integer', (c) => c.notNull())
    .addColumn('is_shared', 'integer', (c) => c.notNull())
    .addColumn('user_id', 'text', (c) => c.notNull().references('users.id').onDelete('cascade'))
    .addColumn('owner', 'text', (c) => c.notNull())
    .addColumn('expires_at', 'bigint', (c) => c.notNull())
    .execute();
  await db.schema.createIndex('file_locks_area').on('file_locks').column('area').execute();
  await db.schema.createIndex('file_locks_user').on('file_locks').column('user_id').execute();
}
