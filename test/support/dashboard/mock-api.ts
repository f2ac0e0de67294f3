import { join } from 'node:path';
import Fastify, { type FastifyInstance } from 'fastify';
import type { Change, Membership, Topic, UserChange } from '../../../gateway/api/contract.ts';
import type { Identity } from '../../../gateway/lib/index.ts';
import { uiRoutes } from '../../../gateway/ui/index.ts';
import { type MockData } from './mock-data.ts';
import { listRoutes, toTeam } from './mock-lists.ts';
import { ownerRoutes } from './mock-owners.ts';
import { toolRoutes } from './mock-tools.ts';
import { explanationFor, refusalOf, refusedId } from './mock-policies.ts';

export const dashboardBuild = join(import.meta.dirname, '../../../dashboard/build');

/** The build behind gateway/ui, with an API that answers from memory: for looking at pages, not for testing the API. */
export type MockGateway = {
  origin: string;
  data: MockData;
  /** Answers every request of this path (below /api/v1) with a problem until cleared. */
  refuse(path: string, statusCode: number, body?: object): void;
  clearRefusals(): void;
  announce(...changes: (Topic | Change)[]): void;
  dropStreams(): void;
  signOut(): void;
  /** `METHOD path body` of every change that was asked for. */
  changes: string[];
  /** `path` of every question that was asked, below /api/v1. */
  questions: string[];
  close(): Promise<void>;
};

export async function startMockGateway(data: MockData, folder = dashboardBuild): Promise<MockGateway> {
  const app = Fastify({ forceCloseConnections: true });
  const refusals = new Map<string, { statusCode: number; body: object }>();
  const streams = new Set<{ write(text: string): void; end(): void }>();
  const changes: string[] = [];
  const questions: string[] = [];
  let isSignedIn = true;

  app.addContentTypeParser('application/x-www-form-urlencoded', (_request, _payload, done) => done(null, {}));
  app.get('/login', (_request, reply) =>
    reply.type('text/html').send('<!doctype html><title>Sign in</title><h1>Sign in</h1>'),
  );
  app.post('/logout', (_request, reply) => ((isSignedIn = false), reply.redirect('/login', 303)));
  await app.register(
    async (api) => {
      api.addHook('onRequest', async (request, reply) => {
        if (!isSignedIn)
          return reply.code(401).send({ statusCode: 401, code: 'KNOT_API_SIGN_IN', message: 'Sign in first.' });
        if (!data.me.canAdminister && request.url.startsWith('/api/v1/health')) return reply.code(403).send(denial);
        const refusal = refusals.get(request.url.slice('/api/v1'.length).split('?')[0]!);
        if (refusal) return reply.code(refusal.statusCode).send({ statusCode: refusal.statusCode, ...refusal.body });
      });
      api.addHook('preHandler', async (request) => {
        if (request.method === 'GET') questions.push(request.url.slice('/api/v1'.length));
        else changes.push(`${request.method} ${request.url} ${JSON.stringify(request.body ?? null)}`);
      });
      api.get('/events', (request, reply) => {
        reply.hijack();
        reply.raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
        reply.raw.write(':\n\n');
        streams.add(reply.raw);
        request.raw.on('close', () => streams.delete(reply.raw));
      });
      readRoutes(api, data);
      toolRoutes(api);
      changeRoutes(api, data);
    },
    { prefix: '/api/v1' },
  );
  const signInPage = async ({ url }: { url: string }) => `/login?next=${encodeURIComponent(url)}`;
  await app.register(uiRoutes, {
    folder,
    identify: async () => (isSignedIn ? ({} as Identity) : undefined),
    signInPage,
  });
  const origin = await app.listen({ port: 0, host: '127.0.0.1' });

  return {
    origin,
    data,
    changes,
    questions,
    refuse: (path, statusCode, body = {}) => void refusals.set(path, { statusCode, body }),
    clearRefusals: () => refusals.clear(),
    announce: (...told) => {
      const changes = told.map((change) => (typeof change === 'string' ? { topic: change } : change));
      streams.forEach((stream) => stream.write(`event: changed\ndata: ${JSON.stringify({ changes })}\n\n`));
    },
    dropStreams: () => streams.forEach((stream) => stream.end()),
    signOut: () => void (isSignedIn = false),
    close: () => app.close(),
  };
}

const denial = {
  statusCode: 403,
  code: 'KNOT_API_DENIED',
  message: 'You are signed in as ann, and the policies do not allow you to administer this platform.',
  remedy: 'No rule permits it. An administrator can add one to the policy files.',
  details: {
    heading: 'Not allowed',
    facts: [
      ['Decision', 'k3v9x2m4'],
      ['Rule', 'no rule permits'],
      ['Signed in as', 'ann'],
    ],
  },
};

function readRoutes(api: FastifyInstance, data: MockData): void {
  api.get('/me', () => data.me);
  api.get('/services', () => ({ services: [] }));
  api.get('/services/shared', () => ({ services: [] }));
  api.get('/templates', () => ({ templates: [] }));
  api.get('/tiles', () => ({ tiles: data.tiles }));
  api.post<{ Params: { name: string } }>('/tiles/:name/stop', ({ params }) => {
    data.tiles.find(({ name }) => name === params.name)!.isRunning = false;
    return { isRunning: false };
  });
  api.get('/health', () => ({ status: 'warning', components: data.components }));
  api.get<{ Params: { name: string } }>('/integrations/:name', ({ params }) => ({
    name: params.name,
    title: data.tiles.find(({ name }) => name === params.name)!.title,
    url: 'https://jupyterhub.localhost:8443',
    status: data.tiles.find(({ name }) => name === params.name)!.status,
    health: data.components.filter(({ name }) => name === 'jupyterhub'),
    settings: "c.JupyterHub.authenticator_class = 'generic-oauth'\nc.GenericOAuthenticator.client_id = 'jupyterhub'\n",
  }));
  listRoutes(api, data);
  ownerRoutes(api, data);
  api.get('/users/:id/sessions', () => ({
    sessions: data.sessions.map((session) => ({ ...session, isCurrent: false })),
  }));
  api.get('/invitations', () => ({ invitations: data.invitations }));
  api.get('/account/sessions', () => ({ sessions: data.sessions }));
  api.get('/account/connections', () => ({ connections: data.connections }));
  api.get('/users/:id/connections', () => ({ connections: data.connections }));
  api.get('/clients', () => ({ clients: data.clients }));
  api.get('/policies', () => data.policies);
  api.get('/audit/verification', () =>
    data.isAuditIntact
      ? { isIntact: true, count: data.audit.length }
      : {
          isIntact: false,
          count: data.audit.length,
          brokenSeq: 41,
          message: 'Record 41 does not fit the one before it.',
        },
  );
}

type IdParams = { Params: { id: string; userId: string } };

function changeRoutes(api: FastifyInstance, data: MockData): void {
  const link = (path: string) => ({
    url: `https://localhost:8443/${path}/9Wb2kQn4vTzG7yLxP1sRfH6dJcMaUeOi8tVqXwZ3bNg`,
    expiresAt: Date.now() + 7 * 86_400_000,
    isMailed: false,
  });
  api.patch<IdParams>('/users/:id', ({ params, body }) => {
    const user = data.users.find(({ id }) => id === params.id)!;
    const { undoes, ...wanted } = body as UserChange;
    const before = { state: user.state, isAdmin: user.isAdmin };
    Object.assign(user, wanted);
    if (undoes !== undefined) return user;
    if (wanted.isAdmin !== undefined) return { ...user, undo: { isAdmin: before.isAdmin, undoes: 7 } };
    return before.state === 'active' ? user : { ...user, undo: { state: before.state, undoes: 7 } };
  });
  api.delete<IdParams>('/users/:id', ({ params }, reply) => {
    data.users = data.users.filter(({ id }) => id !== params.id);
    return reply.code(204).send();
  });
  api.post('/users', ({ body }) => {
    const made = { ...(body as { username: string; email: string }), id: `u-${data.users.length}`, isAdmin: false };
    const facts = {
      state: 'active' as const,
      hasName: true,
      hasPassword: false,
      createdAt: Date.now(),
      lastSignInAt: null,
      teams: [],
    };
    data.users.unshift({ ...made, ...facts });
    return { user: data.users[0], link: link('invite') };
  });
  api.post('/users/:id/reset-links', () => link('reset'));
  api.post('/clients', ({ body }) => {
    const { name, clientId = name.toLowerCase().replaceAll(' ', '-') } = body as { name: string; clientId?: string };
    data.clients.push({
      ...data.clients[1]!,
      ...(body as object),
      clientId,
      origin: 'admin',
      previousSecretUntil: null,
    });
    return { clientId, clientSecret: 'Zk3vWn8qTzG7yLxP1sRfH6dJcMaUeOi8tVqXwZ3bNg0' };
  });
  api.post<{ Params: { clientId: string } }>('/clients/:clientId/secrets', ({ params }) => ({
    clientId: params.clientId,
    clientSecret: 'Rt9vWn8qTzG7yLxP1sRfH6dJcMaUeOi8tVqXwZ3bNg0',
    previousSecretUntil: Date.now() + 86_400_000,
  }));
  api.patch<{ Params: { clientId: string } }>('/clients/:clientId', ({ params, body }) =>
    Object.assign(
      data.clients.find(({ clientId }) => clientId === params.clientId)!,
      body,
    ),
  );
  api.delete<{ Params: { clientId: string } }>('/clients/:clientId', ({ params }, reply) => {
    data.clients = data.clients.filter(({ clientId }) => clientId !== params.clientId);
    return reply.code(204).send();
  });
  api.delete('/users/:id/sessions', () => ({ ended: 3, connections: 0 }));
  api.delete<{ Params: { clientId: string } }>('/users/:id/connections/:clientId', ({ params }, reply) => {
    data.connections = data.connections.filter(({ clientId }) => clientId !== params.clientId);
    return reply.code(204).send();
  });
  api.delete<{ Params: { clientId: string } }>('/account/connections/:clientId', ({ params }, reply) => {
    data.connections = data.connections.filter(({ clientId }) => clientId !== params.clientId);
    return reply.code(204).send();
  });
  api.post('/invitations', () => ({ id: 'i-3', ...link('invite') }));
  api.delete<IdParams>('/invitations/:id', ({ params }, reply) => {
    data.invitations = data.invitations.filter(({ id }) => id !== params.id);
    return reply.code(204).send();
  });
  api.post('/teams', ({ body }) => {
    const made = { ...(body as { name: string; title: string }), id: 't-new', createdAt: Date.now(), members: [] };
    data.teams.push(made);
    return toTeam(made);
  });
  api.delete<IdParams>('/teams/:id', ({ params }, reply) => {
    data.teams = data.teams.filter(({ id }) => id !== params.id);
    return reply.code(204).send();
  });
  api.put<IdParams>('/teams/:id/members/:userId', ({ params, body }, reply) => {
    const { members } = data.teams.find(({ id }) => id === params.id)!;
    const { username, email, state } = data.users.find(({ id }) => id === params.userId)!;
    const others = members.filter(({ userId }) => userId !== params.userId);
    const { role } = body as { role: 'member' | 'manager' };
    const before = members.find(({ userId }) => userId === params.userId);
    const person = { userId: params.userId, username, email, state, since: Date.now() };
    const { undoes } = body as Membership;
    members.splice(0, members.length, ...others, { ...person, role });
    return reply.send(before && undoes === undefined ? { undo: { role: before.role, undoes: 7 } } : {});
  });
  api.delete<IdParams>('/teams/:id/members/:userId', ({ params }, reply) => {
    const team = data.teams.find(({ id }) => id === params.id)!;
    const before = team.members.find(({ userId }) => userId === params.userId);
    team.members = team.members.filter(({ userId }) => userId !== params.userId);
    return reply.send(before ? { undo: { role: before.role, undoes: 7 } } : {});
  });
  api.delete<{ Params: { id: string; sessionId: string } }>('/users/:id/sessions/:sessionId', ({ params }, reply) => {
    data.sessions = data.sessions.filter(({ id }) => id !== params.sessionId);
    return reply.code(204).send();
  });
  api.delete<IdParams>('/account/sessions/:id', ({ params }, reply) => {
    data.sessions = data.sessions.filter(({ id }) => id !== params.id);
    return reply.code(204).send();
  });
  api.delete('/account/sessions', () => ({ ended: data.sessions.splice(1).length, connections: 1 }));
  api.put('/account/password', ({ body }, reply) =>
    (body as { current: string }).current === 'correct horse'
      ? reply.code(204).send()
      : reply.code(403).send({
          statusCode: 403,
          code: 'KNOT_API_PASSWORD_WRONG',
          message: 'The current password is not right.',
          details: { problems: [{ field: 'current', message: 'The current password is not right.' }] },
          requestId: 'req-1',
        }),
  );
  api.post('/policies/explanations', ({ body }) => {
    const { as, url } = body as { as: string; url: string };
    return explanationFor(as, url);
  });
  api.get<IdParams>('/policies/refusals/:id', ({ params }, reply) =>
    params.id === refusedId
      ? refusalOf(Date.now())
      : reply.code(404).send({
          statusCode: 404,
          code: 'KNOT_APP_DECISION_UNKNOWN',
          message: 'No refusal of this id is known.',
          requestId: 'req-2',
        }),
  );
}
