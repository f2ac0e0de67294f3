import type { Kysely } from 'kysely';

/** What is looked for again and again in the background, without reading whole tables: idle sign-ins, their number, old codes. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.createIndex('sessions_host_seen').on('sessions').columns(['host', 'last_seen_at']).execute();
  await db.schema.createIndex('handoff_codes_expires_at').on('handoff_codes').column('expires_at').execute();
}
