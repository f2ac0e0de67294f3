import type { ChangedUser as AccountAfterChange, User as Account } from '../../accounts/index.ts';
import { knotError } from '../../lib/index.ts';
import { type Needs, type ApiServer, identityOf } from '../context.ts';
import {
  type ChangedUser,
  ChangedUserSchema,
  CreatedUserSchema,
  EndedSchema,
  IdParamsSchema,
  KeepConnectionsSchema,
  NewLinkSchema,
  NewUserSchema,
  SessionListSchema,
  type UserChange,
  UserChangeSchema,
  UserPageSchema,
  UserParamsSchema,
  UserQuerySchema,
  UserSchema,
  UserSessionParamsSchema,
} from '../contract.ts';
import { pageOf } from '../lists.ts';
import { createLinkMaker } from '../new-link.ts';
import { tellApproved } from '../approval-mail.ts';
import { answers, describe, nothing } from './describe.ts';

const tag = 'Users';

export function userRoutes(
  app: ApiServer,
  context: Needs<'accounts' | 'sessions' | 'connections' | 'mail' | 'config' | 'publicAddress' | 'actorOf' | 'log'>,
): void {
  const { accounts, sessions, connections, config, actorOf } = context;
  const links = createLinkMaker(context);

  app.get(
    '/users',
    describe('admin', tag, 'List users', { querystring: UserQuerySchema, response: answers(200, UserPageSchema) }),
    async ({ query: { page, limit, sort, q, ...filter } }) => {
      const { users, total, counts } = await accounts.listUsers({ ...filter, ...pageOf({ page, limit, sort, q }) });
      const admins = await accounts.listUsers({ state: 'active', isAdmin: true, limit: 1 });
      return { users: users.map(toUser), total, counts, admins: admins.total };
    },
  );

  app.get(
    '/users/:idOrName',
    describe('admin', tag, 'One user, by id or name', { params: UserParamsSchema, response: answers(200, UserSchema) }),
    async ({ params: { idOrName } }) =>
      toUser((await accounts.findUser(idOrName)) ?? (await accounts.findUserByName(idOrName)) ?? missing()),
  );

  app.post(
    '/users',
    describe('admin', tag, 'Create a user, who chooses a password through the link', {
      body: NewUserSchema,
      response: answers(201, CreatedUserSchema),
    }),
    async (request, reply) => {
      const { username, email, isAdmin = false } = request.body;
      const actor = actorOf(request);
      const lifetime = { lifetimeSeconds: config.login.linkSeconds };
      const wish = { username, email, isAdmin, state: 'active' as const };
      const { user, ...made } = await accounts.createUserWithLink(wish, lifetime, actor);
      const { newLink } = await links.send(made, user.email);
      return reply.code(201).send({ user: toUser(user), link: newLink });
    },
  );

  app.patch(
    '/users/:id',
    describe('admin', tag, 'Approve, disable, enable, promote or demote a user; correct the address', {
      params: IdParamsSchema,
      body: UserChangeSchema,
      response: answers(200, ChangedUserSchema),
    }),
    async (request) => {
      const { id } = request.params;
      const { state, isAdmin, email, undoes } = request.body;
      const actor = actorOf(request);
      if (undoes !== undefined || state === 'pending') requireOneUndo(request.body);
      const before = await find(id);
      if (undoes !== undefined) {
        if (state === undefined) return toUser(await accounts.setAdmin(id, isAdmin === true, actor, undoes));
        return toUser(await accounts.setState(id, state, actor, undoes));
      }
      const wanted = { email, isAdmin, ...(state === 'pending' ? {} : { state }) };
      const user = await accounts.changeUser(id, wanted, actor);
      if (before.state === 'pending' && user.state === 'active') tellApproved(context, user);
      return toUser(user);
    },
  );

  app.delete(
    '/users/:id',
    describe('admin', tag, 'Delete a user; the name is never given to anyone else', {
      params: IdParamsSchema,
      response: nothing,
    }),
    async (request, reply) => {
      await accounts.deleteUser(request.params.id, actorOf(request));
      return reply.code(204).send(null);
    },
  );

  app.post(
    '/users/:id/reset-links',
    describe('admin', tag, 'Make a link with which the person sets a new password', {
      params: IdParamsSchema,
      response: answers(201, NewLinkSchema),
    }),
    async (request, reply) => {
      const user = await find(request.params.id);
      const { newLink } = await links.make({ kind: 'reset', userId: user.id, mailTo: user.email }, actorOf(request));
      return reply.code(201).send(newLink);
    },
  );

  app.get(
    '/users/:id/sessions',
    describe('admin', tag, 'Where a user is signed in', {
      params: IdParamsSchema,
      response: answers(200, SessionListSchema),
    }),
    async (request) => {
      const current = identityOf(request).session.centralId;
      const listed = await sessions.list((await find(request.params.id)).id);
      return { sessions: listed.map((session) => ({ ...session, isCurrent: session.id === current })) };
    },
  );

  app.delete(
    '/users/:id/sessions/:sessionId',
    describe('admin', tag, 'End one session of a user', { params: UserSessionParamsSchema, response: nothing }),
    async (request, reply) => {
      const { id, sessionId } = request.params;
      const user = await find(id);
      // Ids of others are answered like ids that do not exist: the address names whose session it is.
      const isTheirs = (await sessions.list(user.id)).some((session) => session.id === sessionId);
      if (!isTheirs || !(await sessions.end(sessionId, { actor: actorOf(request).name, reason: 'ended_by_admin' }))) {
        throw knotError('KNOT_API_NO_SESSION', 404, 'There is no such session.');
      }
      if (sessionId === identityOf(request).session.centralId) reply.header('set-cookie', sessions.clearCookie());
      return reply.code(204).send(null);
    },
  );

  app.delete(
    '/users/:id/sessions',
    describe('admin', tag, 'Sign a user out everywhere', {
      params: IdParamsSchema,
      querystring: KeepConnectionsSchema,
      response: answers(200, EndedSchema),
    }),
    async (request) => {
      const { id } = await find(request.params.id);
      const by = { actor: actorOf(request).name, reason: 'ended_by_admin' };
      const ended = await sessions.endAll(id, by);
      const keeps = request.query.keepConnections === true;
      return { ended, connections: keeps ? 0 : await (await connections()).endAll(id, by) };
    },
  );

  async function find(id: string): Promise<Account> {
    return (await accounts.findUser(id)) ?? missing();
  }
}

function missing(): never {
  throw knotError('KNOT_API_NO_USER', 404, 'There is no such user.');
}

/** Somebody is put back among those who wait by an undo alone, and one undo is about one act. */
function requireOneUndo(change: UserChange): void {
  if (isOneAct(change) && change.undoes !== undefined) return;
  throw knotError(
    'KNOT_API_UNDO',
    400,
    'An undo names what its act answered as `undo`: `undoes`, and `state` or `isAdmin`.',
    {
      remedy: 'To keep somebody out, disable the account.',
      details: { problems: [{ field: 'undoes', message: 'stands for one act' }] },
    },
  );
}

const isOneAct = ({ state, isAdmin, email }: UserChange): boolean =>
  (state === undefined) !== (isAdmin === undefined) && email === undefined;

const toUser = (user: AccountAfterChange): ChangedUser => ({ ...user, teams: [...user.teams] });
