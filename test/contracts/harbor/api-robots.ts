import { filtersOf, paged, type Routes, textOf } from './api.ts';
import { neverGiven } from './permissions.ts';
import {
  badRequest,
  conflict,
  forbidden,
  HarborError,
  notFound,
  type Permission,
  randomSecret,
  type Robot,
  type State,
  unauthorized,
} from './state.ts';
import { mayIn, maySystem, type Who } from './who.ts';

/** Of a project by its members' roles, or by what a robot was given there; else of the installation. */
function mustMay(state: State, who: Who, level: string, project: { name?: string; id?: number }, action: string): void {
  const found = state.projects.find(({ id, name }) => id === project.id || name === project.name);
  const isAllowed =
    level === 'project' && found ? mayIn(state, who, found, 'robot', action) : maySystem(who, 'robot', action);
  if (!isAllowed) throw who.kind === 'nobody' ? unauthorized() : forbidden();
}

const described = (robot: Robot) => ({
  id: robot.id,
  name: robot.name,
  description: robot.description,
  level: robot.level,
  duration: robot.duration,
  expires_at: robot.expiresAt,
  disable: robot.isDisabled,
  editable: true,
  permissions: robot.permissions,
  creation_time: robot.createdAt,
});

function checked(body: Record<string, unknown>) {
  const { level, duration = 0 } = body as { level?: Robot['level']; duration?: number };
  const permissions = (body['permissions'] ?? []) as Permission[];
  if (!Number.isInteger(duration) || (duration < 1 && duration !== -1))
    throw badRequest(`bad request error duration input: ${duration}`);
  if (level !== 'project' && level !== 'system') throw badRequest(`bad request error level input: ${level}`);
  if (permissions.length === 0) throw badRequest('bad request empty permission');
  if (permissions.some(({ access }) => !access?.length)) throw badRequest('bad request empty access');
  if (level === 'project' && permissions.length > 1) throw badRequest('bad request permission');
  for (const { kind, access } of permissions) {
    const never = neverGiven(kind, access);
    if (never !== undefined) throw badRequest(`bad request permission: ${never}`);
  }
  return { level, duration, permissions };
}

/** Nobody gives more than they have. */
function holds(maker: Robot, { kind, namespace, access }: Permission): boolean {
  const own = (of: string) => maker.permissions.find((one) => one.kind === kind && one.namespace === of);
  const given = (own(namespace) ?? own('*'))?.access ?? [];
  return access.every(({ resource, action }) =>
    given.some((one) => one.resource === resource && one.action === action),
  );
}

const endOf = (from: number, days: number): number => (days === -1 ? -1 : Math.floor(from / 1000) + days * 86_400);

function robotOf(state: State, id: string | undefined): Robot {
  const robot = state.robots.find((one) => one.id === Number(id));
  if (robot === undefined) throw notFound(`robot ${id} not found`);
  return robot;
}

export const robotRoutes: Routes = {
  'POST /robots': ({ state, who, body, path }) => {
    const name = textOf(body['name']);
    if (!/^[a-z0-9]+(?:[._-][a-z0-9]+)*$/.test(name)) {
      throw badRequest('robot name is not in lower case or contains illegal characters');
    }
    const { level, duration, permissions } = checked(body);
    const namespace = permissions[0]!.namespace;
    mustMay(state, who, level, { name: namespace }, 'create');
    if (who.kind === 'robot' && !permissions.every((one) => holds(who.robot, one))) {
      throw new HarborError(403, 'DENIED', 'permission scope is invalid. It must be equal to or more restrictive');
    }
    const project = level === 'project' ? state.projects.find((one) => one.name === namespace) : undefined;
    if (level === 'project' && project === undefined) throw notFound(`project ${namespace} not found`);
    const full = `${state.settings.robot_name_prefix}${project ? `${project.name}+` : ''}${name}`;
    if (state.robots.some((one) => one.name === full)) throw conflict(`robot account ${full} already exists`);
    const robot: Robot = {
      ...{ id: state.nextId(), name: full, level, duration, permissions, isDisabled: false, projectId: project?.id },
      // A secret in the body is not looked at.
      ...{ secret: randomSecret(), description: textOf(body['description']) },
      ...{ expiresAt: endOf(Date.now(), duration), createdAt: new Date().toISOString() },
    };
    state.robots.push(robot);
    const { id, secret, expiresAt, createdAt } = robot;
    return {
      status: 201,
      body: { id, name: full, secret, creation_time: createdAt, expires_at: expiresAt },
      headers: { location: `${path}/${id}` },
    };
  },
  'GET /robots': ({ state, who, query, path }) => {
    if (who.kind === 'nobody') throw unauthorized();
    const filters = filtersOf(query);
    const level = filters.get('level')?.value ?? 'system';
    const projectId = filters.get('projectid')?.value;
    if (level === 'project' && projectId === undefined)
      throw badRequest('must with project ID when to query project robots');
    if (projectId !== undefined && !/^\d+$/.test(projectId)) throw badRequest('Project ID must be int type.');
    mustMay(state, who, level, { id: Number(projectId) }, 'list');
    const named = filters.get('name');
    const all = state.robots.filter(
      (one) =>
        one.level === level &&
        (level === 'system' || one.projectId === Number(projectId)) &&
        (named === undefined || (named.isPart ? one.name.includes(named.value) : one.name === named.value)),
    );
    return paged({ query, path }, all.map(described));
  },
  'GET /robots/:': ({ state, who, params }) => {
    if (who.kind === 'nobody') throw unauthorized();
    const robot = robotOf(state, params[0]);
    mustMay(state, who, robot.level, { id: robot.projectId! }, 'read');
    return { status: 200, body: described(robot) };
  },
  'PATCH /robots/:': ({ state, who, params, body }) => {
    if (who.kind === 'nobody') throw unauthorized();
    const robot = robotOf(state, params[0]);
    mustMay(state, who, robot.level, { id: robot.projectId! }, 'update');
    const given = textOf(body['secret']);
    if (given !== '' && !(given.length >= 8 && [/[a-z]/, /[A-Z]/, /\d/].every((kind) => kind.test(given)))) {
      throw badRequest(
        'the secret must longer than 8 chars with at least 1 uppercase letter, 1 lowercase letter and 1 number',
      );
    }
    robot.secret = given === '' ? randomSecret() : given;
    // What somebody brought is not said again.
    return { status: 200, body: { secret: given === '' ? robot.secret : '' } };
  },
  'PUT /robots/:': ({ state, who, params, body }) => {
    if (who.kind === 'nobody') throw unauthorized();
    const robot = robotOf(state, params[0]);
    const { level, duration, permissions } = checked(body);
    mustMay(state, who, level, { name: permissions[0]!.namespace }, 'update');
    if (level !== robot.level || body['name'] !== robot.name)
      throw badRequest('cannot update the level or name of robot');
    if (duration !== robot.duration) robot.expiresAt = endOf(Date.parse(robot.createdAt), duration);
    Object.assign(robot, {
      duration,
      permissions,
      isDisabled: body['disable'] === true,
      description: textOf(body['description']),
    });
    return { status: 200 };
  },
  'DELETE /robots/:': ({ state, who, params }) => {
    if (who.kind === 'nobody') throw unauthorized();
    const robot = robotOf(state, params[0]);
    mustMay(state, who, robot.level, { id: robot.projectId! }, 'delete');
    state.robots = state.robots.filter((one) => one !== robot);
    return { status: 200 };
  },
};
