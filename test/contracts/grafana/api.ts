/* eslint-disable @typescript-eslint/no-explicit-any -- bodies are whatever a client sends */
import { randomUUID } from 'node:crypto';
import type { Configuration } from './configuration.ts';
import { addUser, Refused, type User } from './people.ts';

export type Grant = { userId?: number; teamId?: number; role?: string; permission: number };
export type Folder = { uid: string; title: string; version: number; grants: Grant[] };
export type Team = { id: number; uid: string; name: string; members: number[] };
export type State = {
  configuration: Configuration;
  users: User[];
  teams: Team[];
  folders: Map<string, Folder>;
  dashboards: Map<string, { folderUid: string; dashboard: any }>;
  dataSources: Map<string, any>;
};

export type Asked = { user: User; method: string; path: string; query: URLSearchParams; body: any };
export type Answered = { status: number; body: unknown };

type Handler = (asked: Asked, ...parameters: string[]) => Answered | unknown;

const answer = (status: number, body: unknown): Answered => ({ status, body });
const message = (status: number, text: string): never => {
  throw new Refused(status, text);
};

/** Rights on a folder: the highest of a person, their teams and their role; an administrator has all. */
export function mayOn(state: State, user: User, { grants }: Folder): number {
  if (user.role === 'Admin' || user.isServerAdmin) return 4;
  const teams = new Set(state.teams.filter(({ members }) => members.includes(user.id)).map(({ id }) => id));
  const isMine = ({ userId, teamId, role }: Grant): boolean =>
    userId === user.id || (teamId !== undefined && teams.has(teamId)) || role === user.role;
  return Math.max(0, ...grants.filter(isMine).map(({ permission }) => permission));
}

/** The HTTP API as Grafana documents it (Admin, User, Team, Folder, Folder permissions, Dashboard, Data source, Other APIs). */
export function createApi(state: State): (asked: Asked) => Answered {
  const { users, teams, folders, dashboards, dataSources } = state;
  const userById = (id: string): User => users.find((one) => one.id === Number(id)) ?? message(404, 'user not found');
  const teamById = (id: string): Team => teams.find((one) => one.id === Number(id)) ?? message(404, 'Team not found');
  const folderOf = (uid: string): Folder => folders.get(uid) ?? message(404, 'folder not found');
  const userView = ({ id, login, email, name, role, isDisabled }: User) => ({
    ...{ id, login, email, name, isDisabled, orgId: 1, isGrafanaAdmin: false },
    orgRole: role,
  });

  const admin: [method: string, path: RegExp, handler: Handler][] = [
    [
      'GET',
      /^\/api\/admin\/settings$/,
      () =>
        Object.fromEntries(
          Object.entries(state.configuration).map(([section, values]) => [
            section,
            Object.fromEntries(
              Object.entries(values).map(([key, value]) => [key, /secret|password/.test(key) ? '*********' : value]),
            ),
          ]),
        ),
    ],
    [
      'POST',
      /^\/api\/admin\/users$/,
      ({ body }) => {
        if (!body?.password || String(body.password).length < 4) message(400, 'Password is missing or too short');
        if (users.some(({ login, email }) => login === body.login || (email !== '' && email === body.email)))
          message(412, `User with email '${body.email}' or username '${body.login}' already exists`);
        const { id } = addUser(users, { login: body.login, email: body.email ?? '', name: body.name ?? '' });
        return { id, uid: randomUUID(), message: 'User created' };
      },
    ],
    [
      'POST',
      /^\/api\/admin\/users\/(\d+)\/(disable|enable|logout)$/,
      (_asked, id, act) => {
        const user = userById(id!);
        if (act !== 'logout') user.isDisabled = act === 'disable';
        return { message: act === 'logout' ? 'User logged out' : `User ${act}d` };
      },
    ],
    [
      'DELETE',
      /^\/api\/admin\/users\/(\d+)$/,
      (_asked, id) => {
        users.splice(users.indexOf(userById(id!)), 1);
        for (const team of teams) team.members = team.members.filter((member) => member !== Number(id));
        return { message: 'User deleted' };
      },
    ],
    [
      'GET',
      /^\/api\/users\/lookup$/,
      ({ query }) => {
        const wanted = query.get('loginOrEmail');
        const found = users.find(({ login }) => login === wanted) ?? users.find(({ email }) => email === wanted);
        return found ? userView(found) : message(404, 'user not found');
      },
    ],
    [
      'GET',
      /^\/api\/teams\/search$/,
      ({ query }) => {
        const found = teams.filter(({ name }) => query.get('name') === null || name === query.get('name'));
        return {
          totalCount: found.length,
          teams: found.map(({ members: _, ...team }) => team),
          page: 1,
          perPage: 1000,
        };
      },
    ],
    [
      'POST',
      /^\/api\/teams$/,
      ({ body }) => {
        if (teams.some(({ name }) => name === body.name)) message(409, 'Team name taken');
        const team = {
          id: Math.max(0, ...teams.map(({ id }) => id)) + 1,
          uid: randomUUID(),
          name: body.name,
          members: [],
        };
        teams.push(team);
        return { message: 'Team created', teamId: team.id, uid: team.uid };
      },
    ],
    [
      'DELETE',
      /^\/api\/teams\/(\d+)$/,
      (_asked, id) => (teams.splice(teams.indexOf(teamById(id!)), 1), { message: 'Team deleted' }),
    ],
    [
      'GET',
      /^\/api\/teams\/(\d+)\/members$/,
      (_asked, id) =>
        teamById(id!).members.map((userId) => ({ userId, teamId: Number(id), login: userById(String(userId)).login })),
    ],
    [
      'POST',
      /^\/api\/teams\/(\d+)\/members$/,
      ({ body }, id) => {
        const team = teamById(id!);
        if (team.members.includes(body.userId)) message(400, 'User is already added to this team');
        team.members.push(userById(String(body.userId)).id);
        return { message: 'Member added to Team' };
      },
    ],
    [
      'DELETE',
      /^\/api\/teams\/(\d+)\/members\/(\d+)$/,
      (_asked, id, userId) => {
        const team = teamById(id!);
        if (!team.members.includes(Number(userId))) message(404, 'Team member not found');
        team.members = team.members.filter((member) => member !== Number(userId));
        return { message: 'Team Member removed' };
      },
    ],
    [
      'POST',
      /^\/api\/folders$/,
      ({ body }) => {
        const uid = body.uid ?? randomUUID();
        if (folders.has(uid)) message(409, 'a folder with the same uid already exists');
        // A folder is everybody's until its rights are set.
        const grants = [
          { role: 'Viewer', permission: 1 },
          { role: 'Editor', permission: 2 },
        ];
        folders.set(uid, { uid, title: body.title, version: 1, grants });
        return { uid, title: body.title, version: 1 };
      },
    ],
    [
      'PUT',
      /^\/api\/folders\/([^/]+)$/,
      ({ body }, uid) => {
        const folder = folderOf(uid!);
        if (body.overwrite !== true && body.version !== folder.version)
          message(412, 'the folder has been changed by someone else');
        folder.title = body.title;
        folder.version += 1;
        return { uid, title: folder.title, version: folder.version };
      },
    ],
    [
      'DELETE',
      /^\/api\/folders\/([^/]+)$/,
      (_asked, uid) => (folderOf(uid!), folders.delete(uid!), { message: 'Folder deleted' }),
    ],
    [
      'GET',
      /^\/api\/folders\/([^/]+)\/permissions$/,
      (_asked, uid) => [
        { uid, userId: 0, teamId: 0, role: 'Admin', permission: 4, inherited: false },
        ...folderOf(uid!).grants.map(({ userId = 0, teamId = 0, role, permission }) => ({
          ...{ uid, userId, teamId, permission, inherited: false },
          ...(role !== undefined && { role }),
        })),
      ],
    ],
    [
      'POST',
      /^\/api\/folders\/([^/]+)\/permissions$/,
      ({ body }, uid) => {
        folderOf(uid!).grants = body.items;
        return { message: 'Folder permissions updated' };
      },
    ],
    [
      'GET',
      /^\/api\/datasources\/uid\/([^/]+)$/,
      (_asked, uid) => dataSources.get(uid!) ?? message(404, 'Data source not found'),
    ],
    [
      'POST',
      /^\/api\/datasources$/,
      ({ body }) => {
        if (dataSources.has(body.uid)) message(409, 'data source with the same uid already exists');
        dataSources.set(body.uid, { id: dataSources.size + 1, readOnly: false, ...body });
        return { message: 'Datasource added', datasource: body };
      },
    ],
    [
      'PUT',
      /^\/api\/datasources\/uid\/([^/]+)$/,
      ({ body }, uid) => {
        const before = dataSources.get(uid!) ?? message(404, 'Data source not found');
        dataSources.set(uid!, { ...before, ...body });
        return { message: 'Datasource updated' };
      },
    ],
    [
      'POST',
      /^\/api\/dashboards\/db$/,
      ({ body }) => {
        const { uid } = body.dashboard;
        if (!folders.has(body.folderUid)) message(400, 'folder not found');
        const before = dashboards.get(uid);
        if (before && body.overwrite !== true) message(412, 'A dashboard with the same uid already exists');
        const version = (before?.dashboard.version ?? 0) + 1;
        dashboards.set(uid, {
          folderUid: body.folderUid,
          dashboard: { ...body.dashboard, id: dashboards.size + 1, version },
        });
        return { status: 'success', uid, version };
      },
    ],
  ];

  const everybody: typeof admin = [
    ['GET', /^\/api\/user$/, ({ user }) => userView(user)],
    [
      'GET',
      /^\/api\/folders$/,
      ({ user }) =>
        [...folders.values()]
          .filter((folder) => mayOn(state, user, folder) > 0)
          .map(({ uid, title }) => ({ uid, title })),
    ],
    [
      'GET',
      /^\/api\/folders\/([^/]+)$/,
      ({ user }, uid) => {
        const folder = folderOf(uid!);
        if (mayOn(state, user, folder) === 0)
          message(403, "You'll need additional permissions to perform this action.");
        return { uid, title: folder.title, version: folder.version, canSave: mayOn(state, user, folder) >= 2 };
      },
    ],
    [
      'GET',
      /^\/api\/dashboards\/uid\/([^/]+)$/,
      ({ user }, uid) => {
        const found = dashboards.get(uid!) ?? message(404, 'Dashboard not found');
        const folder = folders.get(found.folderUid);
        if (!folder || mayOn(state, user, folder) === 0)
          message(403, "You'll need additional permissions to perform this action.");
        return { dashboard: found.dashboard, meta: { folderUid: found.folderUid, isFolder: false } };
      },
    ],
  ];

  return (asked) => {
    for (const [rows, isAllowed] of [
      [everybody, true],
      [admin, asked.user.role === 'Admin' || asked.user.isServerAdmin],
    ] as const)
      for (const [method, path, handler] of rows) {
        const found = path.exec(asked.path);
        if (!found || method !== asked.method) continue;
        if (!isAllowed) return answer(403, { message: "You'll need additional permissions to perform this action." });
        const said = handler(asked, ...found.slice(1));
        return answer(200, said);
      }
    return answer(404, { message: 'Not found' });
  };
}
