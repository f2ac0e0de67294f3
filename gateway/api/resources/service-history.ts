import type { FastifyRequest } from 'fastify';
import type { Became } from '../../services/index.ts';
import { type ApiServer, identityOf, type Needs } from '../context.ts';
import {
  IdParamsSchema,
  type ServiceChanged,
  ServiceChangedSchema,
  ServiceFormSchema,
  ServiceRevisionsSchema,
  ServiceRollbackSchema,
  ServiceUpgradeSchema,
} from '../contract.ts';
import { answers, describe } from './describe.ts';
import { serviceContext } from './service-context.ts';

const tag = 'Services';

/** What a service was before, its way to a newer version of its template, and back. */
export function serviceHistoryRoutes(
  app: ApiServer,
  context: Needs<'services' | 'sizes' | 'shares' | 'decide' | 'demand' | 'actorOf' | 'publicAddress'>,
): void {
  const { servicesOrRefusal, findFor, toService, by } = serviceContext(context);

  const told = async (request: FastifyRequest, { service, ...preview }: Became): Promise<ServiceChanged> => ({
    ...preview,
    ...(service && { service: await toService(request, service, true) }),
  });

  app.get(
    '/services/:id/form',
    describe(
      'person',
      tag,
      'The form of its values, as the version it runs has it',
      { params: IdParamsSchema, response: answers(200, ServiceFormSchema) },
      'services',
    ),
    async (request) => {
      const { template } = await findFor(request, request.params.id, 'manage', 'see the values of');
      const { schema, defaults } = template;
      return { schema, ...(defaults && { defaults }), sizes: [...context.sizes] };
    },
  );

  app.get(
    '/services/:id/revisions',
    describe(
      'person',
      tag,
      'What it was made of, and what each change changed',
      { params: IdParamsSchema, response: answers(200, ServiceRevisionsSchema) },
      'services',
    ),
    async (request) => {
      const { id } = request.params;
      // Values are told to who may change them, and to nobody else.
      await findFor(request, id, 'manage', 'see what there was of');
      const revisions = await servicesOrRefusal().history.revisions(id);
      return {
        revisions: revisions.map(({ template, ...revision }) => ({
          ...revision,
          template: { id: template.id, title: template.title, version: template.version },
        })),
      };
    },
  );

  app.post(
    '/services/:id/upgrade',
    describe(
      'person',
      tag,
      'Upgrade it to the version that its template has today, with what was chosen; with `dryRun`, say what that changes',
      { params: IdParamsSchema, body: ServiceUpgradeSchema, response: answers(200, ServiceChangedSchema) },
      'services',
    ),
    async (request) => {
      const { id } = request.params;
      await findFor(request, id, 'manage', 'upgrade');
      const { principal: person } = identityOf(request);
      return told(request, await servicesOrRefusal().history.upgrade(id, { ...by(request), person }, request.body));
    },
  );

  app.post(
    '/services/:id/rollback',
    describe(
      'person',
      tag,
      'Make it what it was before: its template and values; files stay as they are. With `dryRun`, say what that changes',
      { params: IdParamsSchema, body: ServiceRollbackSchema, response: answers(200, ServiceChangedSchema) },
      'services',
    ),
    async (request) => {
      const { id } = request.params;
      await findFor(request, id, 'manage', 'roll back');
      return told(request, await servicesOrRefusal().history.rollback(id, by(request), request.body));
    },
  );
}
