import type { Log } from '../lib/index.ts';
import type { Row, Store, Transaction } from '../store/index.ts';
import { normalRoute, type Route } from './route.ts';

export type RouteRow = Pick<Row<'routes'>, 'host' | 'record'>;

/** Values of one statement: SQLite takes 32,766, PostgreSQL 65,535. */
const perStatement = 500;

/** The next rows by host. */
export function pageOfRows(store: Store, afterHost: string): Promise<RouteRow[]> {
  const routes = store.db.selectFrom('routes').select(['host', 'record']);
  return routes.where('host', '>', afterHost).orderBy('host').limit(perStatement).execute();
}

export async function rowsOf(store: Store, hosts: readonly string[]): Promise<RouteRow[]> {
  const rows: RouteRow[] = [];
  for (const some of inParts(hosts)) {
    rows.push(...(await store.db.selectFrom('routes').select(['host', 'record']).where('host', 'in', some).execute()));
  }
  return rows;
}

/** One that this version cannot read is left out (its host answers 404) and logged. */
export function readRoute({ host, record }: RouteRow, log: Log): Route | undefined {
  try {
    return normalRoute(JSON.parse(record) as Route);
  } catch (error) {
    log.error({ err: error, host }, 'a stored route cannot be read and is left out');
    return undefined;
  }
}

export type Taken = Pick<Row<'routes'>, 'host' | 'name' | 'kind'>;

/** The first route of another kind that has one of these hosts or names. */
export async function findTaken(
  transaction: Transaction,
  kind: string,
  routes: readonly Route[],
): Promise<Taken | undefined> {
  for (const some of inParts(routes)) {
    const taken = await transaction.db
      .selectFrom('routes')
      .select(['host', 'name', 'kind'])
      .where('kind', '!=', kind)
      .where((where) =>
        where.or([
          where(
            'host',
            'in',
            some.map(({ host }) => host),
          ),
          where(
            'name',
            'in',
            some.map(({ name }) => name),
          ),
        ]),
      )
      .orderBy('host')
      .executeTakeFirst();
    if (taken) return taken;
  }
  return undefined;
}

/** A route in the way of this one: of another kind at its host, or of its name at another. */
export function findInTheWay({ db }: Transaction, { host, name, kind }: Route): Promise<Taken | undefined> {
  return db
    .selectFrom('routes')
    .select(['host', 'name', 'kind'])
    .where(({ or, and, eb }) =>
      or([and([eb('host', '=', host), eb('kind', '!=', kind)]), and([eb('host', '!=', host), eb('name', '=', name)])]),
    )
    .executeTakeFirst();
}

/** Writes one route at its host; false when it stood there already. */
export async function writeRoute({ db }: Transaction, route: Route, now: number): Promise<boolean> {
  const { host, name, kind } = route;
  const record = JSON.stringify(route);
  const stored = await db.selectFrom('routes').select('record').where('host', '=', host).executeTakeFirst();
  if (stored?.record === record) return false;
  await db
    .insertInto('routes')
    .values({ host, name, kind, record, created_at: now })
    .onConflict((conflict) => conflict.column('host').doUpdateSet({ name, kind, record }))
    .execute();
  return true;
}

/** What stands at a host stands at that of `route` from now on. */
export async function moveRoute({ db }: Transaction, fromHost: string, route: Route): Promise<void> {
  const { host, kind } = route;
  const moved = db.updateTable('routes').set({ host, record: JSON.stringify(route) });
  await moved.where('host', '=', fromHost).where('kind', '=', kind).execute();
}

export async function deleteRoute({ db }: Transaction, host: string): Promise<boolean> {
  const { numDeletedRows } = await db.deleteFrom('routes').where('host', '=', host).executeTakeFirst();
  return numDeletedRows > 0n;
}

/** Makes the rows of a kind equal to `routes`, touching only those that differ; returns the hosts that changed. */
export async function writeRoutes(
  { db }: Transaction,
  kind: Route['kind'],
  routes: readonly Route[],
  now: number,
): Promise<string[]> {
  const stored = new Map(
    (await db.selectFrom('routes').selectAll().where('kind', '=', kind).execute()).map((row) => [row.host, row]),
  );
  const wanted = new Map(routes.map((route) => [route.host, { name: route.name, record: JSON.stringify(route) }]));
  const removed = [...stored.values()].filter(({ host, record }) => wanted.get(host)?.record !== record);
  // Deleted first and inserted below, because two rows may have swapped their unique names.
  for (const some of inParts(removed.map(({ host }) => host))) {
    await db.deleteFrom('routes').where('host', 'in', some).execute();
  }
  const added = [...wanted].filter(([host, { record }]) => stored.get(host)?.record !== record);
  for (const some of inParts(added)) {
    const rows = some.map(([host, { name, record }]) => {
      return { host, name, kind, record, created_at: stored.get(host)?.created_at ?? now };
    });
    await db.insertInto('routes').values(rows).execute();
  }
  return [...new Set([...removed.map(({ host }) => host), ...added.map(([host]) => host)])];
}

function* inParts<T>(list: readonly T[]): Generator<T[]> {
  for (let from = 0; from < list.length; from += perStatement) yield list.slice(from, from + perStatement);
}
