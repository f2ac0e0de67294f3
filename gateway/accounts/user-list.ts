import { type Kysely, type RawBuilder, sql, type SqlBool } from 'kysely';
import type { UserState } from '../lib/index.ts';
import type { Row, Tables } from '../store/index.ts';
import type { UserCounts, UserQuery, UserSort } from './model.ts';

const defaultLimit = 50;
const maximumLimit = 100_000;

/** Under which name somebody is known; written as the indexes of the table have it (store, `list-indexes`). */
const shownName = sql`coalesce(wished_name, username)`;

/** Columns of each order, as the indexes have them: with 10,000 people nothing is sorted for a page. */
const orders: Record<UserSort['by'], readonly RawBuilder<unknown>[]> = {
  name: [shownName],
  email: [sql`lower(email)`],
  state: [sql`case state when 'pending' then 0 when 'active' then 1 else 2 end`, shownName],
  createdAt: [sql`created_at`],
  lastSignInAt: [sql`coalesce(last_sign_in_at, 0)`],
};
const waitingFirst = [sql`case when state = 'pending' then 0 else 1 end`, shownName, sql`created_at`];

/** One page of people, and how many there are of each state and with admin rights: each count is of what its chip would show. */
export async function findUserRows(
  db: Kysely<Tables>,
  query: UserQuery,
): Promise<{ rows: Row<'users'>[]; total: number; counts: UserCounts }> {
  let users = db.selectFrom('users').where(contains(query.search, [shownName, sql`lower(email)`]));
  if (query.team !== undefined) {
    const { team } = query;
    users = users.where('id', 'in', (of) =>
      of
        .selectFrom('memberships')
        .innerJoin('teams', 'teams.id', 'memberships.team_id')
        .select('memberships.user_id')
        .where('teams.name', '=', team),
    );
  }
  const groups = await users
    .select(({ fn }) => ['state', 'is_admin', fn.countAll<number>().as('count')])
    .groupBy(['state', 'is_admin'])
    .execute();
  if (query.state !== undefined) users = users.where('state', '=', query.state);
  if (query.isAdmin !== undefined) users = users.where('is_admin', '=', query.isAdmin ? 1 : 0);
  const { by, isDescending } = query.sort ?? { by: undefined, isDescending: false };
  const order = [...(by === undefined ? waitingFirst : orders[by]), sql`id`];
  let page = users.selectAll();
  for (const column of order) page = page.orderBy(column, isDescending ? 'desc' : 'asc');
  const rows = await page
    .limit(Math.min(Math.max(1, query.limit ?? defaultLimit), maximumLimit))
    .offset(Math.max(0, query.offset ?? 0))
    .execute();
  return { rows, ...countsOf(groups, query) };
}

type Group = { state: UserState; is_admin: number; count: number };

function countsOf(groups: readonly Group[], { state, isAdmin }: UserQuery): { total: number; counts: UserCounts } {
  const sum = (fits: (group: Group) => boolean): number =>
    groups.filter(fits).reduce((total, { count }) => total + count, 0);
  const fitsAdmin = (group: Group): boolean => isAdmin === undefined || (group.is_admin === 1) === isAdmin;
  const fitsState = (group: Group): boolean => state === undefined || group.state === state;
  const inState = (wanted: UserState): number => sum((group) => group.state === wanted && fitsAdmin(group));
  return {
    total: sum((group) => fitsState(group) && fitsAdmin(group)),
    counts: {
      pending: inState('pending'),
      active: inState('active'),
      disabled: inState('disabled'),
      admin: sum((group) => group.is_admin === 1 && fitsState(group)),
    },
  };
}

/** What has a text in one of these columns, in any letter case; everything when none is looked for. */
export function contains(text: string | undefined, columns: readonly RawBuilder<unknown>[]): RawBuilder<SqlBool> {
  const search = text?.trim().toLowerCase().replaceAll('\0', '') ?? '';
  if (search === '') return sql<SqlBool>`1 = 1`;
  const pattern = `%${search.replaceAll(/[\\%_]/g, '\\$&')}%`;
  const conditions = columns.map((column) => sql`${column} like ${pattern} escape '\\'`);
  return sql<SqlBool>`(${sql.join(conditions, sql` or `)})`;
}
