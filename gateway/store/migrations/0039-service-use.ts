import type { Kysely } from 'kysely';

/** What services used on a day (of UTC), summed from their samples: kept though the service is removed. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('service_use')
    .addColumn('owner_id', 'text', (c) => c.notNull())
    .addColumn('day', 'text', (c) => c.notNull())
    .addColumn('service_id', 'text', (c) => c.notNull())
    .addColumn('processor_ms', 'bigint', (c) => c.notNull())
    .addColumn('memory_mib_seconds', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('service_use_key', ['owner_id', 'day', 'service_id'])
    .execute();
}
