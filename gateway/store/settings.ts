import type { Kysely } from 'kysely';
import type { Tables } from './tables.ts';

type Database = Kysely<Tables>;

/** A value of the `settings` table: what is known once for the whole store, by a key that begins with its module's name. */
export async function readSetting(db: Database, key: string): Promise<string | undefined> {
  const row = await db.selectFrom('settings').select('value').where('key', '=', key).executeTakeFirst();
  return row?.value;
}

export async function writeSetting(db: Database, key: string, value: string): Promise<void> {
  const insert = db.insertInto('settings').values({ key, value });
  await insert.onConflict((conflict) => conflict.column('key').doUpdateSet({ value })).execute();
}

/** The value, made on first use; processes that make it at once agree on one. */
export async function settingOnce(db: Database, key: string, make: () => string): Promise<string> {
  const existing = await readSetting(db, key);
  if (existing !== undefined) return existing;
  await addSetting(db, key, make());
  return (await readSetting(db, key))!;
}

/**
 * Writes a value if it still is `from` (undefined: if there is none). Of any number of processes that try at once exactly one gets
 * true: the others wait on the row of the winner and then find it changed.
 */
export async function claimSetting(
  db: Database,
  key: string,
  { from, to }: { from: string | undefined; to: string },
): Promise<boolean> {
  if (from === undefined) return addSetting(db, key, to);
  const update = db.updateTable('settings').set({ value: to }).where('key', '=', key).where('value', '=', from);
  return (await update.executeTakeFirst()).numUpdatedRows === 1n;
}

async function addSetting(db: Database, key: string, value: string): Promise<boolean> {
  const insert = db.insertInto('settings').values({ key, value });
  const inserted = await insert.onConflict((conflict) => conflict.column('key').doNothing()).executeTakeFirst();
  return inserted.numInsertedOrUpdatedRows === 1n;
}
