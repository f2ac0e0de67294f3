import type { Kysely } from 'kysely';

/** What a checked password is compared with when a session begins (accounts/loss.ts). */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('users')
    .addColumn('credential_version', 'bigint', (c) => c.notNull().defaultTo(1))
    .execute();
}
