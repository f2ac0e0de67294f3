import type { FastifyRequest } from 'fastify';
import type { ClientActor } from '../../oidc/index.ts';
import type { Needs, ApiServer } from '../context.ts';
import {
  ClientChangeSchema,
  ClientListSchema,
  ClientParamsSchema,
  ClientSchema,
  CreatedClientSchema,
  NewClientSchema,
  RotatedSecretSchema,
  RotationSchema,
} from '../contract.ts';
import { answers, describe, nothing } from './describe.ts';

const tag = 'Clients';
const overlapSeconds = 24 * 3600;

/** The clients of the OpenID Provider. */
export function clientRoutes(app: ApiServer, { clients, actorOf }: Needs<'clients' | 'actorOf'>): void {
  const by = (request: FastifyRequest): ClientActor => {
    const { name: actor, address } = actorOf(request);
    return { actor, address, origin: 'admin' };
  };

  app.get(
    '/clients',
    describe('admin', tag, 'List clients', { response: answers(200, ClientListSchema) }),
    async () => ({ clients: await clients.list() }),
  );

  app.get(
    '/clients/:clientId',
    describe('admin', tag, 'One client', { params: ClientParamsSchema, response: answers(200, ClientSchema) }),
    async ({ params }) => await clients.get(params.clientId),
  );

  app.post(
    '/clients',
    describe('admin', tag, 'Register a client; its secret is shown only now', {
      body: NewClientSchema,
      response: answers(201, CreatedClientSchema),
    }),
    async (request, reply) => {
      const added = await clients.add({ isPublic: false, ...request.body }, by(request));
      return reply.code(201).send(added);
    },
  );

  app.patch(
    '/clients/:clientId',
    describe('admin', tag, 'Change a client', {
      params: ClientParamsSchema,
      body: ClientChangeSchema,
      response: answers(200, ClientSchema),
    }),
    async (request) => await clients.set(request.params.clientId, request.body, by(request)),
  );

  app.post(
    '/clients/:clientId/secrets',
    describe('admin', tag, 'Give a client another secret, shown only now; the old one works a while longer', {
      params: ClientParamsSchema,
      body: RotationSchema,
      response: answers(201, RotatedSecretSchema),
    }),
    async (request, reply) => {
      const rotation = { overlapSeconds, ...request.body };
      return reply.code(201).send(await clients.rotateSecret(request.params.clientId, rotation, by(request)));
    },
  );

  app.delete(
    '/clients/:clientId',
    describe('admin', tag, 'Remove a client with everything that was given out to it', {
      params: ClientParamsSchema,
      response: nothing,
    }),
    async (request, reply) => {
      await clients.remove(request.params.clientId, by(request));
      return reply.code(204).send(null);
    },
  );
}
