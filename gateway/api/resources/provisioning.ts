import type { FastifyRequest } from 'fastify';
import { knotError } from '../../lib/index.ts';
import { namespaceResource, type Owner } from '../../owners/index.ts';
import type { Place as KnownPlace } from '../../provisioning/index.ts';
import { type ApiServer, identityOf, type Needs } from '../context.ts';
import { OwnPlaceSchema, type Place, PlaceListSchema, PlaceParamsSchema } from '../contract.ts';
import { addressesFor } from './addresses.ts';
import { answers, describe, nothing } from './describe.ts';
import { findOwner, noOwner } from './plans.ts';

const tag = 'Kubernetes';

/** How far the places of people and teams in the cluster are. Admins see all of them, whoever else their own and those of their teams. */
export function provisioningRoutes(
  app: ApiServer,
  context: Needs<'places' | 'addresses' | 'owners' | 'decide' | 'decideAdminister' | 'actorOf' | 'publicAddress'>,
): void {
  const addresses = addressesFor(context);
  const { owners, decide, decideAdminister, actorOf } = context;

  app.get(
    '/provisioning',
    describe('admin', tag, 'Everybody’s place in the cluster, and how far it is', {
      response: answers(200, PlaceListSchema),
    }),
    async () => ({ places: (await places().all()).map(toPlace) }),
  );

  app.get(
    '/provisioning/:kind/:name',
    describe(
      'person',
      tag,
      'The place of a person or team in the cluster, and how far it is',
      { params: PlaceParamsSchema, response: answers(200, OwnPlaceSchema) },
      'kubernetes',
    ),
    async (request) => {
      const owner = await ownerOf(request);
      const place = await places().find(owner.id);
      return { ...(place && { place: toPlace(place) }), ...(await addresses(request, [owner])) };
    },
  );

  app.post(
    '/provisioning/:kind/:name/run',
    describe('admin', tag, 'Look at the place of a person or team now, and do what is to be done', {
      params: PlaceParamsSchema,
      response: nothing,
    }),
    async (request, reply) => {
      const { id, kind, name } = await ownerOf(request);
      await places().ask(id, { actor: actorOf(request), subject: `${kind}:${name}` });
      return reply.status(204).send(null);
    },
  );

  /** Nobody learns of an owner whose things they may not see. @throws KNOT_API_NO_OWNER */
  async function ownerOf(request: FastifyRequest): Promise<Owner> {
    const { kind, name } = request.params as { kind: Owner['kind']; name: string };
    places();
    const owner = await findOwner(owners, name);
    const { principal } = identityOf(request);
    const maySee =
      decide(request, { principal, action: 'see', resource: namespaceResource(owner) }).effect === 'allow' ||
      decideAdminister(request, principal).effect === 'allow';
    if (owner.kind === kind && maySee) return owner;
    throw noOwner();
  }

  function places(): NonNullable<typeof context.places> {
    if (context.places) return context.places;
    throw knotError('KNOT_API_NO_CLUSTER', 404, 'This Knot has no cluster: it runs services on its own machine.');
  }
}

function toPlace({ owner, namespace, state, since, steps, overrides }: KnownPlace): Place {
  const { kind, id, name } = owner;
  return { kind, id, name, namespace, state, since, steps: [...steps], overrides: [...overrides] };
}
