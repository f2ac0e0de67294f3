import type { Kysely } from 'kysely';

/** Plans that an administrator gave to people and teams (owners/). */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('owner_plans')
    .addColumn('owner_id', 'text', (c) => c.primaryKey())
    .addColumn('user_id', 'text', (c) => c.references('users.id').onDelete('cascade'))
    .addColumn('team_id', 'text', (c) => c.references('teams.id').onDelete('cascade'))
    .addColumn('plan', 'text', (c) => c.notNull())
    .addColumn('given_by', 'text', (c) => c.notNull())
    .addColumn('given_at', 'bigint', (c) => c.notNull())
    .execute();
}
