import type { IncomingMessage } from 'node:http';
import type { RelyingParty } from './issuer.ts';
import { type Project, type Robot, type State, type User } from './state.ts';

/** Who a request is from, as Harbor's chain of security contexts finds it. */
export type Who =
  | { kind: 'user'; user: User; groups: string[]; isAdmin: boolean; bySession: boolean }
  | { kind: 'robot'; robot: Robot }
  | { kind: 'nobody' };

export const nobody: Who = { kind: 'nobody' };

/** `go` from the header to somebody; a secret that is wrong is nobody, as there. */
export function createWho(state: State, relyingParty: RelyingParty) {
  /** Addresses where a person's CLI secret counts. */
  const forSecrets = /^\/(?:service\/token$|v2(?:\/|$)|api\/v2\.0\/projects\/[^/]+\/repositories)/;

  async function bySecret(username: string, secret: string): Promise<Who> {
    const user = state.users.find((one) => one.username === username);
    if (user?.oidc === undefined || user.oidc.secret !== secret) return nobody;
    // 10 s before its end a token counts as over (golang.org/x/oauth2).
    if (user.oidc.tokens.expiresAt - 10_000 < Date.now()) {
      try {
        user.oidc.tokens = await relyingParty.refresh(user.oidc.tokens);
      } catch {
        return nobody;
      }
    }
    try {
      const { groups, isAdmin } = await relyingParty.whoIs(user.oidc.tokens);
      for (const name of groups) groupNamed(state, name);
      return { kind: 'user', user, groups, isAdmin: user.isAdmin || isAdmin, bySession: false };
    } catch {
      return nobody;
    }
  }

  function byRobot(name: string, secret: string): Who {
    const robot = state.robots.find((one) => one.name === name);
    if (robot === undefined || robot.isDisabled || robot.secret !== secret) return nobody;
    if (robot.expiresAt !== -1 && robot.expiresAt * 1000 < Date.now()) return nobody;
    return { kind: 'robot', robot };
  }

  const asUser = (user: User, bySession: boolean): Who => ({
    ...{ kind: 'user', user, groups: user.groups, bySession },
    isAdmin: user.isAdmin || user.adminByGroup,
  });

  return async function whoAsks(request: IncomingMessage, path: string): Promise<Who> {
    const { authorization = '' } = request.headers;
    const basic = /^Basic (.+)$/i.exec(authorization)?.[1];
    if (basic !== undefined) {
      const [, name, secret] = /^([^:]*):(.*)$/s.exec(Buffer.from(basic, 'base64').toString())! ?? [];
      if (name === undefined || secret === undefined) return nobody;
      if (name.startsWith(state.settings.robot_name_prefix)) return byRobot(name, secret);
      const local = state.users.find((one) => one.username === name && one.password !== undefined);
      // In OIDC mode nobody but the first administrator has a password.
      const mayHavePassword = state.settings.auth_mode === 'db_auth' || local?.id === 1;
      if (local && mayHavePassword) return local.password === secret ? asUser(local, false) : nobody;
      return state.settings.auth_mode === 'oidc_auth' && forSecrets.test(path) ? await bySecret(name, secret) : nobody;
    }
    const bearer = /^Bearer (.+)$/i.exec(authorization)?.[1];
    if (bearer !== undefined && state.settings.auth_mode === 'oidc_auth') {
      try {
        const claims = await relyingParty.verify(bearer);
        const user = state.users.find(
          (one) => one.oidc?.subjectAndIssuer === `${claims['sub'] as string}${claims['iss'] as string}`,
        );
        return user ? asUser(user, false) : nobody;
      } catch {
        return nobody;
      }
    }
    const session = sessionOf(state, request);
    const user = session && state.users.find(({ id }) => id === session.userId);
    return user ? asUser(user, true) : nobody;
  };
}

export function sessionOf(state: State, request: IncomingMessage) {
  const id = /(?:^|; )sid=([^;]+)/.exec(request.headers.cookie ?? '')?.[1];
  return id === undefined ? undefined : state.sessions.get(id);
}

/** Groups appear when somebody first brings them, or when a project names them. */
export function groupNamed(state: State, name: string): { id: number; name: string } {
  const known = state.groups.find((group) => group.name === name);
  if (known) return known;
  const made = { id: state.nextId(), name };
  state.groups.push(made);
  return made;
}

/** In a project that is public. */
const byAnybody = [
  'project:read',
  'repository:pull',
  'repository:list',
  'repository:read',
  'artifact:list',
  'artifact:read',
];
const byGuest = [...byAnybody, 'tag:list', 'member:list', 'quota:read'];
/** What the roles may in a project, of what Knot and registry clients ask. */
const byRole: Record<number, readonly string[]> = {
  1: ['*'],
  4: [
    'project:read',
    'repository:*',
    'artifact:*',
    'tag:*',
    'member:list',
    'member:read',
    'robot:list',
    'robot:read',
    'quota:read',
  ],
  2: [...byGuest, 'repository:push'],
  3: byGuest,
  5: ['project:read', 'repository:pull', 'repository:read', 'artifact:read'],
};

const covers = (allowed: readonly string[], resource: string, action: string): boolean =>
  ['*', `${resource}:*`, `${resource}:${action}`].some((one) => allowed.includes(one));

/** Whether somebody may do something with a project. */
export function mayIn(state: State, who: Who, project: Project, resource: string, action: string): boolean {
  if (who.kind === 'robot') {
    return who.robot.permissions.some(
      ({ kind, namespace, access }) =>
        kind === 'project' &&
        ((namespace === project.name && listed(access, resource, action)) ||
          // In all projects a right to the project is one to all that is in it.
          (namespace === '*' && (listed(access, resource, action) || listed(access, 'project', action)))),
    );
  }
  if (who.kind === 'user' && who.isAdmin) return true;
  if (project.isPublic && covers(byAnybody, resource, action)) return true;
  if (who.kind !== 'user') return false;
  const groupIds = who.groups.map((name) => state.groups.find((group) => group.name === name)?.id);
  return project.members.some(
    (member) =>
      ('userId' in member ? member.userId === who.user.id : groupIds.includes(member.groupId)) &&
      covers(byRole[member.roleId] ?? [], resource, action),
  );
}

/** Whether somebody may do something with the installation. */
export function maySystem(who: Who, resource: string, action: string): boolean {
  if (who.kind === 'user') return who.isAdmin;
  if (who.kind !== 'robot') return false;
  return who.robot.permissions.some(({ kind, access }) => kind === 'system' && listed(access, resource, action));
}

const listed = (access: readonly { resource: string; action: string }[], resource: string, action: string): boolean =>
  access.some((one) => one.resource === resource && (one.action === action || one.action === '*'));
