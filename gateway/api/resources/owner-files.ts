import type { FastifyRequest } from 'fastify';
import { nameOf } from '../../files/index.ts';
import type { Owner } from '../../owners/index.ts';
import { type ApiServer, identityOf } from '../context.ts';
import { OwnerFilesRemovalSchema, OwnerFilesSchema, OwnerParamsSchema, RemovedFilesSchema } from '../contract.ts';
import { noteAct } from '../files/note-act.ts';
import { createPlaces, type FileNeeds, type Place } from '../files/places.ts';
import { answers, describe } from './describe.ts';
import { findOwner } from './plans.ts';

const tag = 'Owners';
const pageSize = 1000;

/** What administrators see and do of the files of others: that they are there, how large, and away with them. Nobody looks inside. */
export function ownerFileRoutes(app: ApiServer, context: FileNeeds): void {
  const { owners, shares, actorOf, fileSettings } = context;
  const places = createPlaces(context);

  app.get(
    '/owners/:owner/files',
    describe('admin', tag, 'How large the files of a person or team are', {
      params: OwnerParamsSchema,
      response: answers(200, OwnerFilesSchema),
    }),
    async (request) => {
      const place = await placeOf(request, request.params.owner);
      places.demand(request, 'see', place);
      const { bytes, reserved, limit } = await places.files().usage(place.disk);
      return { bytes, reserved, ...(limit !== undefined && { limit }), trashDays: fileSettings.trashDays };
    },
  );

  app.delete(
    '/owners/:owner/files',
    describe('admin', tag, 'Remove the files of a person or team: into their trash, or for good', {
      params: OwnerParamsSchema,
      querystring: OwnerFilesRemovalSchema,
      response: answers(200, RemovedFilesSchema),
    }),
    async (request) => {
      const place = await placeOf(request, request.params.owner);
      places.demand(request, 'remove', place);
      const { name: actor, address } = actorOf(request);
      const removed = await trashAll(place, actor);
      // A share is of a place: what has left it must not give away what comes to lie there next (decision 0039).
      await shares.endBelow({ kind: 'files', id: place.area.key, path: '' }, { actor, address, reason: 'deleted' });
      const isForGood = request.query.forGood === true;
      const freed = isForGood ? (await places.files().emptyTrash(place.disk)).bytes : 0;
      await noteAct(context, request, isForGood ? 'files.removed' : 'files.trashed', place, { entries: removed });
      return { removed, freed };
    },
  );

  async function placeOf(request: FastifyRequest, name: string): Promise<Place> {
    const owner = await findOwner(owners, name);
    return places.areaNamed(areaNameOf(owner), identityOf(request).principal);
  }

  /** As many entries of the root as there were at first: who goes on writing there is not run after. */
  async function trashAll({ disk }: Place, by: string): Promise<number> {
    const files = places.files();
    const query = { sort: 'name', isDescending: false, offset: 0, limit: pageSize } as const;
    let page = await files.list(disk, [], query);
    const { total } = page;
    let removed = 0;
    while (page.entries.length > 0 && removed < total) {
      for (const { name } of page.entries) await files.trash(disk, [nameOf(name)], by);
      removed += page.entries.length;
      page = await files.list(disk, [], query);
    }
    return removed;
  }
}

const areaNameOf = ({ kind, name }: Owner): string => `${kind}:${name}`;
