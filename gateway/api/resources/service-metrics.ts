import type { ApiServer, Needs } from '../context.ts';
import { IdParamsSchema, ServiceMetricsQuerySchema, ServiceMetricsSchema } from '../contract.ts';
import { answers, describe } from './describe.ts';
import { serviceContext } from './service-context.ts';

/** What a service used, for plots. */
export function serviceMetricsRoutes(
  app: ApiServer,
  context: Needs<'services' | 'shares' | 'decide' | 'demand' | 'actorOf' | 'publicAddress'>,
): void {
  const { servicesOrRefusal, findFor } = serviceContext(context);

  app.get(
    '/services/:id/metrics',
    describe(
      'person',
      'Services',
      'What it used of processors and memory, and its requests, in a part of the last day',
      {
        params: IdParamsSchema,
        querystring: ServiceMetricsQuerySchema,
        response: answers(200, ServiceMetricsSchema),
      },
      'services',
    ),
    async (request) => {
      const service = await findFor(request, request.params.id, 'see', 'see what is used by');
      const metrics = await servicesOrRefusal().metrics(service.id, request.query);
      const { cpu, memory } = service.size ?? {};
      return { ...metrics, limits: { ...(cpu !== undefined && { cpu }), ...(memory !== undefined && { memory }) } };
    },
  );
}
