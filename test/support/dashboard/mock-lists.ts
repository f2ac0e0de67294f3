import type { FastifyInstance } from 'fastify';
import type { Team } from '../../../gateway/api/contract.ts';
import type { MockData, MockTeam } from './mock-data.ts';

/** Lists of the mock, sorted, searched, filtered and paged as the gateway does it. */

type Query = Record<string, string | undefined>;

/** One page of what is left. */
function paged<T>(found: readonly T[], { page = '1', limit = '50' }: Query): T[] {
  const from = (Number(page) - 1) * Number(limit);
  return found.slice(from, from + Number(limit));
}

type Sortable = string | number | null | undefined;

function sorted<T>(found: T[], sort: string | undefined, by: Record<string, (row: T) => Sortable>): T[] {
  const key = by[sort?.replace(/^-/, '') ?? ''];
  if (!key) return found;
  const rank = (value: Sortable): string =>
    typeof value === 'number' ? String(value).padStart(20, '0') : (value ?? '').toLowerCase();
  const ascending = found.toSorted((a, b) => rank(key(a)).localeCompare(rank(key(b))));
  return sort?.startsWith('-') ? ascending.reverse() : ascending;
}

export const toTeam = ({ members, ...team }: MockTeam): Team => ({
  ...team,
  members: members.length,
  managers: members.filter(({ role }) => role === 'manager').length,
});

export function listRoutes(api: FastifyInstance, data: MockData): void {
  const missing = { statusCode: 404, code: 'KNOT_API_NO_USER', message: 'There is no such user.', requestId: 'req-3' };
  const findUser = (id: string) =>
    data.users.find((user) => user.id === id) ?? data.users.find((user) => user.username === id && user.hasName);
  const findTeam = (id: string) => data.teams.find((team) => team.id === id || team.name === id);

  api.get<{ Querystring: Query }>('/users', ({ query }) => {
    const { q = '', state, isAdmin, team, sort } = query;
    const searched = data.users.filter(
      (user) =>
        `${user.username} ${user.email}`.includes(q.toLowerCase()) &&
        (team === undefined || user.teams.some(({ name }) => name === team)),
    );
    const isWanted = (user: (typeof searched)[number]) =>
      (state === undefined || user.state === state) && (isAdmin === undefined || String(user.isAdmin) === isAdmin);
    const count = (wanted: string) => searched.filter((user) => user.state === wanted).length;
    const waitingFirst = searched.toSorted((a, b) => Number(b.state === 'pending') - Number(a.state === 'pending'));
    const found = sorted(waitingFirst.filter(isWanted), sort, {
      name: ({ username }) => username,
      email: ({ email }) => email,
      state: (user) => ['pending', 'active', 'disabled'].indexOf(user.state),
      createdAt: ({ createdAt }) => createdAt,
      lastSignInAt: ({ lastSignInAt }) => lastSignInAt ?? 0,
    });
    return {
      admins: data.users.filter((user) => user.isAdmin && user.state === 'active').length,
      users: paged(found, query),
      total: found.length,
      counts: {
        pending: count('pending'),
        active: count('active'),
        disabled: count('disabled'),
        admin: searched.filter((user) => user.isAdmin).length,
      },
    };
  });
  api.get<{ Params: { id: string } }>(
    '/users/:id',
    ({ params }, reply) => findUser(params.id) ?? reply.code(404).send(missing),
  );
  api.get<{ Querystring: Query }>('/teams', ({ query }) => {
    const { q = '', sort } = query;
    const found = data.teams
      .map(toTeam)
      .filter(({ name, title }) => `${name} ${title}`.toLowerCase().includes(q.toLowerCase()));
    const ordered = sorted(found, sort ?? 'title', {
      title: ({ title }) => title,
      name: ({ name }) => name,
      members: ({ members }) => members,
      createdAt: ({ createdAt }) => createdAt,
    });
    return { teams: paged(ordered, query), total: found.length };
  });
  api.get<{ Params: { id: string } }>('/teams/:id', ({ params }, reply) => {
    const team = findTeam(params.id);
    return team ? toTeam(team) : reply.code(404).send({ ...missing, code: 'KNOT_API_NO_TEAM' });
  });
  api.get<{ Params: { id: string }; Querystring: Query }>('/teams/:id/members', ({ params, query }) => {
    const { q = '', role, sort } = query;
    const searched = findTeam(params.id)!.members.filter(({ username, email = '' }) =>
      `${username} ${email}`.includes(q.toLowerCase()),
    );
    const found = sorted(
      searched.filter((member) => role === undefined || member.role === role),
      sort ?? 'role',
      { name: ({ username }) => username, role: (member) => member.role, since: ({ since }) => since },
    );
    const count = (wanted: string) => searched.filter((member) => member.role === wanted).length;
    const counts = { manager: count('manager'), member: count('member') };
    return { members: paged(found, query), total: found.length, counts };
  });
  api.get<{ Querystring: Query }>('/audit', ({ query }) => {
    const { action, person, actor, subject, from = '0', to = '9e15', before = '1000', limit = '50' } = query;
    const named = data.audit.filter(
      (record) =>
        record.at >= Number(from) &&
        record.at < Number(to) &&
        (!person || record.actor === person || record.subject.split(':')[1] === person) &&
        (!actor || record.actor === actor) &&
        (!subject || record.subject === subject),
    );
    const found = named.filter((record) => record.seq < Number(before) && (!action || record.action === action));
    const records = found.slice(0, Number(limit));
    const counts = Object.entries(Object.groupBy(named, (record) => record.action)).map(([kind, all]) => ({
      action: kind,
      count: all!.length,
      isMore: false,
    }));
    return { records, nextBefore: found.length > records.length ? records.at(-1)!.seq : null, counts };
  });
}
