import { checkName, hiddenCharacter, knotError, limits, newId } from '../lib/index.ts';
import type { Row, Store } from '../store/index.ts';
import type { Change, ChangeScope } from './change.ts';
import { noSuchTeam } from './errors.ts';
import type { Accounts, Team, TeamMember } from './model.ts';
import { takeName } from './names.ts';
import { checkFields } from './problems.ts';
import { findUserRowByName, isId, touchUsers } from './records.ts';
import { recordedAs, requireUnchanged } from './undo.ts';
import { requireUser } from './users.ts';

export type Teams = Pick<
  Accounts,
  'createTeam' | 'listTeams' | 'findTeam' | 'memberIds' | 'findOwner' | 'deleteTeam' | 'setMember' | 'removeMember'
>;

export function createTeams({ store, change }: { store: Store; change: Change }): Teams {
  return {
    createTeam: (team, actor) =>
      change(actor, async (scope) => {
        const row = { id: newId(), name: team.name, title: team.title.trim(), created_at: scope.now };
        await checkFields({
          title: () => checkTitle(team.title),
          name: () => takeName(scope, team.name, 'team', row.id),
        });
        await scope.db.insertInto('teams').values(row).execute();
        scope.announce({ topic: 'teams', key: row.id });
        scope.audit('team.created', `team:${row.name}`, { id: row.id });
        return toTeam(row, []);
      }),

    async listTeams(names) {
      if (names?.length === 0) return [];
      let wanted = store.db.selectFrom('teams').selectAll().orderBy('name');
      if (names) wanted = wanted.where('name', 'in', [...names]);
      const teams = await wanted.execute();
      if (teams.length === 0) return [];
      let memberships = store.db.selectFrom('memberships');
      if (names) {
        const ids = teams.map(({ id }) => id);
        memberships = memberships.where('team_id', 'in', ids);
      }
      const members = await memberships
        .innerJoin('users', 'users.id', 'memberships.user_id')
        .select(['memberships.team_id', 'memberships.role', 'users.id', 'users.username'])
        .orderBy('users.username')
        .execute();
      const byTeam = Map.groupBy(members, (member) => member.team_id);
      return teams.map((team) =>
        toTeam(
          team,
          (byTeam.get(team.id) ?? []).map(({ id, username, role }) => ({ userId: id, username, role })),
        ),
      );
    },

    async memberIds(teamId) {
      const rows = store.db.selectFrom('memberships').select('user_id').where('team_id', '=', teamId);
      return (await rows.execute()).map(({ user_id }) => user_id);
    },

    async findTeam(id) {
      if (!isId(id)) return undefined;
      return store.db.selectFrom('teams').select(['id', 'name', 'title']).where('id', '=', id).executeTakeFirst();
    },

    async findOwner(name) {
      if (checkName(name)?.reason === 'pattern') return undefined;
      const user = await findUserRowByName(store.db, name);
      if (user) return { kind: 'user', id: user.id, name, title: name };
      const teams = store.db.selectFrom('teams').select(['id', 'name', 'title']).where('name', '=', name);
      const team = await teams.executeTakeFirst();
      return team && { kind: 'team', ...team };
    },

    deleteTeam: (id, actor) =>
      change(actor, async (scope) => {
        const team = await requireTeam(scope, id);
        const members = await scope.db.selectFrom('memberships').select('user_id').where('team_id', '=', id).execute();
        await scope.db.deleteFrom('teams').where('id', '=', id).execute();
        await touchUsers(
          scope,
          members.map((member) => member.user_id),
        );
        scope.announce({ topic: 'teams', key: id });
        scope.audit('team.deleted', `team:${team.name}`, { id, members: members.length });
      }),

    setMember: (teamId, userId, role, actor, undoes) =>
      change(actor, async (scope) => {
        const team = await requireTeam(scope, teamId);
        const user = await requireUser(scope, userId);
        requireUnchanged(user, undoes);
        const present = await scope.db
          .selectFrom('memberships')
          .select('role')
          .where('team_id', '=', teamId)
          .where('user_id', '=', userId)
          .executeTakeFirst();
        if (present?.role === role) return undefined;
        await scope.db
          .insertInto('memberships')
          .values({ team_id: teamId, user_id: userId, role, created_at: scope.now })
          .onConflict((conflict) => conflict.columns(['team_id', 'user_id']).doUpdateSet({ role }))
          .execute();
        await touchUsers(scope, [userId]);
        scope.announce({ topic: 'teams', key: teamId });
        // What is taken back is a removal when nobody is there, else another role.
        const act = undoes !== undefined && !present ? 'team.member-removed' : 'team.member-set';
        scope.audit(recordedAs(act, undoes !== undefined), `team:${team.name}`, { user: user.username, role });
        return present && undoes === undefined ? { role: present.role, undoes: user.version + 1 } : undefined;
      }),

    removeMember: (teamId, userId, actor) =>
      change(actor, async (scope) => {
        const team = await requireTeam(scope, teamId);
        const user = await requireUser(scope, userId);
        const removed = await scope.db
          .deleteFrom('memberships')
          .where('team_id', '=', teamId)
          .where('user_id', '=', userId)
          .returning('role')
          .executeTakeFirst();
        if (!removed) return undefined;
        await touchUsers(scope, [userId]);
        scope.announce({ topic: 'teams', key: teamId });
        scope.audit('team.member-removed', `team:${team.name}`, { user: user.username });
        return { role: removed.role, undoes: user.version + 1 };
      }),
  };
}

async function requireTeam(scope: ChangeScope, id: string): Promise<Row<'teams'>> {
  const row = isId(id)
    ? await scope.db.selectFrom('teams').selectAll().where('id', '=', id).executeTakeFirst()
    : undefined;
  if (!row) throw noSuchTeam();
  return row;
}

function checkTitle(text: string): void {
  const title = text.trim();
  if (title === '' || title.length > limits.teamTitle || hiddenCharacter.test(title)) {
    const message = `The title of a team has 1 to ${limits.teamTitle} characters on one line.`;
    throw knotError('KNOT_ACCOUNTS_TITLE_INVALID', 400, message);
  }
}

function toTeam(row: Row<'teams'>, members: readonly TeamMember[]): Team {
  return { id: row.id, name: row.name, title: row.title, createdAt: row.created_at, members };
}
