import type { Kysely } from 'kysely';
import type { NewRow, Tables } from '../store/index.ts';

export async function insertDenials(db: Kysely<Tables>, rows: readonly NewRow<'denials'>[]): Promise<void> {
  // Written once more when an earlier try was told to have failed and had not.
  await db
    .insertInto('denials')
    .values([...rows])
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute();
}

export function findDenial(db: Kysely<Tables>, id: string, since: number) {
  return db.selectFrom('denials').selectAll().where('id', '=', id).where('at', '>=', since).executeTakeFirst();
}

/** Removes what is older than `before`, and of the rest all but the newest `keep`. */
export async function pruneDenials(db: Kysely<Tables>, before: number, keep: number): Promise<void> {
  await db.deleteFrom('denials').where('at', '<', before).execute();
  const oldestKept = await db.selectFrom('denials').select('at').orderBy('at', 'desc').limit(1).offset(keep).execute();
  const [first] = oldestKept;
  if (first !== undefined) await db.deleteFrom('denials').where('at', '<=', first.at).execute();
}
