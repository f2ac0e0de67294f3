import type { Kysely } from 'kysely';

/** What stood at the path of a share when it was last looked at (shares/, files/). */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('shares').addColumn('mark', 'text').execute();
}
