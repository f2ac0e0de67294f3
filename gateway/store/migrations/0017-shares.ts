import type { Kysely } from 'kysely';

/** Whom owners let in, and who came (shares/). What is shared is named by `kind` and `thing`; links are kept as a hash. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('shares')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('thing', 'text', (c) => c.notNull())
    .addColumn('path', 'text', (c) => c.notNull())
    .addColumn('owner_user_id', 'text', (c) => c.references('users.id').onDelete('cascade'))
    .addColumn('owner_team_id', 'text', (c) => c.references('teams.id').onDelete('cascade'))
    .addColumn('with_user_id', 'text', (c) => c.references('users.id').onDelete('cascade'))
    .addColumn('with_team_id', 'text', (c) => c.references('teams.id').onDelete('cascade'))
    .addColumn('secret_hash', 'text', (c) => c.unique())
    .addColumn('binds_browser', 'integer', (c) => c.notNull())
    .addColumn('browser_hash', 'text')
    .addColumn('access', 'text', (c) => c.notNull())
    .addColumn('created_by', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('expires_at', 'bigint')
    .execute();
  await db.schema.createIndex('shares_thing').on('shares').columns(['kind', 'thing']).execute();
  await db.schema.createIndex('shares_owner_user').on('shares').column('owner_user_id').execute();
  await db.schema.createIndex('shares_owner_team').on('shares').column('owner_team_id').execute();
  await db.schema.createIndex('shares_with_user').on('shares').column('with_user_id').execute();
  await db.schema.createIndex('shares_with_team').on('shares').column('with_team_id').execute();
  await db.schema
    .createTable('share_uses')
    .addColumn('share_id', 'text', (c) => c.notNull().references('shares.id').onDelete('cascade'))
    .addColumn('who', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('first_at', 'bigint', (c) => c.notNull())
    .addColumn('last_at', 'bigint', (c) => c.notNull())
    .addColumn('last_from', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('share_uses_key', ['share_id', 'who'])
    .execute();
}
