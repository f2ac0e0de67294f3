import type { Log } from '../lib/index.ts';
import type { Store, Transaction } from '../store/index.ts';
import { normalRoute, type Route } from './route.ts';

/** All stored routes. One that this version cannot read is left out (its host answers 404) and logged. */
export async function readRoutes(store: Store, log: Log): Promise<Route[]> {
  const rows = await store.db.selectFrom('routes').selectAll().orderBy('host').execute();
  return rows.flatMap((row) => {
    try {
      return [normalRoute(JSON.parse(row.record) as Route)];
    } catch (error) {
      log.error({ err: error, host: row.host }, 'a stored route cannot be read and is left out');
      return [];
    }
  });
}

export async function findTaken(transaction: Transaction, kind: string, hosts: string[], names: string[]) {
  if (hosts.length === 0) return undefined;
  return transaction.db
    .selectFrom('routes')
    .select(['host', 'name', 'kind'])
    .where('kind', '!=', kind)
    .where((where) => where.or([where('host', 'in', hosts), where('name', 'in', names)]))
    .orderBy('host')
    .executeTakeFirst();
}

/** Makes the rows of a kind equal to `routes`, touching only those that differ; returns the hosts that changed. */
export async function writeRoutes(
  transaction: Transaction,
  kind: Route['kind'],
  routes: readonly Route[],
  now: number,
): Promise<string[]> {
  const { db } = transaction;
  const stored = new Map(
    (await db.selectFrom('routes').selectAll().where('kind', '=', kind).execute()).map((row) => [row.host, row]),
  );
  const wanted = new Map(routes.map((route) => [route.host, { name: route.name, record: JSON.stringify(route) }]));
  const changed: string[] = [];
  for (const [host, row] of stored) {
    const next = wanted.get(host);
    if (next?.record === row.record) continue;
    // Deleted first and inserted below, because two rows may have swapped their unique names.
    await db.deleteFrom('routes').where('host', '=', host).execute();
    changed.push(host);
  }
  for (const [host, { name, record }] of wanted) {
    const previous = stored.get(host);
    if (previous?.record === record) continue;
    const created_at = previous?.created_at ?? now;
    await db.insertInto('routes').values({ host, name, kind, record, created_at }).execute();
    if (!previous) changed.push(host);
  }
  return changed;
}
