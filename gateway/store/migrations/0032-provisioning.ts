import type { Kysely } from 'kysely';

/** How far each person's and team's place in the cluster is (provisioning/). The owner may be gone while the rest of it is removed. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('provisioning')
    .addColumn('owner_id', 'text', (c) => c.primaryKey())
    .addColumn('owner_kind', 'text', (c) => c.notNull())
    .addColumn('owner_name', 'text', (c) => c.notNull())
    .addColumn('namespace', 'text', (c) => c.notNull())
    .addColumn('namespace_uid', 'text')
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('since', 'bigint', (c) => c.notNull())
    .addColumn('steps', 'text', (c) => c.notNull())
    .addColumn('overrides', 'text', (c) => c.notNull())
    .addColumn('converged', 'text')
    .execute();
}
