import type { Kysely } from 'kysely';
import { checkName, type TeamRole } from '../lib/index.ts';
import type { Row, Tables, Transaction } from '../store/index.ts';
import { emailKey } from './email.ts';
import type { User } from './model.ts';

type Db = Kysely<Tables>;

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Ids come from addresses people type; PostgreSQL refuses some texts (NUL) that would then be a failure, not a miss. */
export function isId(text: string): boolean {
  return uuid.test(text);
}

export async function findUserRow(db: Db, id: string): Promise<Row<'users'> | undefined> {
  if (!isId(id)) return undefined;
  return named(await db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst());
}

/** Who waits for approval is known by the wished name; where names are unique a placeholder stands (new-user.ts). */
function named<R extends Row<'users'> | undefined>(row: R): R {
  return row && row.wished_name !== null ? { ...row, username: row.wished_name } : row;
}

/** The sign-up that has waited longest under a name. */
export async function findWaitingRow(db: Db, username: string): Promise<Row<'users'> | undefined> {
  if (checkName(username)?.reason === 'pattern') return undefined;
  const waiting = db.selectFrom('users').selectAll().where('wished_name', '=', username).orderBy('created_at').limit(1);
  return named(await waiting.executeTakeFirst());
}

export async function findUserRowByName(db: Db, username: string): Promise<Row<'users'> | undefined> {
  if (checkName(username)?.reason === 'pattern') return undefined;
  return db.selectFrom('users').selectAll().where('username', '=', username).executeTakeFirst();
}

/** Whose account is meant by what was typed in a sign-in form: a username, or an e-mail address in any letter case. */
export async function findUserRowBySignIn(db: Db, typed: string): Promise<Row<'users'> | undefined> {
  if (!typed.includes('@')) return findUserRowByName(db, typed);
  const key = emailKey(typed);
  if (key === undefined) return undefined;
  return db.selectFrom('users').selectAll().where('email_key', '=', key).executeTakeFirst();
}

export async function toUser(db: Db, row: Row<'users'>): Promise<User> {
  return (await toUsers(db, [row]))[0]!;
}

export async function toUsers(db: Db, rows: readonly Row<'users'>[]): Promise<User[]> {
  const teams = await teamsOf(
    db,
    rows.map((row) => row.id),
  );
  return rows.map(named).map((row) => ({
    id: row.id,
    username: row.username,
    email: row.email,
    isEmailProven: row.email_proven_at !== null,
    isAdmin: row.is_admin === 1,
    state: row.state,
    hasName: row.wished_name === null,
    hasPassword: row.password_hash !== null,
    credentialVersion: row.credential_version,
    createdAt: row.created_at,
    lastSignInAt: row.last_sign_in_at,
    teams: teams.get(row.id) ?? [],
  }));
}

/** SQLite takes 32,766 values in one statement, PostgreSQL 65,535; a list of everyone may be longer. */
const idsPerQuery = 1000;

/** Team names and roles per user id, by team name. */
async function teamsOf(db: Db, userIds: readonly string[]): Promise<Map<string, { name: string; role: TeamRole }[]>> {
  const teams = new Map<string, { name: string; role: TeamRole }[]>(userIds.map((id) => [id, []]));
  for (let from = 0; from < userIds.length; from += idsPerQuery) {
    const rows = await db
      .selectFrom('memberships')
      .innerJoin('teams', 'teams.id', 'memberships.team_id')
      .select(['memberships.user_id', 'memberships.role', 'teams.name'])
      .where('memberships.user_id', 'in', userIds.slice(from, from + idsPerQuery))
      .orderBy('teams.name')
      .execute();
    for (const { user_id, name, role } of rows) teams.get(user_id)?.push({ name, role });
  }
  return teams;
}

/** Marks what the principals of these people show as changed: new version, and every process forgets the old one. */
export async function touchUsers(transaction: Transaction, userIds: readonly string[]): Promise<void> {
  if (userIds.length === 0) return;
  await transaction.db
    .updateTable('users')
    .set(({ eb }) => ({ version: eb('version', '+', 1) }))
    .where('id', 'in', userIds)
    .execute();
  for (const key of userIds) transaction.announce({ topic: 'users', key });
}

/** Active admins with and without a password, one person left out. */
export async function countAdmins(db: Db, exceptId = ''): Promise<{ all: number; withPassword: number }> {
  return db
    .selectFrom('users')
    .select(({ fn }) => [fn.countAll<number>().as('all'), fn.count<number>('password_hash').as('withPassword')])
    .where('is_admin', '=', 1)
    .where('state', '=', 'active')
    .where('id', '!=', exceptId)
    .executeTakeFirstOrThrow();
}
