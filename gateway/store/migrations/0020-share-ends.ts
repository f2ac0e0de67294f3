import type { Kysely } from 'kysely';

/** When a share was first opened, when and why it ended, and how often it was used (shares/). */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const [name, type] of [
    ['opened_at', 'bigint'],
    ['ended_at', 'bigint'],
    ['ended_why', 'text'],
    ['ended_by', 'text'],
  ] as const) {
    await db.schema.alterTable('shares').addColumn(name, type).execute();
  }
  await db.schema
    .alterTable('share_uses')
    .addColumn('times', 'integer', (c) => c.notNull().defaultTo(1))
    .execute();
}
