import { type RawBuilder, sql, type SqlBool } from 'kysely';
import type { TeamRole } from '../lib/index.ts';
import type { Store } from '../store/index.ts';
import type { Accounts, MemberSort, TeamSort, TeamSummary } from './model.ts';
import { isId } from './records.ts';
import { contains } from './user-list.ts';

export type TeamLists = Pick<Accounts, 'teamSummary' | 'findTeams' | 'findMembers' | 'listOwners'>;

const memberCount = sql`(select count(*) from memberships where memberships.team_id = teams.id)`;

const teamOrders: Record<TeamSort['by'], readonly RawBuilder<unknown>[]> = {
  title: [sql`lower(teams.title)`],
  name: [sql`teams.name`],
  members: [memberCount],
  createdAt: [sql`teams.created_at`],
};

const memberOrders: Record<MemberSort['by'], readonly RawBuilder<unknown>[]> = {
  name: [sql`users.username`],
  role: [sql`memberships.role`, sql`users.username`],
  since: [sql`memberships.created_at`],
};

/** Teams and their members, a page at a time. */
export function createTeamLists({ db }: Pick<Store, 'db'>): TeamLists {
  return {
    async listOwners() {
      const users = db.selectFrom('users').select(['id', 'username']).where('wished_name', 'is', null);
      const teams = db.selectFrom('teams').select(['id', 'name', 'title']);
      const [people, groups] = [await users.execute(), await teams.execute()];
      return [
        ...people.map(({ id, username }) => ({ kind: 'user' as const, id, name: username, title: username })),
        ...groups.map((team) => ({ kind: 'team' as const, ...team })),
      ].sort((a, b) => (a.name < b.name ? -1 : 1));
    },
    async teamSummary(idOrName) {
      const column = isId(idOrName) ? 'teams.id' : 'teams.name';
      if (column === 'teams.name' && !/^[a-z][a-z0-9]*$/.test(idOrName)) return undefined;
      const row = await summaries(db).where(column, '=', idOrName).executeTakeFirst();
      return row && toSummary(row);
    },
    async findTeams({ names, search, sort = { by: 'title', isDescending: false }, limit, offset }) {
      if (names?.length === 0) return { teams: [], total: 0 };
      const among = names === undefined ? sql<SqlBool>`1 = 1` : sql<SqlBool>`teams.name in (${sql.join(names)})`;
      const fits = sql<SqlBool>`${among} and ${contains(search, [sql`lower(teams.title)`, sql`teams.name`])}`;
      const { total } = await db
        .selectFrom('teams')
        .select(({ fn }) => fn.countAll<number>().as('total'))
        .where(fits)
        .executeTakeFirstOrThrow();
      let page = summaries(db).where(fits);
      for (const column of [...teamOrders[sort.by], sql`teams.name`]) {
        page = page.orderBy(column, sort.isDescending ? 'desc' : 'asc');
      }
      return { teams: (await page.limit(limit).offset(offset).execute()).map(toSummary), total };
    },
    async findMembers(
      teamId,
      { search, searchesEmail, role, sort = { by: 'role', isDescending: false }, limit, offset },
    ) {
      const members = db
        .selectFrom('memberships')
        .innerJoin('users', 'users.id', 'memberships.user_id')
        .where('memberships.team_id', '=', teamId)
        .where(contains(search, [sql`users.username`, ...(searchesEmail ? [sql`lower(users.email)`] : [])]));
      const counted = await members
        .select(({ fn }) => ['memberships.role', fn.countAll<number>().as('count')])
        .groupBy('memberships.role')
        .execute();
      const countOf = (wanted: TeamRole): number => counted.find((group) => group.role === wanted)?.count ?? 0;
      const counts = { manager: countOf('manager'), member: countOf('member') };
      let page = members.select([
        'users.id as userId',
        'users.username',
        'users.email',
        'users.state',
        'memberships.role',
        'memberships.created_at as since',
      ]);
      if (role !== undefined) page = page.where('memberships.role', '=', role);
      for (const column of [...memberOrders[sort.by], sql`users.id`]) {
        page = page.orderBy(column, sort.isDescending ? 'desc' : 'asc');
      }
      return {
        members: await page.limit(limit).offset(offset).execute(),
        total: role === undefined ? counts.manager + counts.member : counts[role],
        counts,
      };
    },
  };
}

const summaries = (db: Store['db']) =>
  db
    .selectFrom('teams')
    .selectAll('teams')
    .select(({ selectFrom }) => [
      selectFrom('memberships')
        .whereRef('memberships.team_id', '=', 'teams.id')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .as('members'),
      selectFrom('memberships')
        .whereRef('memberships.team_id', '=', 'teams.id')
        .where('memberships.role', '=', 'manager')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .as('managers'),
    ]);

type Summary = {
  id: string;
  name: string;
  title: string;
  created_at: number;
  members: number | null;
  managers: number | null;
};

const toSummary = ({ id, name, title, created_at, members, managers }: Summary): TeamSummary => ({
  id,
  name,
  title,
  createdAt: created_at,
  members: members ?? 0,
  managers: managers ?? 0,
});
