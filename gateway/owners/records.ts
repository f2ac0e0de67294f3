import type { Kysely } from 'kysely';
import type { Tables } from '../store/index.ts';
import type { Owner } from './owner.ts';

type Database = Kysely<Tables>;

export async function findPlan(db: Database, ownerId: string): Promise<string | undefined> {
  const row = await db.selectFrom('owner_plans').select('plan').where('owner_id', '=', ownerId).executeTakeFirst();
  return row?.plan;
}

/** SQLite takes 32,766 values in one statement. */
const idsPerQuery = 1000;

/** Names of plans by owner id, of those who were given one. */
export async function findPlans(db: Database, ownerIds: readonly string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (let from = 0; from < ownerIds.length; from += idsPerQuery) {
    const ids = ownerIds.slice(from, from + idsPerQuery);
    const rows = db.selectFrom('owner_plans').select(['owner_id', 'plan']).where('owner_id', 'in', ids);
    for (const { owner_id, plan } of await rows.execute()) found.set(owner_id, plan);
  }
  return found;
}

export async function writePlan(
  db: Database,
  { kind, id }: Pick<Owner, 'kind' | 'id'>,
  { plan, by, at }: { plan: string; by: string; at: number },
): Promise<void> {
  const given = { plan, given_by: by, given_at: at };
  const whose = { user_id: kind === 'user' ? id : null, team_id: kind === 'team' ? id : null };
  const row = { owner_id: id, ...whose, ...given };
  const insert = db.insertInto('owner_plans').values(row);
  await insert.onConflict((conflict) => conflict.column('owner_id').doUpdateSet(given)).execute();
}

export async function deletePlan(db: Database, ownerId: string): Promise<void> {
  await db.deleteFrom('owner_plans').where('owner_id', '=', ownerId).execute();
}
