import { type Kysely, sql } from 'kysely';

/**
 * Sign-ups that wait for approval hold no name and no address (accounts/new-user.ts). Those that wait now give theirs back: the
 * name becomes a wish, and a placeholder that nobody can type stands where names and addresses are unique.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('users').addColumn('wished_name', 'text').execute();
  await sql`delete from names where kind = 'user' and owner_id in (select id from users where state = 'pending')`.execute(
    db,
  );
  await sql`update users set wished_name = username, username = '?' || id, email_key = '?' || id
    where state = 'pending'`.execute(db);
}
