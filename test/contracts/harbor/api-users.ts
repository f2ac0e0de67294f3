import { paged, type Routes, textOf } from './api.ts';
import {
  badRequest,
  conflict,
  forbidden,
  noGroups,
  notFound,
  precondition,
  randomSecret,
  type State,
  unauthorized,
  type User,
} from './state.ts';
import { maySystem, type Who } from './who.ts';

const isSelf = (who: Who, user: User): boolean => who.kind === 'user' && who.user === user;

const described = (state: State, user: User) => ({
  user_id: user.id,
  username: user.username,
  email: user.email,
  realname: user.username,
  sysadmin_flag: user.isAdmin,
  admin_role_in_auth: user.adminByGroup,
  // In clear, for themselves and whoever may read people.
  ...(state.settings.auth_mode === 'oidc_auth' &&
    user.oidc && {
      oidc_user_meta: { id: user.id, user_id: user.id, subiss: user.oidc.subjectAndIssuer, secret: user.oidc.secret },
    }),
});

function userOf(state: State, id: string | undefined): User {
  const user = state.users.find((one) => one.id === Number(id));
  if (user === undefined) throw notFound(`user ${id} not found`);
  return user;
}

const isGood = (secret: string): boolean =>
  secret.length >= 8 && secret.length <= 128 && [/[a-z]/, /[A-Z]/, /\d/].every((kind) => kind.test(secret));

export const userRoutes: Routes = {
  'GET /users/current': ({ state, who }) => {
    if (who.kind === 'nobody') throw unauthorized();
    if (who.kind !== 'user') throw precondition('get current user not available for security context: robot');
    return { status: 200, body: described(state, who.user) };
  },
  'GET /users': ({ state, who, query, path }) => {
    if (!maySystem(who, 'user', 'list')) throw who.kind === 'nobody' ? unauthorized() : forbidden();
    const part = query.get('username') ?? '';
    const listed = state.users.filter(({ id, username }) => id !== 1 && username.includes(part));
    return paged(
      { query, path },
      listed.map(({ id, username, email, isAdmin }) => ({ user_id: id, username, email, sysadmin_flag: isAdmin })),
    );
  },
  // Whoever's name holds it, the shortest first: the first ten, whatever page is asked for. The administrator is not counted.
  'GET /users/search': ({ state, who, query, path }) => {
    if (who.kind === 'nobody') throw unauthorized();
    const part = query.get('username') ?? '';
    const found = state.users.filter(({ username }) => username.includes(part));
    const counted = found.filter(({ id }) => id > 1);
    const { headers = {} } = paged({ query, path }, counted);
    if (counted.length === 0) return { status: 200, headers, body: [] };
    const order = (one: User, other: User): number =>
      one.username.length - other.username.length || (one.username < other.username ? -1 : 1);
    const shown = found.toSorted(order).slice(0, Number(query.get('page_size') ?? 10));
    return { status: 200, headers, body: shown.map(({ id, username }) => ({ user_id: id, username })) };
  },
  'POST /users': ({ state, who, body, path }) => {
    if (state.settings.auth_mode !== 'db_auth') {
      throw forbidden(`creating local user is not allowed under auth mode: ${state.settings.auth_mode}`);
    }
    if (!maySystem(who, 'user', 'create')) throw who.kind === 'nobody' ? unauthorized() : forbidden();
    const [username, email] = [textOf(body['username']), textOf(body['email'])];
    if (state.users.some((one) => one.username === username || one.email === email))
      throw conflict(`User ${username} already exists`);
    const id = state.nextId();
    state.users.push({ ...noGroups, id, username, email, isAdmin: false, password: String(body['password']) });
    return { status: 201, headers: { location: `${path}/${id}` } };
  },
  'GET /users/:': ({ state, who, params }) => {
    if (who.kind === 'nobody') throw unauthorized();
    const mayAll = maySystem(who, 'user', 'read');
    if (!mayAll && !(who.kind === 'user' && who.user.id === Number(params[0]))) {
      throw forbidden(`Not authorized to read user: ${params[0]}`);
    }
    return { status: 200, body: described(state, userOf(state, params[0])) };
  },
  'DELETE /users/:': ({ state, who, params }) => {
    if (!maySystem(who, 'user', 'delete'))
      throw who.kind === 'nobody' ? unauthorized() : forbidden('Not authorized to delete users');
    const user = userOf(state, params[0]);
    if (user.id === 1 || isSelf(who, user)) throw forbidden(`User with ID ${user.id} cannot be deleted`);
    // Its name and address are free again; the row stays, under another name.
    state.users = state.users.filter((one) => one !== user);
    return { status: 200 };
  },
  'PUT /users/:/cli_secret': ({ state, who, params, body }) => {
    if (state.settings.auth_mode !== 'oidc_auth') {
      throw precondition(`unable to update CLI secret under authmode: ${state.settings.auth_mode}`);
    }
    if (who.kind === 'nobody') throw unauthorized();
    const isOwn = who.kind === 'user' && who.user.id === Number(params[0]);
    if (!isOwn && !maySystem(who, 'user', 'update')) {
      throw forbidden(`Not authorized to update the CLI secret for user: ${params[0]}`);
    }
    const secret = textOf(body['secret']);
    if (secret !== '' && !isGood(secret)) {
      throw badRequest(
        'the password or secret must be longer than 8 chars with at least 1 uppercase letter, 1 lowercase letter and 1 number',
      );
    }
    const user = userOf(state, params[0]);
    if (user.oidc === undefined) throw notFound(`user ${user.id} has no OIDC information`);
    user.oidc.secret = secret === '' ? randomSecret() : secret;
    return { status: 200 };
  },
  'GET /usergroups': ({ state, who, query, path }) => {
    if (!maySystem(who, 'user-group', 'list')) throw who.kind === 'nobody' ? unauthorized() : forbidden();
    const part = query.get('group_name') ?? '';
    return paged(
      { query, path },
      state.groups
        .filter(({ name }) => name.includes(part))
        .map(({ id, name }) => ({ id, group_name: name, group_type: 3 })),
    );
  },
};
