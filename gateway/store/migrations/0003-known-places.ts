import type { Kysely } from 'kysely';

/** From which browsers and networks somebody signed in before (login/places.ts). */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('known_places')
    .addColumn('user_id', 'text', (c) => c.notNull().references('users.id').onDelete('cascade'))
    .addColumn('place', 'text', (c) => c.notNull())
    .addColumn('last_used_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('known_places_key', ['user_id', 'place'])
    .execute();
  await db.schema.createIndex('known_places_place').on('known_places').column('place').execute();
}
