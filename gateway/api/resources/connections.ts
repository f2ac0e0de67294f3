import { knotError } from '../../lib/index.ts';
import { type Needs, type ApiServer, identityOf } from '../context.ts';
import { ClientParamsSchema, ConnectionListSchema, IdParamsSchema, UserClientParamsSchema } from '../contract.ts';
import { answers, describe, nothing } from './describe.ts';

/** Connected applications: of the person who asks, and for admins of everybody. */
export function connectionRoutes(
  app: ApiServer,
  { accounts, connections, actorOf }: Needs<'accounts' | 'connections' | 'actorOf'>,
): void {
  app.get(
    '/account/connections',
    describe('person', 'Account', 'Applications that may go on for me', {
      response: answers(200, ConnectionListSchema),
    }),
    async (request) => ({ connections: await (await connections()).list(identityOf(request).principal.id) }),
  );

  app.delete(
    '/account/connections/:clientId',
    describe('person', 'Account', 'Disconnect an application', { params: ClientParamsSchema, response: nothing }),
    async (request, reply) => {
      const { name: actor, address } = actorOf(request);
      const by = { actor, address, reason: 'ended_by_owner' };
      await (await connections()).end(identityOf(request).principal.id, request.params.clientId, by);
      return reply.code(204).send(null);
    },
  );

  app.get(
    '/users/:id/connections',
    describe('admin', 'Users', 'Applications that may go on for a user', {
      params: IdParamsSchema,
      response: answers(200, ConnectionListSchema),
    }),
    async (request) => ({ connections: await (await connections()).list(await find(request.params.id)) }),
  );

  app.delete(
    '/users/:id/connections/:clientId',
    describe('admin', 'Users', 'Disconnect an application of a user', {
      params: UserClientParamsSchema,
      response: nothing,
    }),
    async (request, reply) => {
      const { name: actor, address } = actorOf(request);
      const by = { actor, address, reason: 'ended_by_admin' };
      await (await connections()).end(await find(request.params.id), request.params.clientId, by);
      return reply.code(204).send(null);
    },
  );

  async function find(id: string): Promise<string> {
    const user = await accounts.findUser(id);
    if (!user) throw knotError('KNOT_API_NO_USER', 404, 'There is no such user.');
    return user.id;
  }
}
