import { type ApiServer, type Needs } from '../context.ts';
import { IdParamsSchema, ServiceExtensionSchema, ServiceSchema } from '../contract.ts';
import { answers, describe } from './describe.ts';
import { serviceContext } from './service-context.ts';

const tag = 'Services';

/** Waking a service, and keeping it awake. */
export function serviceRestRoutes(
  app: ApiServer,
  context: Needs<'services' | 'shares' | 'decide' | 'demand' | 'actorOf' | 'publicAddress'>,
): void {
  const { servicesOrRefusal, findFor, toService, by } = serviceContext(context);

  app.post(
    '/services/:id/wake',
    describe(
      'person',
      tag,
      'Wake it, as a visit to it does; one that was stopped is not woken',
      { params: IdParamsSchema, response: { ...answers(200, ServiceSchema), 202: ServiceSchema } },
      'services',
    ),
    async (request, reply) => {
      const { id } = request.params;
      await findFor(request, id, 'open', 'wake');
      return reply.code(202).send(await toService(request, await servicesOrRefusal().act(id, 'wake', by(request))));
    },
  );

  app.post(
    '/services/:id/extend',
    describe(
      'person',
      tag,
      'Keep it awake for longer, also when nobody uses it; never for more than a day from now',
      { params: IdParamsSchema, body: ServiceExtensionSchema, response: answers(200, ServiceSchema) },
      'services',
    ),
    async (request) => {
      const { id } = request.params;
      await findFor(request, id, 'manage', 'keep awake');
      return toService(request, await servicesOrRefusal().extend(id, request.body, by(request)), true);
    },
  );
}
