import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Static } from 'typebox';
import { addressOfPath, pathOfAddress, textOf, textOfPath } from '../../files/index.ts';
import { dayMs, knotError } from '../../lib/index.ts';
import { type ApiServer, identityOf } from '../context.ts';
import { type FileActResult, FileActResultSchema, FileActQuerySchema, FileActSchema } from '../contract.ts';
import type { FileActs } from '../files/acts.ts';
import { filename, tagsIn } from '../files/content.ts';
import { entryFor } from '../files/describe-place.ts';
import { noteAct } from '../files/note-act.ts';
import type { FileNeeds, Place, Places } from '../files/places.ts';
import { answers, describe } from './describe.ts';

type FileAct = Static<typeof FileActSchema>;
type Answer = FileActResult | FastifyReply;
type Act = (request: FastifyRequest, reply: FastifyReply, place: Place, body: FileAct) => Promise<Answer>;

/** What is done with files besides reading and writing them: `POST /api/v1/files/AREA/PATH?op=…`, and DELETE into the trash. */
export function fileActRoutes(app: ApiServer, context: FileNeeds, places: Places, done: FileActs): void {
  const { trashDays } = context.fileSettings;
  const note = (request: FastifyRequest, action: string, place: Place, detail?: Parameters<typeof noteAct>[4]) =>
    noteAct(context, request, action, place, detail);

  const acts: Record<string, Act> = {
    async mkdir(request, reply, place) {
      const entry = await done.makeFolder(request, place);
      reply.code(201);
      return { entry: entryFor(entry), ...whereIs(place) };
    },
    move: (request, _reply, place, body) => relocate('move', request, place, body),
    copy: (request, _reply, place, body) => relocate('copy', request, place, body),
    trash: (request, _reply, place, { etag }) => toTrash(request, place, etag === undefined ? undefined : [etag]),
    async restore(request, _reply, place, { id, to, shares }) {
      places.demand(request, 'writeFiles', place);
      if (id === undefined) throw incomplete('id');
      const target = to === undefined ? undefined : await places.placeNamed(to, identityOf(request).principal);
      if (target && target.area.key !== place.area.key) throw otherArea();
      const { path, entry } = await places.files().restore(place.disk, id, target?.path);
      const restored = { ...place, path };
      await note(request, 'files.restored', restored);
      await done.restoreShares(request, restored, shares);
      return { entry: entryFor(entry), ...whereIs(restored) };
    },
    async empty(request, _reply, place, { ids }) {
      places.demand(request, 'manage', place);
      const { bytes, entries } = await places.files().emptyTrash(place.disk, ids);
      await note(request, 'files.trash-emptied', place, { bytes, entries });
      return { freed: bytes };
    },
    async zip(request, reply, place, { names, method = 'store' }) {
      places.demand(request, 'readFiles', place);
      const chosen = names?.map((name) => {
        const [only, ...more] = pathOfAddress(name);
        if (only === undefined || more.length > 0) throw incomplete('names');
        return only;
      });
      const stream = places.files().zip(place.disk, place.path, chosen, method);
      const last = place.path.at(-1);
      const title = last === undefined ? place.area.name.replace(':', '-') : textOf(last);
      places.follow(request, reply, 'download', 'readFiles', place);
      return reply
        .headers({
          'content-type': 'application/zip',
          'content-disposition': `attachment; ${filename(`${title}.zip`)}`,
        })
        .send(stream);
    },
  };

  async function relocate(
    how: 'move' | 'copy',
    request: FastifyRequest,
    from: Place,
    { to, etag, keepsBoth, shares }: FileAct,
  ): Promise<Answer> {
    if (to === undefined) throw incomplete('to');
    const target = await places.placeNamed(to, identityOf(request).principal);
    const ifMatch = tagsIn(request.headers['if-match']);
    const source = etag === undefined ? undefined : [etag];
    const condition = { ifMatch, source, keepsBoth };
    const { entry, skipped, path, endedShares } = await done.relocate(how, request, from, target, condition);
    if (how === 'move') await done.restoreShares(request, { ...target, path }, shares);
    return { entry: entryFor(entry), skipped, endedShares, ...whereIs({ area: target.area, path }) };
  }

  async function toTrash(
    request: FastifyRequest,
    place: Place,
    ifMatch: readonly string[] | undefined,
  ): Promise<FileActResult> {
    const { item, endedShares } = await done.toTrash(request, place, ifMatch);
    return { endedShares, trashed: { ...item, expiresAt: item.deletedAt + trashDays * dayMs } };
  }

  app.post(
    '/files/*',
    describe(
      'person',
      'Files',
      'Make a folder, move, copy, delete, restore, empty the trash, pack',
      {
        querystring: FileActQuerySchema,
        body: FileActSchema,
        response: { ...answers(200, FileActResultSchema), ...answers(201, FileActResultSchema) },
      },
      'files',
    ),
    async (request, reply) => {
      const place = await places.placeOf(request);
      const { op } = request.query;
      return acts[op]!(request, reply, place, request.body) as never;
    },
  );

  app.delete(
    '/files/*',
    describe('person', 'Files', 'Delete into the trash', { response: answers(200, FileActResultSchema) }, 'files'),
    async (request) => toTrash(request, await places.placeOf(request), tagsIn(request.headers['if-match'])),
  );
}

const whereIs = ({ area, path }: Pick<Place, 'area' | 'path'>) => ({
  area: area.name,
  path: textOfPath(path),
  address: addressOfPath(path),
});

const incomplete = (field: string) =>
  knotError('KNOT_API_INPUT', 400, `The body is not valid: ${field} is missing or not what this act needs.`, {
    remedy: 'The API is described at /api/v1/openapi.json.',
    details: { problems: [{ field, message: 'is missing or not what this act needs' }] },
  });

const otherArea = () =>
  knotError('KNOT_API_OTHER_AREA', 409, 'What was deleted comes back to its own area.', {
    remedy: 'Restore it first, then move it.',
  });
