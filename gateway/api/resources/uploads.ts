import type { FastifyReply, FastifyRequest } from 'fastify';
import type { DiskArea, Uploader } from '../../files/index.ts';
import { type ApiServer, identityOf } from '../context.ts';
import { noteAct } from '../files/note-act.ts';
import type { FileNeeds, Place, Places } from '../files/places.ts';
import { describe } from './describe.ts';

/**
 * Resumable uploads: the tus protocol 1.0.0 with creation, creation-with-upload, termination and expiration. Metadata: `area`, `path`
 * (`/`-separated text), optionally `sha256` of the whole (hexadecimal) and `ifMatch`, the version that may be replaced.
 */
export function uploadRoutes(app: ApiServer, context: FileNeeds, places: Places): void {
  const { owners } = context;

  async function uploaderFor(request: FastifyRequest, reply: FastifyReply): Promise<Uploader> {
    const { principal } = identityOf(request);
    const named = new Map<string, Place>();

    const demand = (place: Place): void => {
      named.set(place.area.key, place);
      if (!places.may(request, 'writeFiles', place)) places.demand(request, 'addFiles', place);
    };
    const follow = (place: Place): void => {
      if (request.method === 'PATCH' || request.method === 'POST') {
        const action = places.may(request, 'writeFiles', place) ? 'writeFiles' : 'addFiles';
        places.follow(request, reply, 'upload', action, place);
      }
    };
    return {
      userId: principal.id,
      async areaFor(name) {
        const place = await places.areaNamed(name, principal);
        demand(place);
        follow(place);
        return place.disk;
      },
      async checkArea(disk) {
        const place = await places.areaNamed(await nameOfArea(disk), principal);
        demand(place);
        follow(place);
      },
      note: ({ area, path, isNew, bytes }) =>
        nameOfArea(area)
          .then((name) => places.areaNamed(name, principal))
          .then((place) => noteAct(context, request, 'files.written', { ...place, path }, { bytes, isNew })),
    };

    /** What the person calls an area of the disk now; a team that they left has no name for them. */
    async function nameOfArea(disk: DiskArea): Promise<string> {
      const key = disk.id === undefined ? disk.kind : `${disk.kind}/${disk.id}`;
      const known = named.get(key);
      if (known) return known.area.name;
      return (await owners.areasOf(principal)).find((area) => area.key === key)?.name ?? '';
    }
  }

  void app.register(async (scope) => {
    // The library reads the bytes itself.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _body, done) => done(null));
    const handler = async (request: FastifyRequest, reply: FastifyReply) => {
      const uploader = await uploaderFor(request, reply);
      const { uploads } = places.files();
      // The headers of every answer of the API, which the library knows nothing of.
      for (const [name, value] of Object.entries(reply.getHeaders()))
        if (value !== undefined) reply.raw.setHeader(name, value);
      reply.hijack();
      await uploads.handle(request.raw, reply.raw, uploader);
    };
    const route = (method: ('POST' | 'HEAD' | 'PATCH' | 'DELETE')[], url: string, summary: string) =>
      scope.route({
        method,
        url,
        exposeHeadRoute: false,
        ...describe('person', 'Files', summary, {}, 'files'),
        handler,
      });
    route(['POST'], '/uploads', 'Begin a resumable upload (tus)');
    route(['HEAD', 'PATCH', 'DELETE'], '/uploads/:id', 'Go on with, ask about or give up an upload (tus)');
  });
}
