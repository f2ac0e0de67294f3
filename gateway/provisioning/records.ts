import type { Kysely } from 'kysely';
import type { Row, Tables } from '../store/index.ts';
import type { Place } from './place.ts';
import type { Step } from './steps.ts';

type Database = Kysely<Tables>;

/** The place as it was seen last, and by what it is known again. */
export type PlaceRecord = Place & { namespaceUid?: string | undefined; converged?: string | undefined };

export async function findPlace(db: Database, ownerId: string): Promise<PlaceRecord | undefined> {
  const row = await db.selectFrom('provisioning').selectAll().where('owner_id', '=', ownerId).executeTakeFirst();
  return row && placeOf(row);
}

export async function findPlaceIn(db: Database, namespace: string): Promise<PlaceRecord | undefined> {
  const row = await db.selectFrom('provisioning').selectAll().where('namespace', '=', namespace).executeTakeFirst();
  return row && placeOf(row);
}

/** By name. */
export async function allPlaces(db: Database): Promise<PlaceRecord[]> {
  const rows = await db.selectFrom('provisioning').selectAll().orderBy('owner_name').orderBy('owner_id').execute();
  return rows.map(placeOf);
}

export async function writePlace(db: Database, place: PlaceRecord): Promise<void> {
  const { owner, namespace, namespaceUid, state, since, steps, overrides, converged } = place;
  const values = {
    ...{ namespace, state, since },
    owner_kind: owner.kind,
    owner_name: owner.name,
    namespace_uid: namespaceUid ?? null,
    steps: JSON.stringify(steps),
    overrides: JSON.stringify(overrides),
    converged: converged ?? null,
  };
  const insert = db.insertInto('provisioning').values({ owner_id: owner.id, ...values });
  await insert.onConflict((conflict) => conflict.column('owner_id').doUpdateSet(values)).execute();
}

export async function deletePlace(db: Database, ownerId: string): Promise<void> {
  await db.deleteFrom('provisioning').where('owner_id', '=', ownerId).execute();
}

function placeOf(row: Row<'provisioning'>): PlaceRecord {
  return {
    owner: { kind: row.owner_kind as Place['owner']['kind'], id: row.owner_id, name: row.owner_name },
    namespace: row.namespace,
    state: row.state as Place['state'],
    since: row.since,
    steps: JSON.parse(row.steps) as Step[],
    overrides: JSON.parse(row.overrides) as Place['overrides'],
    ...(row.namespace_uid !== null && { namespaceUid: row.namespace_uid }),
    ...(row.converged !== null && { converged: row.converged }),
  };
}
