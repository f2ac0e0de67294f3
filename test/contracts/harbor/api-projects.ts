import { type Call, filtersOf, paged, type Routes, textOf } from './api.ts';
import {
  badRequest,
  conflict,
  forbidden,
  notFound,
  precondition,
  type Project,
  type State,
  unauthorized,
} from './state.ts';
import { groupNamed, mayIn, maySystem } from './who.ts';

/** By number, or by name when the header says so; a name of digits is a number otherwise. */
export function projectOf({ state, params, headers }: Pick<Call, 'state' | 'params' | 'headers'>): Project {
  const named = params[0]!;
  const byName = headers['x-is-resource-name'] === 'true' || !/^\d+$/.test(named);
  const project = state.projects.find((one) => (byName ? one.name === named : one.id === Number(named)));
  if (project === undefined) throw notFound(`project ${named} not found`);
  return project;
}

/** @throws 401 for nobody, 403 for others, also where there is no such project; 404 there for administrators alone */
function allowedProject(call: Call, resource: string, action: string): Project {
  const { who } = call;
  const isEverywhere = who.kind === 'user' && who.isAdmin;
  try {
    const project = projectOf(call);
    if (mayIn(call.state, who, project, resource, action)) return project;
  } catch (error) {
    if (isEverywhere) throw error;
  }
  throw who.kind === 'nobody' ? unauthorized() : forbidden();
}

const repositoriesOf = (state: State, project: Project): string[] => [
  ...new Set(state.artifacts.filter(({ projectId }) => projectId === project.id).map(({ repository }) => repository)),
];

const described = (state: State, project: Project) => ({
  project_id: project.id,
  name: project.name,
  owner_name: project.owner,
  creation_time: project.createdAt,
  update_time: project.createdAt,
  repo_count: repositoriesOf(state, project).length,
  metadata: { public: String(project.isPublic) },
});

export const projectRoutes: Routes = {
  'HEAD /projects': ({ state, who, query }) => {
    if (who.kind === 'nobody') throw unauthorized();
    const found = state.projects.some(({ name }) => name === query.get('project_name'));
    return { status: found ? 200 : 404 };
  },
  'GET /projects': ({ state, who, query, path }) => {
    const name = query.get('name') ?? filtersOf(query).get('name')?.value ?? '';
    const shown = state.projects.filter((one) => one.name.includes(name) && mayIn(state, who, one, 'project', 'read'));
    return paged(
      { query, path },
      shown.map((one) => described(state, one)),
    );
  },
  'POST /projects': ({ state, who, body, path }) => {
    const isFree = who.kind === 'user' && state.settings['project_creation_restriction'] === 'everyone';
    if (!isFree && !maySystem(who, 'project', 'create')) throw who.kind === 'nobody' ? unauthorized() : forbidden();
    const name = textOf(body['project_name']);
    if (!/^[a-z0-9]+(?:[._-][a-z0-9]+)*$/.test(name) || name.length > 255) {
      throw badRequest('project name is not in lower case or contains illegal characters');
    }
    const limit = (body['storage_limit'] as number | null | undefined) ?? -1;
    if (!Number.isInteger(limit) || limit === 0 || limit < -1) throw badRequest(`invalid value ${limit} for storage`);
    if (state.projects.some((one) => one.name === name)) throw conflict(`The project named ${name} already exists`);
    const owner = who.kind === 'user' ? who.user : state.users[0]!;
    const id = state.nextId();
    state.projects.push({
      ...{ id, name, createdAt: new Date().toISOString(), owner: owner.username, storageLimit: limit },
      isPublic: (body['metadata'] as { public?: string } | undefined)?.public === 'true',
      members: [{ id: state.nextId(), roleId: 1, userId: owner.id }],
    });
    return { status: 201, headers: { location: `${path}/${id}` } };
  },
  'GET /projects/:': (call) => ({ status: 200, body: described(call.state, allowedProject(call, 'project', 'read')) }),
  'PUT /projects/:': (call) => {
    const project = allowedProject(call, 'project', 'update');
    const { public: isPublic } = (call.body['metadata'] ?? {}) as { public?: string };
    if (isPublic !== undefined) project.isPublic = isPublic === 'true';
    return { status: 200 };
  },
  'GET /projects/:/_deletable': (call) => {
    const project = allowedProject(call, 'project', 'delete');
    const holds = repositoriesOf(call.state, project).length > 0;
    const message = 'the project contains repositories, can not be deleted';
    return { status: 200, body: { deletable: !holds, ...(holds && { message }) } };
  },
  'DELETE /projects/:': (call) => {
    const project = allowedProject(call, 'project', 'delete');
    if (repositoriesOf(call.state, project).length > 0) {
      throw precondition(`the project ${project.name} contains repositories, can not be deleted`);
    }
    call.state.projects = call.state.projects.filter((one) => one !== project);
    call.state.robots = call.state.robots.filter(({ projectId }) => projectId !== project.id);
    return { status: 200 };
  },
  'GET /projects/:/members': (call) => {
    const project = allowedProject(call, 'member', 'list');
    const { state } = call;
    const all = project.members.map((member) => {
      const [entity_id, entity_type] = 'userId' in member ? [member.userId, 'u'] : [member.groupId, 'g'];
      const name =
        'userId' in member
          ? state.users.find(({ id }) => id === member.userId)?.username
          : state.groups.find(({ id }) => id === member.groupId)?.name;
      return {
        id: member.id,
        project_id: project.id,
        entity_name: name ?? '',
        role_id: member.roleId,
        entity_id,
        entity_type,
      };
    });
    const named = call.query.get('entityname') ?? '';
    const shown = all.filter(({ entity_name }) => named === '' || entity_name === named);
    return paged(
      call,
      shown.toSorted((one, other) => (one.entity_name < other.entity_name ? -1 : 1)),
    );
  },
  'POST /projects/:/members': (call) => {
    const project = allowedProject(call, 'member', 'create');
    const { state, body } = call;
    const roleId = Number(body['role_id']);
    const group = body['member_group'] as { group_name?: string; group_type?: number } | undefined;
    const user = body['member_user'] as { username?: string; user_id?: number } | undefined;
    let added: { userId: number } | { groupId: number };
    if (group?.group_name) {
      added = { groupId: groupNamed(state, group.group_name).id };
    } else {
      // People are not searched for at the issuer.
      const found = state.users.find(({ id, username }) => id === user?.user_id || username === user?.username);
      if (found === undefined) throw notFound(`user ${user?.username ?? ''} not found`);
      added = { userId: found.id };
    }
    const isSame = (one: Project['members'][number]): boolean =>
      'userId' in added
        ? 'userId' in one && one.userId === added.userId
        : 'groupId' in one && one.groupId === added.groupId;
    if (project.members.some(isSame)) throw conflict('the entity is already a member of the project');
    if (![1, 2, 3, 4, 5].includes(roleId)) throw badRequest('Failed to update project member, role is not in 1,2,3');
    const member = { id: state.nextId(), roleId, ...added };
    project.members.push(member);
    return { status: 201, headers: { location: `${call.path}/${member.id}` } };
  },
  'PUT /projects/:/members/:': (call) => {
    const project = allowedProject(call, 'member', 'update');
    // Also where there is none.
    const member = project.members.find(({ id }) => id === Number(call.params[1]));
    if (member) member.roleId = Number(call.body['role_id']);
    return { status: 200 };
  },
  'DELETE /projects/:/members/:': (call) => {
    const project = allowedProject(call, 'member', 'delete');
    project.members = project.members.filter(({ id }) => id !== Number(call.params[1]));
    return { status: 200 };
  },
  // The router takes a name here, never a number.
  'GET /projects/:/repositories': (call) => {
    const project = allowedProject({ ...call, headers: { 'x-is-resource-name': 'true' } }, 'repository', 'list');
    const all = repositoriesOf(call.state, project).map((name) => {
      const artifacts = call.state.artifacts.filter(({ repository }) => repository === name);
      const times = artifacts.map(({ pushedAt }) => pushedAt).sort();
      return {
        name,
        project_id: project.id,
        artifact_count: artifacts.length,
        pull_count: 0,
        creation_time: times[0],
        update_time: times.at(-1),
      };
    });
    return paged(call, all);
  },
  // A name with slashes is encoded twice: the first decoding is the router's.
  'GET /projects/:/repositories/:/artifacts': (call) => {
    const project = allowedProject({ ...call, headers: { 'x-is-resource-name': 'true' } }, 'artifact', 'list');
    const name = `${project.name}/${decodeURIComponent(call.params[1]!)}`;
    const found = call.state.artifacts.filter(({ repository }) => repository === name);
    if (found.length === 0) throw notFound(`repository ${name} not found`);
    const all = found
      .toSorted((one, other) => other.pushedAt.localeCompare(one.pushedAt))
      .map((one) => ({
        digest: one.digest,
        size: one.size,
        type: one.configMediaType === 'application/vnd.cncf.helm.config.v1+json' ? 'CHART' : 'IMAGE',
        media_type: one.configMediaType,
        manifest_media_type: one.mediaType,
        push_time: one.pushedAt,
        pull_time: '0001-01-01T00:00:00.000Z',
        // Left out without tags, not an empty list.
        ...(one.tags.length > 0 && { tags: one.tags.map((tag) => ({ name: tag, push_time: one.pushedAt })) }),
      }));
    return paged(call, all);
  },
  'DELETE /projects/:/repositories/:': (call) => {
    const project = allowedProject({ ...call, headers: { 'x-is-resource-name': 'true' } }, 'repository', 'delete');
    const name = `${project.name}/${decodeURIComponent(call.params[1]!)}`;
    if (!call.state.artifacts.some(({ repository }) => repository === name))
      throw notFound(`repository ${name} not found`);
    call.state.artifacts = call.state.artifacts.filter(({ repository }) => repository !== name);
    return { status: 200 };
  },
};
