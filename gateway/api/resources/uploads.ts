import type { FastifyReply, FastifyRequest } from 'fastify';
import type { DiskArea, Uploader } from '../../files/index.ts';
import { type ApiServer, identityOf } from '../context.ts';
import { noteAct } from '../files/note-act.ts';
import type { FileNeeds, Place, Places } from '../files/places.ts';
import { describe } from './describe.ts';

/**
 * Resumable uploads: the tus protocol 1.0.0 with creation, creation-with-upload, termination and expiration. Metadata: `area`, `path`
 * (`/`-separated text), optionally `sha256` of the whole (hexadecimal), `mtime` (seconds since 1970), `ifMatch`, the version that may be replaced, `ifTaken: beside` for
 * a numbered name where the wanted one is taken, and `key` (16 to 64 of `A-Za-z0-9_-`, random): the id of the upload is then the first 32
 * digits of SHA-256 over `USER-ID/KEY`, so that it can be asked for when the answer to its beginning was lost (decision 0043).
 */
export function uploadRoutes(app: ApiServer, context: FileNeeds, places: Places): void {
  const { accounts } = context;

  async function uploaderFor(request: FastifyRequest, reply: FastifyReply): Promise<Uploader> {
    const { principal } = identityOf(request);
    const named = new Map<string, Place>();

    /** Whether more than adding is allowed there. */
    const demand = (place: Place): { mayReplace: boolean } => {
      named.set(place.area.key, place);
      const mayReplace = places.may(request, 'writeFiles', place);
      if (!mayReplace) places.demand(request, 'addFiles', place);
      if (request.method === 'PATCH' || request.method === 'POST')
        places.follow(request, reply, 'upload', mayReplace ? 'writeFiles' : 'addFiles', place);
      return { mayReplace };
    };
    return {
      userId: principal.id,
      async placeFor(name, path) {
        const place = { ...(await places.areaNamed(name, principal)), path };
        return {
          area: place.disk,
          ...demand(place),
          knownFolders: places.knownFolders(request, place),
          maySeeUsage: places.maySeeUsage(request, place),
        };
      },
      async checkPlace(disk, path) {
        demand({ ...(await places.areaNamed(await nameOfArea(disk), principal)), path });
      },
      note: ({ area, path, isNew, bytes }) =>
        nameOfArea(area)
          .then((name) => places.areaNamed(name, principal))
          .then((place) => noteAct(context, request, 'files.written', { ...place, path }, { bytes, isNew })),
    };

    /** What the person calls an area of the disk now, also when it is somebody else's of which a part is shared with them. */
    async function nameOfArea({ kind, id }: DiskArea): Promise<string> {
      if (id === undefined) return kind;
      const known = named.get(`${kind}/${id}`);
      if (known) return known.area.name;
      if (kind === 'team') return `team:${(await accounts.findTeam(id))?.name ?? ''}`;
      return id === principal.id ? 'private' : `user:${(await accounts.findUser(id))?.username ?? ''}`;
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
