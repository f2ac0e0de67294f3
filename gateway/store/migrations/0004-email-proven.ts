import type { Kysely } from 'kysely';

/** When a person proved that the mailbox is theirs: the claim `email_verified`. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('users').addColumn('email_proven_at', 'bigint').execute();
}
