import { knotError } from '../../lib/index.ts';
import { type Needs, type ApiServer, identityOf } from '../context.ts';
import {
  EndedSchema,
  IdParamsSchema,
  KeepConnectionsSchema,
  PasswordChangeSchema,
  SessionListSchema,
} from '../contract.ts';
import { renameField } from '../errors.ts';
import { answers, describe, nothing } from './describe.ts';

const tag = 'Account';

/** What people do about their own account; whose it is comes from the session, never from the address. */
export function accountRoutes(
  app: ApiServer,
  context: Needs<'accounts' | 'sessions' | 'connections' | 'audit' | 'throttle' | 'actorOf' | 'addressOf' | 'log'>,
): void {
  const { accounts, sessions, connections, audit, throttle, actorOf, addressOf, log } = context;

  app.get(
    '/account/sessions',
    describe('person', tag, 'Where I am signed in', { response: answers(200, SessionListSchema) }),
    async (request) => {
      const { principal, session } = identityOf(request);
      const listed = await sessions.list(principal.id);
      return { sessions: listed.map((one) => ({ ...one, isCurrent: one.id === session.centralId })) };
    },
  );

  app.delete(
    '/account/sessions/:id',
    describe('person', tag, 'End one of my sessions', { params: IdParamsSchema, response: nothing }),
    async (request, reply) => {
      const { principal, session } = identityOf(request);
      const { id } = request.params;
      // Ids of others are answered like ids that do not exist.
      const isOwn = (await sessions.list(principal.id)).some((one) => one.id === id);
      if (!isOwn || !(await sessions.end(id, { actor: principal.username, reason: 'ended_by_owner' }))) {
        throw knotError('KNOT_API_NO_SESSION', 404, 'There is no such session.');
      }
      if (id === session.centralId) reply.header('set-cookie', sessions.clearCookie());
      return reply.code(204).send(null);
    },
  );

  app.delete(
    '/account/sessions',
    describe('person', tag, 'End all my sessions but this one', {
      querystring: KeepConnectionsSchema,
      response: answers(200, EndedSchema),
    }),
    async (request) => {
      const { principal, session } = identityOf(request);
      const by = { actor: principal.username, reason: 'ended_by_owner' };
      const ended = await sessions.endAll(principal.id, { ...by, exceptId: session.centralId });
      const keeps = request.query.keepConnections === true;
      return { ended, connections: keeps ? 0 : await (await connections()).endAll(principal.id, by) };
    },
  );

  app.put(
    '/account/password',
    describe('person', tag, 'Change my password and end my other sessions', {
      body: PasswordChangeSchema,
      response: nothing,
    }),
    async (request, reply) => {
      const { principal, session } = identityOf(request);
      accounts.expectRoom();
      // Whoever is signed in is known: strangers cannot keep them from changing the password.
      const attempt = { name: principal.username, address: addressOf(request), sessionId: session.centralId };
      const verdict = await throttle.take(attempt);
      if (verdict.isAllowed === false) {
        throw knotError('KNOT_API_TOO_OFTEN', 429, 'The current password was wrong too often.', {
          remedy: `Try again in ${Math.ceil(verdict.retryAfterSeconds / 60)} min.`,
          headers: { 'retry-after': String(verdict.retryAfterSeconds) },
        });
      }
      let verified: Awaited<ReturnType<typeof accounts.verifyPassword>>;
      try {
        verified = await accounts.verifyPassword(principal.username, request.body.current);
      } catch (error) {
        await throttle.refund(attempt);
        throw error;
      }
      if (!verified) {
        await audit.append({
          action: 'password.refused',
          actor: principal.username,
          subject: `user:${principal.username}`,
          outcome: 'refused',
          address: attempt.address,
        });
        const message = 'The current password is not right.';
        throw knotError('KNOT_API_PASSWORD_WRONG', 403, message, {
          details: { problems: [{ field: 'current', message }] },
        });
      }
      await throttle.succeed(attempt);
      const kept = { exceptSessionId: session.centralId, keepsConnections: request.body.keepConnections };
      try {
        await accounts.setPassword(verified.user, request.body.new, actorOf(request), kept);
      } catch (error) {
        throw renameField(error, 'password', 'new');
      }
      log.info({ subject: principal.id }, 'password changed');
      return reply.code(204).send(null);
    },
  );
}
