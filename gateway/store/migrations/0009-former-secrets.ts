import type { Kysely } from 'kysely';

/** The session that goes on under another secret than the one that is noted (sessions/, decision 0031); null when it ended. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('ended_sessions').addColumn('central_id', 'text').execute();
}
