import type { Kysely } from 'kysely';

/** What people and teams have in tools that run elsewhere (integrations/). The owner may be gone while something of theirs is left. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('tool_places')
    .addColumn('tool', 'text', (c) => c.notNull())
    .addColumn('owner_id', 'text', (c) => c.notNull())
    .addColumn('owner_kind', 'text', (c) => c.notNull())
    .addColumn('owner_name', 'text', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('cause', 'text')
    .addColumn('since', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('tool_places_key', ['tool', 'owner_id'])
    .execute();
}
