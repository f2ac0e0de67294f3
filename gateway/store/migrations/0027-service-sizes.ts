import type { Kysely } from 'kysely';

/** services: what one may take of the machine, and whether whoever wants it may have it without a sandbox. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('services').addColumn('size', 'text').execute();
  await db.schema
    .alterTable('services')
    .addColumn('may_lack_sandbox', 'integer', (c) => c.notNull().defaultTo(0))
    .execute();
}
