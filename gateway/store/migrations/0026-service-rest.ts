import { type Kysely, sql } from 'kysely';

/** services: when one was used, how long it is to stay awake, and what it was before each change. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const column of ['last_used_at', 'kept_until'])
    await db.schema.alterTable('services').addColumn(column, 'bigint').execute();
  await db.schema
    .createTable('service_revisions')
    .addColumn('service_id', 'text', (c) => c.notNull().references('services.id').onDelete('cascade'))
    .addColumn('revision', 'integer', (c) => c.notNull())
    .addColumn('act', 'text', (c) => c.notNull())
    .addColumn('template', 'text', (c) => c.notNull())
    .addColumn('version', 'text', (c) => c.notNull())
    .addColumn('digest', 'text', (c) => c.notNull())
    .addColumn('service_values', 'text', (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addColumn('actor', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('service_revisions_key', ['service_id', 'revision'])
    .execute();
  await db.schema.createIndex('service_revisions_digest').on('service_revisions').column('digest').execute();
  // Those that are there have one as they are; what is left empty stands in the template too.
  await sql`
    insert into service_revisions (service_id, revision, act, template, version, digest, service_values, at, actor)
    select id, revision, 'launched', template, '', '', service_values, created_at, created_by from services
  `.execute(db);
}
