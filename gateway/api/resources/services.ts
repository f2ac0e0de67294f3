import { type JsonObject, knotError } from '../../lib/index.ts';
import { namespaceResource } from '../../owners/index.ts';
import type { Service as OwnService } from '../../services/index.ts';
import { type ApiServer, identityOf, type Needs } from '../context.ts';
import {
  IdParamsSchema,
  LaunchedSchema,
  NewServiceSchema,
  ServiceChangeSchema,
  ServiceEventsSchema,
  ServiceListSchema,
  ServiceQuerySchema,
  ServiceSchema,
  SizesQuerySchema,
  SizesSchema,
} from '../contract.ts';
import { addressesFor } from './addresses.ts';
import { answers, describe } from './describe.ts';
import { serviceContext, toCause } from './service-context.ts';

const tag = 'Services';

/** What people and teams run. */
export function serviceRoutes(
  app: ApiServer,
  context: Needs<'services' | 'addresses' | 'owners' | 'shares' | 'decide' | 'demand' | 'actorOf' | 'publicAddress'>,
): void {
  const { owners, decide, demand } = context;
  const addresses = addressesFor(context);
  const { servicesOrRefusal, may, mayRead, find, findFor, toService, by } = serviceContext(context);

  app.get(
    '/services',
    describe(
      'person',
      tag,
      'What I and my teams run',
      { querystring: ServiceQuerySchema, response: answers(200, ServiceListSchema) },
      'services',
    ),
    async (request) => {
      const { owner } = request.query;
      const services = servicesOrRefusal();
      const mine = async () => {
        const own = await owners.of(identityOf(request).principal);
        return owner === undefined ? own : own.filter(({ name }) => name === owner);
      };
      const asked = owner === '*' ? 'everybody' : await mine();
      const found: OwnService[] = asked === 'everybody' ? await services.all() : await services.of(asked);
      return {
        services: await Promise.all(
          found.filter((service) => may(request, 'see', service)).map((service) => toService(request, service)),
        ),
        ...(await addresses(request, asked)),
      };
    },
  );

  app.post(
    '/services',
    describe(
      'person',
      tag,
      'Launch a service, or with `dryRun` ask whether it would start',
      { body: NewServiceSchema, response: { ...answers(200, LaunchedSchema), 202: LaunchedSchema } },
      'services',
    ),
    async (request, reply) => {
      const { principal } = identityOf(request);
      const { template, name, values, owner: ownerName = principal.username, dryRun = false } = request.body;
      const owner = (await owners.of(principal)).find((one) => one.name === ownerName);
      if (owner === undefined) throw noSuchOwner();
      const resource = namespaceResource(owner);
      const question = { principal, action: 'launch', resource } as const;
      if (dryRun && decide(request, question).effect !== 'allow') return { obstacles: [notForYou(owner.name)] };
      demand(request, question, `start something for ${owner.name}`);
      const services = servicesOrRefusal();
      const wanted = {
        template,
        name,
        owner: { kind: owner.kind, id: owner.id, name: owner.name },
        values: values as JsonObject,
        person: principal,
      };
      if (dryRun) return { obstacles: await services.check(wanted) };
      const service = await services.launch(wanted, by(request));
      return reply.code(202).send({ service: await toService(request, service), obstacles: [] });
    },
  );

  app.get(
    '/sizes',
    describe(
      'person',
      tag,
      'What services can take, and how much of it I or a team of mine has',
      { querystring: SizesQuerySchema, response: answers(200, SizesSchema) },
      'services',
    ),
    async (request) => {
      const { principal } = identityOf(request);
      const owner = (await owners.of(principal)).find(
        ({ name }) => name === (request.query.owner ?? principal.username),
      );
      if (owner === undefined) throw noSuchOwner();
      const { sizes, accelerators, ...told } = await servicesOrRefusal().room(owner);
      return { sizes: [...sizes], accelerators: [...accelerators], ...told };
    },
  );

  app.get(
    '/services/:id',
    describe(
      'person',
      tag,
      'One service',
      { params: IdParamsSchema, response: answers(200, ServiceSchema) },
      'services',
    ),
    async (request) => toService(request, await find(request, request.params.id), true),
  );

  for (const [act, action, summary] of [
    ['start', 'manage', 'Start it, again if it failed'],
    ['stop', 'stop', 'Stop it; the last wish is what happens'],
  ] as const) {
    app.post(
      `/services/:id/${act}`,
      describe(
        'person',
        tag,
        summary,
        { params: IdParamsSchema, response: { ...answers(200, ServiceSchema), 202: ServiceSchema } },
        'services',
      ),
      async (request, reply) => {
        const { id } = request.params;
        await findFor(request, id, action, act);
        return reply.code(202).send(await toService(request, await servicesOrRefusal().act(id, act, by(request))));
      },
    );
  }

  app.patch(
    '/services/:id',
    describe(
      'person',
      tag,
      'Give it other values; it starts anew with them',
      { params: IdParamsSchema, body: ServiceChangeSchema, response: answers(200, ServiceSchema) },
      'services',
    ),
    async (request) => {
      const { id } = request.params;
      await findFor(request, id, 'manage', 'change');
      const { values, revision } = request.body;
      const { history } = servicesOrRefusal();
      return toService(request, await history.change(id, values as JsonObject, by(request), { revision }), true);
    },
  );

  app.delete(
    '/services/:id',
    describe(
      'person',
      tag,
      'Stop it and take it away, with what it kept for itself (`home` goes to the trash); files of its owner stay',
      { params: IdParamsSchema, response: { ...answers(200, ServiceSchema), 202: ServiceSchema } },
      'services',
    ),
    async (request, reply) => {
      const { id } = request.params;
      await findFor(request, id, 'remove', 'remove');
      const service = await servicesOrRefusal().act(id, 'remove', by(request));
      return reply.code(202).send(await toService(request, service));
    },
  );

  app.get(
    '/services/:id/events',
    describe(
      'person',
      tag,
      'Each step in its life',
      { params: IdParamsSchema, response: answers(200, ServiceEventsSchema) },
      'services',
    ),
    async (request) => {
      const service = await findFor(request, request.params.id, 'see', 'see what became of');
      const isRead = mayRead(request, service);
      const events = await servicesOrRefusal().transitions(service.id);
      return {
        events: events.map(({ at, state, actor, cause }) => ({
          ...{ at, state, actor },
          ...(cause && { cause: toCause(cause, isRead) }),
        })),
      };
    },
  );
}

const notForYou = (owner: string) => ({
  field: 'owner',
  message: `You may not start something for ${owner}.`,
  remedy: 'Choose yourself, or ask a manager of the team.',
});

const noSuchOwner = () =>
  knotError('KNOT_API_OTHER_OWNER', 400, 'There is no such owner that you could choose.', {
    remedy: 'Choose yourself, or a team you are in; GET /api/v1/owners lists them.',
    details: { problems: [{ field: 'owner', message: 'is not one of yours' }] },
  });
