import type { FastifyRequest } from 'fastify';
import type { Service as OwnService } from '../../services/index.ts';
import { noSuchShare, type Share as OwnShare, type ShareUse } from '../../shares/index.ts';
import { type ApiServer, identityOf, type Needs } from '../context.ts';
import {
  ChangedServiceShareSchema,
  CreatedServiceShareSchema,
  EndedShareSchema,
  IdParamsSchema,
  NewServiceShareSchema,
  OneServiceShareSchema,
  ReceivedServicesSchema,
  type ServiceShare,
  ServiceShareListSchema,
  ServiceShareParamsSchema,
  ShareChangeSchema,
  ShareUndoSchema,
} from '../contract.ts';
import { createParties } from '../parties.ts';
import { linkWith, shareFacts, undoOfEnd, usesOfOne } from '../share-answers.ts';
import { answers, describe } from './describe.ts';
import { serviceContext } from './service-context.ts';

const tag = 'Services';

/** Whom people and the managers of teams let into what they run, and who came. */
export function serviceShareRoutes(
  app: ApiServer,
  context: Needs<'services' | 'shares' | 'owners' | 'decide' | 'demand' | 'actorOf' | 'publicAddress'>,
): void {
  const { shares } = context;
  const { servicesOrRefusal, may, find, findFor, toService, by } = serviceContext(context);
  const partyOf = createParties(context);

  const thingOf = ({ id }: Pick<OwnService, 'id'>) => ({ kind: 'service', id, path: '' }) as const;

  app.get(
    '/services/shared',
    describe(
      'person',
      tag,
      'Services that are shared with me, or with a team I am in',
      { response: answers(200, ReceivedServicesSchema) },
      'services',
    ),
    async (request) => {
      const given = shares.givenTo(identityOf(request).principal).filter(({ thing }) => thing.kind === 'service');
      const ids = [...new Set(given.map(({ thing }) => thing.id))];
      const found = await Promise.all(ids.map((id) => servicesOrRefusal().find(id)));
      const shown = found
        .filter((service) => service !== undefined)
        // What is theirs anyway stands in their own list.
        .filter((service) => may(request, 'view', service) && !may(request, 'see', service));
      return {
        services: await Promise.all(
          shown.map(async (service) => {
            const ends = given
              .filter(({ thing }) => thing.id === service.id)
              .map(({ expiresAt }) => expiresAt ?? Infinity);
            const last = Math.max(...ends);
            return {
              service: await toService(request, service),
              right: may(request, 'open', service) ? ('open' as const) : ('view' as const),
              expiresAt: Number.isFinite(last) ? last : null,
            };
          }),
        ),
      };
    },
  );

  app.get(
    '/services/:id/shares',
    describe(
      'person',
      tag,
      'Whom it is shared with, and who came',
      { params: IdParamsSchema, response: answers(200, ServiceShareListSchema) },
      'services',
    ),
    async (request) => {
      const found = shares.of(thingOf(await findFor(request, request.params.id, 'share', 'see who reaches')));
      const uses = await shares.usesOf(found);
      return { shares: found.map((share) => toShare(share, uses.get(share.id) ?? [])) };
    },
  );

  app.post(
    '/services/:id/shares',
    describe(
      'person',
      tag,
      'Share it with a person, a team, or whoever holds a link',
      { params: IdParamsSchema, body: NewServiceShareSchema, response: answers(201, CreatedServiceShareSchema) },
      'services',
    ),
    async (request, reply) => {
      const service = await findFor(request, request.params.id, 'share', 'share');
      const { with: whom, right, days, bindsBrowser } = request.body;
      const { kind, id } = service.owner;
      const wanted = {
        right,
        days,
        bindsBrowser,
        party: await partyOf(whom),
        thing: thingOf(service),
        owner: { kind, id },
      };
      const made = await shares.create(wanted, by(request));
      return reply.code(201).send({ share: toShare(made.share, []), ...linkWith(context, made.secret) });
    },
  );

  app.patch(
    '/services/:id/shares/:share',
    describe(
      'person',
      tag,
      'Let a share of it end at another time',
      {
        params: ServiceShareParamsSchema,
        body: ShareChangeSchema,
        response: answers(200, ChangedServiceShareSchema),
      },
      'services',
    ),
    async (request) => {
      const { share, isOwn } = await shareFor(request, shares.find(request.params.share));
      if (!isOwn) throw noSuchShare();
      const changed = await shares.setEnd(share.id, request.body.expiresAt, by(request));
      return { share: await shown(changed), undo: { expiresAt: share.expiresAt } };
    },
  );

  app.delete(
    '/services/:id/shares/:share',
    describe(
      'person',
      tag,
      'End a share of it; what is open by it ends within two seconds. Only a link cannot come back',
      { params: ServiceShareParamsSchema, response: answers(200, EndedShareSchema) },
      'services',
    ),
    async (request) => {
      const { share } = await shareFor(request, shares.find(request.params.share));
      await shares.revoke(share.id, by(request));
      return undoOfEnd(share);
    },
  );

  app.put(
    '/services/:id/shares/:share',
    describe(
      'person',
      tag,
      'Take the end of a share back, with all that was noted about it',
      { params: ServiceShareParamsSchema, body: ShareUndoSchema, response: answers(200, OneServiceShareSchema) },
      'services',
    ),
    async (request) => {
      const revoked = await shares.findRevoked(request.params.share);
      const { share, isOwn } = await shareFor(request, revoked?.share, revoked?.by);
      const restored = await shares.restore(share.id, by(request));
      return { share: isOwn ? await shown(restored) : toShare(restored, []) };
    },
  );

  /**
   * The share that a request is about, for who may share that service, or has it by that very share; to everybody else there is none.
   * `endedBy`: who ended it, and may take that back.
   */
  async function shareFor(
    request: FastifyRequest<{ Params: { id: string; share: string } }>,
    share: OwnShare | undefined,
    endedBy?: string,
  ): Promise<{ share: OwnShare; isOwn: boolean }> {
    const { id } = request.params;
    if (share?.thing.kind !== 'service' || share.thing.id !== id) throw noSuchShare();
    const { principal } = identityOf(request);
    const isMine =
      share.party.kind === 'user' &&
      share.party.id === principal.id &&
      (endedBy === undefined || endedBy === principal.username);
    const service = isMine ? await servicesOrRefusal().find(id) : await find(request, id);
    if (service === undefined) throw noSuchShare();
    const isOwn = may(request, 'share', service);
    if (!isOwn && !isMine) throw noSuchShare();
    return { share, isOwn };
  }

  const shown = async (share: OwnShare): Promise<ServiceShare> => toShare(share, await usesOfOne(context, share));
}

function toShare(share: OwnShare, uses: readonly ShareUse[]): ServiceShare {
  return { ...shareFacts(share, uses), right: share.right === 'open' ? 'open' : 'view' };
}
