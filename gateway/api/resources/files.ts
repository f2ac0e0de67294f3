import type { FastifyReply, FastifyRequest } from 'fastify';
import { addressOfPath, textOf, textOfPath } from '../../files/index.ts';
import { dayMs, knotError } from '../../lib/index.ts';
import { type ApiServer, identityOf } from '../context.ts';
import {
  FileAreaListSchema,
  type FileRights,
  FileWrittenSchema,
  type Folder,
  type FolderQuery,
  FolderQuerySchema,
  FolderSchema,
} from '../contract.ts';
import type { AreaAction } from '../areas.ts';
import { createFileActs } from '../files/acts.ts';
import { filename, tagsIn } from '../files/content.ts';
import { digestSaid, sendWithDigest } from '../files/digest.ts';
import { describePlace, entryFor } from '../files/describe-place.ts';
import type { Lookers } from '../files/lookers.ts';
import { createPlaces, type FileNeeds, type Place } from '../files/places.ts';
import { answers, describe } from './describe.ts';
import { fileActRoutes } from './file-acts.ts';
import { uploadRoutes } from './uploads.ts';

const tag = 'Files';
const defaultLimit = 100;

/** Files by address: what is there, its bytes, and new bytes. Bodies stream; none is ever held in memory. */
export function fileRoutes(app: ApiServer, context: FileNeeds, lookers: Lookers): void {
  const places = createPlaces(context);
  const acts = createFileActs(context, places);
  const { owners, fileSettings: settings } = context;

  app.get(
    '/areas',
    describe(
      'person',
      tag,
      'The areas of files I can enter, and how full they are',
      {
        response: answers(200, FileAreaListSchema),
      },
      'files',
    ),
    async (request) => {
      const { principal, token } = identityOf(request);
      const found = await owners.areasOf(principal);
      if (token === undefined) lookers.looksAtAreas(principal.id, found);
      const areas = await Promise.all(found.map((area) => describeArea(request, area.name)));
      const { uploadMaxBytes, trashDays } = settings;
      return { areas: areas.filter((area) => area.canList), uploadMaxBytes, trashDays };
    },
  );

  async function describeArea(request: FastifyRequest, name: string) {
    const place = await places.areaNamed(name, identityOf(request).principal);
    const { title, kind, owner } = place.area;
    const may = (action: Parameters<typeof places.may>[1]) => places.may(request, action, place);
    const { limit, ...usage } = await places.files().usage(place.disk);
    return {
      name,
      title,
      kind,
      ...(owner && { owner }),
      canList: may('listFiles'),
      canRead: may('readFiles'),
      canWrite: may('writeFiles'),
      canManage: may('manage'),
      usage: { ...usage, ...(limit !== undefined && { limit }) },
    };
  }

  app.route({
    method: ['GET', 'HEAD'],
    url: '/files/*',
    exposeHeadRoute: false,
    ...describe(
      'person',
      tag,
      'A page of a folder as JSON; of a file its bytes, with ranges',
      {
        querystring: FolderQuerySchema,
        response: answers(200, FolderSchema),
      },
      'files',
    ),
    handler: async (request, reply) => {
      const place = await places.placeOf(request);
      const query = request.query;
      const files = places.files();
      if (query.list === 'trash') return listTrash(request, place, query);
      // Before anything is looked at, so that nobody learns what is there.
      places.demand(request, 'listFiles', place);
      const entry = files.look(place.disk, place.path);
      if (query.list === 'entry')
        return { ...describePlace(place), rights: rightsAt(request, place), entry: entryFor(entry) };
      if (entry.kind !== 'folder') return sendOne(request, reply, place, query);
      if (query.zip !== undefined) return sendZip(request, reply, place, query.zip);
      const startedAt = performance.now();
      const look = noteLook(request, place);
      const folder = await showFolder(request, place, query);
      look?.tookMs(performance.now() - startedAt);
      return folder;
    },
  });

  /** Before the folder is read, so that what changes meanwhile is told. Programs with a token have no page that could be told. */
  function noteLook(request: FastifyRequest, place: Place) {
    const { principal, token } = identityOf(request);
    if (token !== undefined || request.method !== 'GET') return undefined;
    return lookers.looksAt(principal.id, place, places.addressIn(request));
  }

  function rightsAt(request: FastifyRequest, place: Place): FileRights {
    const may = (action: AreaAction) => places.may(request, action, place);
    const canWrite = may('writeFiles');
    return {
      canRead: may('readFiles'),
      canWrite,
      canAdd: canWrite || may('addFiles'),
      canShare: may('share'),
      canManage: may('manage'),
    };
  }

  async function listTrash(
    request: FastifyRequest,
    place: Place,
    { page = 1, limit = defaultLimit }: FolderQuery,
  ): Promise<Folder> {
    places.demand(request, 'writeFiles', place);
    noteLook(request, place);
    const days = settings.trashDays * dayMs;
    const all = places.files().trashed(place.disk);
    const shown = await places.files().sizedTrash(place.disk, all.slice((page - 1) * limit, page * limit));
    const trash = shown.map((item) => ({ ...item, expiresAt: item.deletedAt + days }));
    return { ...describePlace(place), rights: rightsAt(request, place), total: all.length, page, limit, trash };
  }

  function sendOne(request: FastifyRequest, reply: FastifyReply, place: Place, { download }: FolderQuery) {
    places.demand(request, 'readFiles', place);
    const opened = places.files().open(place.disk, place.path);
    return sendWithDigest(request, reply, { ...opened, isKept: download !== undefined }, () =>
      places.follow(request, reply, 'download', 'readFiles', place),
    );
  }

  function sendZip(request: FastifyRequest, reply: FastifyReply, place: Place, method: 'store' | 'deflate') {
    places.demand(request, 'readFiles', place);
    const { path, disk, area } = place;
    const name = path.at(-1);
    const title = name === undefined ? area.name.replace(':', '-') : textOf(name);
    reply.headers({
      'content-type': 'application/zip',
      'content-disposition': `attachment; ${filename(`${title}.zip`)}`,
    });
    if (request.method === 'HEAD') return reply.send('');
    const stream =
      name === undefined ? zipAll(place, method) : places.files().zip(disk, path.slice(0, -1), [name], method);
    places.follow(request, reply, 'download', 'readFiles', place);
    return reply.send(stream);
  }

  const zipAll = ({ disk, path }: Place, method: 'store' | 'deflate') =>
    places.files().zip(disk, path, undefined, method);

  async function showFolder(request: FastifyRequest, place: Place, query: FolderQuery): Promise<Folder> {
    const files = places.files();
    const { disk, path } = place;
    const gone = new AbortController();
    request.raw.once('close', () => gone.abort());
    places.noteUse(request, place);
    const root = places.rootOf(request, place);
    const shown = { ...describePlace(place), rights: rightsAt(request, place), ...(root !== undefined && { root }) };
    if (query.q !== undefined && query.q !== '') {
      const { found, isComplete } = await files.search(disk, path, query.q, gone.signal);
      return {
        ...shown,
        isComplete,
        found: found.map(({ folder, ...entry }) => ({
          ...entryFor(entry),
          folder: addressOfPath(folder),
          folderName: textOfPath(folder),
        })),
      };
    }
    if (query.list === 'usage') {
      const { largest, rest, total, trashed } = await files.picture(disk, path, gone.signal);
      return {
        ...shown,
        largest: largest.map(({ name, ...one }) => ({ ...one, name: textOf(name), address: addressOfPath([name]) })),
        rest,
        everything: total,
        ...(trashed && { trashed }),
      };
    }
    const { page = 1, limit = defaultLimit, sort = 'name' } = query;
    const key = sort.replace('-', '') as 'name' | 'size' | 'modified';
    const isDescending = sort.startsWith('-');
    const { entries, total } = await files.list(disk, path, {
      sort: key,
      isDescending,
      offset: (page - 1) * limit,
      limit,
    });
    return { ...shown, total, page, limit, entries: entries.map(entryFor) };
  }

  void app.register(async (scope) => {
    // Bytes as they come, whatever they are said to be.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _body, done) => done(null));
    scope.put(
      '/files/*',
      describe(
        'person',
        tag,
        'Write a file as a whole; If-Match names the version that may be replaced',
        {
          response: { ...answers(200, FileWrittenSchema), ...answers(201, FileWrittenSchema) },
        },
        'files',
      ),
      async (request, reply) => {
        const place = await places.placeOf(request);
        const { headers } = request;
        if (headers['content-range'] !== undefined) throw partialPut();
        const { entry, isNew } = await acts.write(request, reply, place, {
          ifMatch: tagsIn(headers['if-match']),
          isNew: headers['if-none-match'] !== undefined,
          sha256: digestSaid(request),
        });
        return reply
          .code(isNew ? 201 : 200)
          .header('etag', entry.etag)
          .send({ ...entryFor(entry), path: textOfPath(place.path) });
      },
    );
  });

  fileActRoutes(app, context, places, acts);
  uploadRoutes(app, context, places);
}

/** RFC 9110 section 14.5: a part of a file is not a file. */
const partialPut = () =>
  knotError('KNOT_API_PARTIAL', 400, 'A file is written as a whole here.', {
    remedy: 'Use resumable uploads (tus) at /api/v1/uploads for parts.',
  });
