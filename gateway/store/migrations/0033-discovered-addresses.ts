import type { Kysely } from 'kysely';

/** What people made reachable in their namespaces by hand, and what was refused to them (discovery/). */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('discovered_addresses')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('owner_id', 'text', (c) => c.notNull())
    .addColumn('owner_kind', 'text', (c) => c.notNull())
    .addColumn('owner_name', 'text', (c) => c.notNull())
    .addColumn('namespace', 'text', (c) => c.notNull())
    .addColumn('object', 'text', (c) => c.notNull())
    .addColumn('host', 'text')
    .addColumn('name', 'text')
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('reason', 'text')
    .addColumn('since', 'bigint', (c) => c.notNull())
    .execute();
  for (const column of ['owner_id', 'namespace'])
    await db.schema.createIndex(`discovered_addresses_${column}`).on('discovered_addresses').column(column).execute();
}
