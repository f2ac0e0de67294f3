import { type Kysely, sql } from 'kysely';
import { newShortId } from '../lib/index.ts';
import type { Row, Tables } from '../store/index.ts';
import type { Cause, Service, ServiceState, Size, TemplateCopy, Transition, Wish } from './service.ts';

type Database = Kysely<Tables>;

/** Of each service, the newest are kept. */
const mostTransitions = 200;

/** False when another service has the address: two may ask for one name at one moment. */
export async function insertService(db: Database, service: Service): Promise<boolean> {
  const row = db.insertInto('services').values(rowOf(service));
  const inserted = await row.onConflict((conflict) => conflict.column('label').doNothing()).executeTakeFirst();
  return inserted.numInsertedOrUpdatedRows === 1n;
}

export async function findService(db: Database, id: string): Promise<Service | undefined> {
  const row = await db.selectFrom('services').selectAll().where('id', '=', id).executeTakeFirst();
  return row && serviceOf(row);
}

/** Whose each of these is, by its id; without those whose owner is gone. */
export async function ownerIdsOf(db: Database, ids: readonly string[]): Promise<Map<string, string>> {
  const rows = await db
    .selectFrom('services')
    .select(['id', 'owner_user_id', 'owner_team_id'])
    .where('id', 'in', ['', ...ids])
    .execute();
  return new Map(
    rows.flatMap(({ id, owner_user_id, owner_team_id }) => {
      const owner = owner_user_id ?? owner_team_id;
      return owner === null ? [] : [[id, owner] as const];
    }),
  );
}

/** Those of some owners, newest first. */
export async function servicesOf(
  db: Database,
  owners: readonly { kind: 'user' | 'team'; id: string }[],
): Promise<Service[]> {
  const ids = (kind: string): string[] => owners.filter((owner) => owner.kind === kind).map(({ id }) => id);
  const rows = await db
    .selectFrom('services')
    .selectAll()
    .where(({ or, eb }) =>
      or([eb('owner_user_id', 'in', [...ids('user'), '']), eb('owner_team_id', 'in', [...ids('team'), ''])]),
    )
    .orderBy('created_at', 'desc')
    .orderBy('id')
    .execute();
  return rows.map(serviceOf);
}

/** Those whose person or team is gone. */
export async function orphanedServices(db: Database): Promise<Service[]> {
  const rows = db
    .selectFrom('services')
    .selectAll()
    .where('owner_user_id', 'is', null)
    .where('owner_team_id', 'is', null);
  return (await rows.execute()).map(serviceOf);
}

/** Everybody's, newest first. */
export async function allServices(db: Database): Promise<Service[]> {
  const rows = db.selectFrom('services').selectAll().orderBy('created_at', 'desc').orderBy('id');
  return (await rows.execute()).map(serviceOf);
}

export async function idsOn(db: Database, machine: string): Promise<string[]> {
  const rows = db.selectFrom('services').select('id').where('machine', '=', machine).orderBy('id');
  return (await rows.execute()).map(({ id }) => id);
}

/** Those that other machines run. */
export async function servicesElsewhere(db: Database, machine: string): Promise<Service[]> {
  const rows = db.selectFrom('services').selectAll().where('machine', '!=', machine);
  return (await rows.execute()).map(serviceOf);
}

/** Whether a service has this label, wherever it is in its life. */
export async function labelIsTaken(db: Database, label: string): Promise<boolean> {
  const row = await db.selectFrom('services').select('id').where('label', '=', label).executeTakeFirst();
  return row !== undefined;
}

/** States in which a service has something of the machine, or is about to. */
const holding: readonly ServiceState[] = ['requested', 'starting', 'waking', 'ready', 'stopping'];

export const isHolding = ({ state }: Pick<Service, 'state'>): boolean => holding.includes(state);

/** One that has something of its machine. */
export type Holder = { id: string; name: string; ownerId: string; machine: string; size: Size | undefined };

export async function holders(db: Database): Promise<Holder[]> {
  const rows = await db
    .selectFrom('services')
    .select(['id', 'name', 'owner_user_id', 'owner_team_id', 'machine', 'size'])
    .where('state', 'in', holding)
    .orderBy('name')
    .execute();
  return rows.map(({ id, name, owner_user_id, owner_team_id, machine, size }) => ({
    ...{ id, name, machine },
    ownerId: owner_user_id ?? owner_team_id ?? '',
    size: size === null ? undefined : (JSON.parse(size) as Size),
  }));
}

/** What people change of a service. */
export type Change = Partial<
  Pick<Service, 'wish' | 'state' | 'since' | 'values' | 'template' | 'revision' | 'size' | 'mayLackSandbox'>
> & {
  /** null: no longer. */
  keptUntil?: number | null;
};

/** The service with what people changed of it. */
export function changed(service: Service, { keptUntil, ...change }: Change): Service {
  const { keptUntil: before, lastUsedAt, cause, ...rest } = service;
  const kept = keptUntil === undefined ? before : (keptUntil ?? undefined);
  return {
    ...{ ...rest, ...change },
    ...(kept !== undefined && { keptUntil: kept }),
    // As `changeService` writes it: a new state begins without what was known of the one before.
    ...(change.state === undefined && cause && { cause }),
    ...(!isBegun(change.state) && lastUsedAt !== undefined && { lastUsedAt }),
  };
}

const isBegun = (state: ServiceState | undefined): boolean => state === 'requested' || state === 'waking';

/**
 * Changes a service as it was seen (`revision`); false when somebody changed it meanwhile. `onlyIf`: false too when another thing
 * is wanted of it by now, for whoever acts without having been asked to.
 */
export async function changeService(
  db: Database,
  { id, revision }: Pick<Service, 'id' | 'revision'>,
  change: Change,
  { onlyIf }: { onlyIf?: Wish } = {},
): Promise<boolean> {
  const { wish, state, since, values, template, keptUntil, revision: next, size, mayLackSandbox } = change;
  const changed = await db
    .updateTable('services')
    .set({
      ...(wish !== undefined && { wish }),
      ...(values !== undefined && { service_values: JSON.stringify(values) }),
      ...(template !== undefined && { template: JSON.stringify(template) }),
      ...(state !== undefined && { state, since, cause: null }),
      // Whoever starts it anew has it for the whole time: it counts from when it is ready.
      ...(isBegun(state) && { last_used_at: null }),
      ...(keptUntil !== undefined && { kept_until: keptUntil }),
      ...(next !== undefined && { revision: next }),
      ...(size !== undefined && { size: JSON.stringify(size) }),
      ...(mayLackSandbox !== undefined && { may_lack_sandbox: mayLackSandbox ? 1 : 0 }),
    })
    .where('id', '=', id)
    .where('revision', '=', revision)
    .$if(onlyIf !== undefined, (query) => query.where('wish', '=', onlyIf!))
    .executeTakeFirst();
  return changed.numUpdatedRows === 1n;
}

/** Notes what became of a service as it was seen; false when somebody wants another thing of it meanwhile. */
export async function writeState(
  db: Database,
  { id, revision }: Pick<Service, 'id' | 'revision'>,
  { state, since, cause }: { state: ServiceState; since: number; cause: Cause | undefined },
): Promise<boolean> {
  const written = await db
    .updateTable('services')
    .set({
      ...{ state, since, cause: cause === undefined ? null : JSON.stringify(cause) },
      // Coming up is its first use.
      ...(state === 'ready' && { last_used_at: sql<number>`coalesce(last_used_at, ${since})` }),
    })
    .where('id', '=', id)
    .where('revision', '=', revision)
    .executeTakeFirst();
  return written.numUpdatedRows === 1n;
}

export async function writeUse(db: Database, id: string, lastUsedAt: number): Promise<void> {
  const ofService = db.updateTable('services').set({ last_used_at: lastUsedAt }).where('id', '=', id);
  await ofService.where('last_used_at', '<', lastUsedAt).execute();
}

/** Steps of one millisecond keep their order. */
let steps = 0;

export async function addTransition(db: Database, { serviceId, at, state, actor, cause }: Transition): Promise<void> {
  const id = `${String((steps += 1)).padStart(12, '0')}-${newShortId()}`;
  const row = { id, service_id: serviceId, at, state, actor, cause: cause ? JSON.stringify(cause) : null };
  await db.insertInto('service_transitions').values(row).execute();
  const oldest = await db
    .selectFrom('service_transitions')
    .select('at')
    .where('service_id', '=', serviceId)
    .orderBy('at', 'desc')
    .offset(mostTransitions)
    .limit(1)
    .executeTakeFirst();
  if (oldest === undefined) return;
  await db.deleteFrom('service_transitions').where('service_id', '=', serviceId).where('at', '<=', oldest.at).execute();
}

/** Newest first. */
export async function transitionsOf(db: Database, serviceId: string): Promise<Transition[]> {
  const rows = await db
    .selectFrom('service_transitions')
    .selectAll()
    .where('service_id', '=', serviceId)
    .orderBy('at', 'desc')
    .orderBy('id', 'desc')
    .execute();
  return rows.map(({ at, state, actor, cause }) => ({
    serviceId,
    at,
    state: state as Transition['state'],
    actor,
    ...(cause !== null && { cause: JSON.parse(cause) as Cause }),
  }));
}

export async function deleteService(db: Database, id: string): Promise<void> {
  await db.deleteFrom('services').where('id', '=', id).execute();
}

function rowOf(service: Service): Row<'services'> {
  const { id, name, owner, label, machine, wish, state, since, cause, revision, template, values } = service;
  return {
    ...{ id, name, label, machine, wish, state, since, revision },
    owner_user_id: owner.kind === 'user' ? owner.id : null,
    owner_team_id: owner.kind === 'team' ? owner.id : null,
    owner_name: owner.name,
    cause: cause === undefined ? null : JSON.stringify(cause),
    template: JSON.stringify(template),
    service_values: JSON.stringify(values),
    created_by: service.createdBy,
    created_at: service.createdAt,
    last_used_at: service.lastUsedAt ?? null,
    kept_until: service.keptUntil ?? null,
    size: service.size === undefined ? null : JSON.stringify(service.size),
    may_lack_sandbox: service.mayLackSandbox ? 1 : 0,
  };
}

function serviceOf(row: Row<'services'>): Service {
  const { id, name, label, machine, since, revision, owner_user_id: userId, owner_team_id: teamId, cause } = row;
  const isOrphan = userId === null && teamId === null;
  return {
    ...{ id, name, label, machine, since, revision },
    owner: { kind: teamId === null ? 'user' : 'team', id: userId ?? teamId ?? '', name: row.owner_name },
    // Whose owner is no more is wanted by nobody.
    wish: isOrphan ? 'removed' : (row.wish as Wish),
    state: row.state as ServiceState,
    ...(cause !== null && { cause: JSON.parse(cause) as Cause }),
    template: JSON.parse(row.template) as TemplateCopy,
    values: JSON.parse(row.service_values) as Service['values'],
    createdBy: row.created_by,
    createdAt: row.created_at,
    ...(row.last_used_at !== null && { lastUsedAt: row.last_used_at }),
    ...(row.kept_until !== null && { keptUntil: row.kept_until }),
    ...(row.size !== null && { size: JSON.parse(row.size) as Size }),
    mayLackSandbox: row.may_lack_sandbox === 1,
  };
}

/** What the change feed says of a service: also of one that is gone, whose it was. */
export const changeKeyOf = ({ id, owner }: Pick<Service, 'id' | 'owner'>): string => `${owner.id}/${id}`;

/** @returns ids of the owner and of the service */
export function idsInChange(key: string): { ownerId: string; id: string } {
  const slash = key.indexOf('/');
  return { ownerId: key.slice(0, slash), id: key.slice(slash + 1) };
}
