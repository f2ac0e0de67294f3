import type { Kysely } from 'kysely';
import type { Row, Tables } from '../../store/index.ts';
import type { ToolPlace } from './place.ts';

type Database = Kysely<Tables>;

export async function findToolPlace(db: Database, tool: string, ownerId: string): Promise<ToolPlace | undefined> {
  const found = db.selectFrom('tool_places').selectAll().where('tool', '=', tool).where('owner_id', '=', ownerId);
  const row = await found.executeTakeFirst();
  return row && placeOf(row);
}

/** All of a person or team, or of everybody; by tool and name. */
export async function toolPlaces(db: Database, ownerId?: string): Promise<ToolPlace[]> {
  let query = db.selectFrom('tool_places').selectAll().orderBy('tool').orderBy('owner_name');
  if (ownerId !== undefined) query = query.where('owner_id', '=', ownerId);
  return (await query.execute()).map(placeOf);
}

export async function writeToolPlace(db: Database, { tool, owner, state, cause, since }: ToolPlace): Promise<void> {
  const values = { owner_kind: owner.kind, owner_name: owner.name, state, cause: cause ?? null, since };
  const insert = db.insertInto('tool_places').values({ tool, owner_id: owner.id, ...values });
  await insert.onConflict((conflict) => conflict.columns(['tool', 'owner_id']).doUpdateSet(values)).execute();
}

export async function deleteToolPlace(db: Database, tool: string, ownerId: string): Promise<void> {
  await db.deleteFrom('tool_places').where('tool', '=', tool).where('owner_id', '=', ownerId).execute();
}

function placeOf(row: Row<'tool_places'>): ToolPlace {
  const kind = row.owner_kind as ToolPlace['owner']['kind'];
  return {
    tool: row.tool,
    owner: { kind, id: row.owner_id, name: row.owner_name },
    state: row.state as ToolPlace['state'],
    ...(row.cause !== null && { cause: row.cause }),
    since: row.since,
  };
}
